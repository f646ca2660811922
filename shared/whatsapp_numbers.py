"""WhatsApp recipients, as people write them, brought into the one form that is sent to: `<digits>@c.us` (contract P7).

+79991234567, 79991234567, 8 (999) 123-45-67, 79991234567@c.us      the same recipient
"""

from __future__ import annotations

import re

from shared.errors import AvioError, Code

_UNSEEN = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_SEPARATORS = re.compile(r"[\s().\-\u2010-\u2015]")
_DIGITS = re.compile(r"[0-9]{10,15}", re.ASCII)
_USER = re.compile(r"([0-9]{5,20})(?::[0-9]{1,3})?", re.ASCII)
_PHONE_SERVERS = frozenset({"c.us", "s.whatsapp.net"})


def recipient_of(to: str) -> str:
    """Return `<digits>@c.us`. A recipient in this form stays as it is.

    Raises `invalid_phone` for what is no number of 10 to 15 digits, and `recipient_unsupported` for groups, broadcasts, newsletters and
    hidden ids (`@lid`). It does not ask whether the number is assigned: numbering plans know less of that than WhatsApp
    (Brazil without the ninth digit, Mexico's 521, Argentina's 549).
    """
    text = _UNSEEN.sub("", to).strip().removeprefix("tel:")
    user, at, server = text.partition("@")
    return f"{_user_of(user, server.lower()) if at else _number(text)}@c.us"


def _user_of(user: str, server: str) -> str:
    """Return the number in a JID. It is international already, whatever it begins with; a device's number is left out."""
    if server not in _PHONE_SERVERS:
        raise AvioError(Code.RECIPIENT_UNSUPPORTED)
    found = _USER.fullmatch(user)
    if not found:
        raise _no_number()
    return found[1]


def _number(text: str) -> str:
    """Return the digits of a number. Eleven digits that begin with 8 are Russia's or Kazakhstan's national form, where that is a number."""
    written = _SEPARATORS.sub("", text)
    digits = written.removeprefix("+")
    if not _DIGITS.fullmatch(digits):
        raise _no_number()
    if not written.startswith("+") and len(digits) == 11 and digits.startswith("8") and _is_assigned(f"+7{digits[1:]}"):
        return f"7{digits[1:]}"
    return digits


def _is_assigned(number: str) -> bool:
    import phonenumbers  # here, since it takes 10 ms, and most cold starts do not need it

    return phonenumbers.is_valid_number(phonenumbers.parse(number))


def _no_number() -> AvioError:
    return AvioError(Code.INVALID_PHONE, "A WhatsApp recipient is a number of 10 to 15 digits in international form, or <number>@c.us.")
