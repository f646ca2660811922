"""Whom a message goes to, as callers write it (contract M1).

"me"                 Saved Messages
"@name"              a user, group or channel by its public name
123, "-100123"       a marked id, as events carry it in chat_id and sender_id
"+79001234567"       a phone number: not supported yet
"""

from __future__ import annotations

import re

from shared.errors import AvioError, Code
from shared.phones import e164

_NAME = re.compile(r"@[A-Za-z0-9_]{4,32}")
_NUMBER = re.compile(r"-?[1-9][0-9]{0,17}")
_LIMIT = 10**18
SCHEMA = {
    "anyOf": [
        {"type": "integer", "exclusiveMinimum": -_LIMIT, "exclusiveMaximum": _LIMIT, "not": {"const": 0}},
        {"type": "string", "maxLength": 64, "pattern": f"^({_NAME.pattern}|{_NUMBER.pattern}|me|\\+.*)$"},
    ]
}
"""How the document says what a peer is: what begins with + is taken for a phone number, and answered as such."""


def parse(peer: str | int) -> str:
    """Return `me`, a name with its @, or a marked id in digits, as the owner takes it.

    Raises `invalid_request` for what is none of these, `invalid_phone` for what begins like a phone number and is none, and
    `not_supported` for a phone number.
    """
    if isinstance(peer, int):
        return _marked(peer)
    peer = peer.strip()
    if peer == "me" or _NAME.fullmatch(peer):
        return peer
    if _NUMBER.fullmatch(peer):
        return _marked(int(peer))
    if peer.startswith("+"):
        e164(peer)
        raise AvioError(Code.NOT_SUPPORTED, "Sending to a phone number is not supported yet. Name the peer by @username or id.")
    raise _refused("A peer is me, @username (4 to 32 letters, digits and underscores), or a numeric id.")


def _marked(peer: int) -> str:
    if peer == 0 or abs(peer) >= _LIMIT:
        raise _refused("An id is a whole number other than zero, of at most 18 digits.")
    return str(peer)


def _refused(why: str) -> AvioError:
    return AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.peer", "problem": why}])
