"""Whom a request means. Access hashes are another for every account, and are checked.

https://core.telegram.org/api/peers: an id alone is not enough, except for oneself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import types

from local.telegram.model.person import Person
from local.telegram.rpc.call import Call
from local.telegram.rpc.errors import bad_request


def peer_person(call: Call, peer: Any) -> Person:
    """Return the person behind an InputPeer or raise PEER_ID_INVALID."""
    person = find_person(call, peer)
    if person is None:
        raise bad_request("PEER_ID_INVALID")
    return person


def user_person(call: Call, user: Any) -> Person:
    """Return the person behind an InputUser or raise USER_ID_INVALID."""
    person = find_person(call, user)
    if person is None:
        raise bad_request("USER_ID_INVALID")
    return person


def find_person(call: Call, peer: Any) -> Person | None:
    """Return the person behind an InputPeer or InputUser, None when the caller may not name them so."""
    finder = _FINDERS.get(type(peer))
    return finder(call, peer) if finder else None


def _myself(call: Call, peer: Any) -> Person | None:
    return call.me


def _by_hash(call: Call, peer: Any) -> Person | None:
    person = call.world.person(peer.user_id)
    if person is None or not person.registered:
        return None
    known = person.id == call.me.id or call.world.same_hash(call.me.id, person.id, peer.access_hash)
    return person if known else None


def _from_message(call: Call, peer: Any) -> Person | None:
    chat = find_person(call, peer.peer)
    message = call.box.messages.get(peer.msg_id)
    if chat is None or message is None or message.peer != chat.id or peer.user_id not in (message.sender, message.peer):
        return None
    return call.world.person(peer.user_id)


_FINDERS: dict[type, Callable[[Call, Any], Person | None]] = {
    types.InputPeerSelf: _myself,
    types.InputUserSelf: _myself,
    types.InputPeerUser: _by_hash,
    types.InputUser: _by_hash,
    types.InputPeerUserFromMessage: _from_message,
    types.InputUserFromMessage: _from_message,
}
