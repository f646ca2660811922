"""The ids of people and chats as providers of WhatsApp write them. Pure.

    +7 999 123-45-67, 79991234567            -> 79991234567@c.us
    79991234567:12@s.whatsapp.net            -> 79991234567@c.us      (a device of that person)
    120363041234567890@g.us                  -> as it is: a group
    8877665544@lid                           -> as it is: a person whose phone is not known
    status@broadcast, 1203630@newsletter     -> as it is: a broadcast

A number that a provider posts is international already, so it is not rewritten.
"""

from __future__ import annotations

import re

from shared.model.event import ChatType

_JID = re.compile(r"([0-9A-Za-z._-]{1,40})(?::[0-9]{1,5})?@([a-z][a-z.]{0,19})")
_PHONE = re.compile(r"\+?([0-9]{5,15})", re.ASCII)
_BETWEEN = re.compile(r"[\s().\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069\ufeff-]")
_PERSON, _GROUP, _BROADCASTS = "c.us", "g.us", frozenset({"broadcast", "newsletter"})
_DOMAINS = {"s.whatsapp.net": _PERSON}


def id_of(written: str) -> str:
    """Return the id in its one form; raises ValueError. It has 62 characters at most, and none that a key or a queue gives a meaning to."""
    if jid := _JID.fullmatch(written.strip()):
        user, domain = jid.groups()
        return f"{user}@{_DOMAINS.get(domain, domain)}"
    if phone := _PHONE.fullmatch(_BETWEEN.sub("", written)):
        return f"{phone[1]}@{_PERSON}"
    raise ValueError("This should be a phone in international form, like +79991234567, or a JID, like 79991234567@c.us.")


def phone_of(person: str) -> str | None:
    """Return the phone that an id is made of, None if it is made of something else."""
    user, _, domain = person.partition("@")
    return f"+{user}" if domain == _PERSON and user.isdigit() else None


def chat_type_of(chat: str) -> ChatType:
    """Return what kind of chat an id is of."""
    domain = chat.partition("@")[2]
    if domain in _BROADCASTS:
        return "channel"
    return "group" if domain == _GROUP else "private"
