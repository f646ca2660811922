"""Whom a message goes to, as callers write it (contract M1), brought into the form that commands carry (shared/rpc/recipient.py).

"me"                                            Saved Messages
"@name", "name", "t.me/name", "tg://resolve?domain=name", "https://t.me/name/5"
                                                a user, group or channel by its public name; of a message's link, its chat
"t.me/c/123/5", "tg://privatepost?channel=123"  a supergroup or channel by the link of one of its messages
123, "-100123", "tg://user?id=123"              an id: marked, as events carry it in chat_id and sender_id, or bare
"+79001234567", "tel:+7 (900) …", "t.me/+79…"   a phone number, as people write it
"t.me/+hash", "t.me/joinchat/hash"              an invite link: names no chat that one is in
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote

from shared.errors import AvioError, Code
from shared.phones import e164

MAX_LENGTH = 256
_NAME = re.compile(r"[A-Za-z0-9_]{4,32}")
_BARE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_NUMBER = re.compile(r"-?[1-9][0-9]{0,17}")
_LINK = re.compile(r"(?:https?://)?(?:www\.)?(?:t|telegram)\.(?:me|dog)/(.*)", re.IGNORECASE | re.DOTALL)
_APP_LINK = re.compile(r"tg:(?://)?([a-z]+)/?\?(.*)", re.IGNORECASE | re.DOTALL)
_PHONE_WITHOUT_PLUS = re.compile(r"(?![0-9]{19})[0-9][0-9\s().\-\u00a0]{6,}")
_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
_NO_NAMES = {
    "share",
    "login",
    "proxy",
    "socks",
    "boost",
    "contact",
    "invoice",
    "addlist",
    "addstickers",
    "addemoji",
    "addtheme",
    "setlanguage",
}
"""First parts of links that are about something else than the chat of that name: https://core.telegram.org/api/links."""
_LIMIT = 10**18
_LINKS = r"(?:https?://)?(?:www\.)?[Tt](?:elegram)?\.(?:me|dog)/.*|[Tt][Gg]:.*"
SCHEMA = {
    "anyOf": [
        {"type": "integer", "exclusiveMinimum": -_LIMIT, "exclusiveMaximum": _LIMIT, "not": {"const": 0}},
        {
            "type": "string",
            "maxLength": MAX_LENGTH,
            "pattern": rf"^(@{_NAME.pattern}|{_BARE_NAME.pattern}|{_NUMBER.pattern}|me|\+.*|tel:.*|{_LINKS})$",
        },
    ]
}
"""How the document says what a peer is: what begins like a phone number or a link is taken for one, and answered as such."""


PATH_PATTERN = rf"^(@{_NAME.pattern}|{_BARE_NAME.pattern}|{_NUMBER.pattern}|me|\+[0-9 ().-]+)$"
"""How the document says what a peer is in an address: links have slashes, which end a part of it."""


def parse_field(name: str, peer: str | int, where: str = "body") -> str:
    """Return what `parse` returns; a refusal names the field that this peer stands in, in the body or the `path`."""
    try:
        return parse(peer)
    except AvioError as error:
        for problem in error.fields.get("fields", []):
            problem["field"] = f"{where}.{name}"
        raise


def parse(peer: str | int) -> str:
    """Return `me`, a name with its @, a marked or bare id in digits, or a phone in E.164.

    Raises `invalid_request` for what is none of these, `invalid_phone` for what is like a phone number and none, `invite_link`, and
    `peer_not_found` for a link that names no user or chat.
    """
    if isinstance(peer, int):
        return _id(peer)
    peer = peer.strip()
    if peer == "me" or (peer.startswith("@") and _NAME.fullmatch(peer, 1)):
        return peer
    if _NUMBER.fullmatch(peer):
        return _id(int(peer))
    if link := _LINK.fullmatch(peer):
        return _of_link(link[1])
    if link := _APP_LINK.fullmatch(peer):
        return _of_app_link(link[1].lower(), link[2])
    if _BARE_NAME.fullmatch(peer):
        return f"@{peer}"
    if peer.lstrip("\u200e\u200f\u202a\u202c\u200b\ufeff").startswith(("+", "tel:")) or _PHONE_WITHOUT_PLUS.fullmatch(peer):
        return e164(peer)
    raise _refused(
        "A peer is me, @username (4 to 32 letters, digits and underscores), a numeric id, a phone that begins with +, or a t.me link."
    )


def _of_link(path: str) -> str:
    """Return the recipient of a t.me link, given what comes after the host."""
    first, *more = [unquote(part) for part in re.split(r"[?#]", path, maxsplit=1)[0].split("/") if part] or [""]
    if first.startswith("+") and _DIGITS.fullmatch(first, 1):
        return e164(first)
    if first.startswith("+") or first.lower() == "joinchat":
        raise AvioError(Code.INVITE_LINK)
    if first == "c" and more and _NUMBER.fullmatch(more[0]):
        return _channel(more[0])
    if first == "s" and more:
        first = more[0]
    return _name(first)


def _of_app_link(action: str, query: str) -> str:
    """Return the recipient of a tg:// link: https://core.telegram.org/api/links."""
    given = {name: values[0] for name, values in parse_qs(query).items()}
    match action, given:
        case "resolve", {"domain": name}:
            return _name(name)
        case "resolve", {"phone": phone}:
            return e164(f"+{phone.strip().removeprefix('+')}")
        case "join", _:
            raise AvioError(Code.INVITE_LINK)
        case "privatepost", {"channel": channel} if _NUMBER.fullmatch(channel):
            return _channel(channel)
        case (("user" | "openmessage"), ({"id": number} | {"user_id": number})) if _NUMBER.fullmatch(number):
            return _id(int(number))
    raise _no_chat()


def _name(name: str) -> str:
    if not _BARE_NAME.fullmatch(name) or name.lower() in _NO_NAMES:
        raise _no_chat()
    return f"@{name}"


def _channel(number: str) -> str:
    """Return the marked id of a channel: https://core.telegram.org/api/bots/ids."""
    if not 0 < int(number) < 10**12:
        raise _no_chat()
    return str(-(10**12) - int(number))


def _id(peer: int) -> str:
    if peer == 0 or abs(peer) >= _LIMIT:
        raise _refused("An id is a whole number other than zero, of at most 18 digits.")
    return str(peer)


def _no_chat() -> AvioError:
    return AvioError(Code.PEER_NOT_FOUND, "This link names no user or chat. Take the link of a user, a group, a channel or a message.")


def _refused(why: str) -> AvioError:
    return AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.peer", "problem": why}])
