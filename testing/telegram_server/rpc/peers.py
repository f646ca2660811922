"""Whom a request means. Access hashes are another for every account, and are checked.

https://core.telegram.org/api/peers: an id alone is not enough, except for oneself and for basic groups that one is in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.talk import Peer
from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.group import Group
from testing.telegram_server.model.peer import channel_peer, group_peer
from testing.telegram_server.model.person import Person
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.views.related_entities import named_people


def peer_of(call: Call, peer: Any) -> Peer:
    """Return the person or group behind an InputPeer, or raise PEER_ID_INVALID, CHANNEL_INVALID or CHANNEL_PRIVATE."""
    if isinstance(peer, types.InputPeerChannel | types.InputPeerChannelFromMessage):
        return channel_of(call, peer)
    found = basic_group(call, peer.chat_id) if isinstance(peer, types.InputPeerChat) else find_person(call, peer)
    if found is None:
        raise bad_request("PEER_ID_INVALID")
    return found


def number(peer: Peer) -> int:
    """Return a chat as one number."""
    return peer.id if isinstance(peer, Person) else peer.peer


def named_number(call: Call, peer: Any) -> int:
    """Return the number of the chat that an InputPeer names, its access hash unlooked at: as a place in a list, not to reach anybody."""
    for field, as_number in _NUMBERS.items():
        if hasattr(peer, field):
            return as_number(getattr(peer, field))
    return call.me.id


def basic_group(call: Call, chat_id: int) -> Group | None:
    """Return a basic group that the caller is or was in."""
    group = call.world.groups.get(group_peer(chat_id))
    return group if group is not None and call.world.groups.member(group, call.me.id) is not None else None


def channel_of(call: Call, channel: Any) -> Group:
    """Return the channel behind an InputChannel or InputPeerChannel, if the caller may see what is in it."""
    group = find_channel(call, channel)
    if group is None:
        raise bad_request("CHANNEL_INVALID")
    member = call.world.groups.member(group, call.me.id)
    put_out = member is not None and member.standing == "kicked"
    if put_out or (group.username is None and not call.world.groups.is_in(group, call.me.id)):
        raise bad_request("CHANNEL_PRIVATE")
    return group


def find_channel(call: Call, channel: Any) -> Group | None:
    """Return the channel that is named with its right access hash, whoever may see it."""
    channel_id, access_hash = getattr(channel, "channel_id", 0), getattr(channel, "access_hash", None)
    group = call.world.groups.get(channel_peer(channel_id))
    known = group is not None and access_hash is not None and call.world.same_hash(call.me.id, group.peer, access_hash)
    return group if known else None


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
    """Return whom a message names that the caller can see (https://core.telegram.org/constructor/inputPeerUserFromMessage)."""
    chat = number(peer_of(call, peer.peer))
    message = dialog_of(call.world, call.me.id, chat).box.messages.get(peer.msg_id)
    if message is None or message.peer != chat:
        return None
    named = {message.sender, message.peer} if chat > 0 else named_people(message)
    return call.world.person(peer.user_id) if peer.user_id in named else None


_NUMBERS: dict[str, Callable[[int], int]] = {"user_id": int, "chat_id": group_peer, "channel_id": channel_peer}
_FINDERS: dict[type, Callable[[Call, Any], Person | None]] = {
    types.InputPeerSelf: _myself,
    types.InputUserSelf: _myself,
    types.InputPeerUser: _by_hash,
    types.InputUser: _by_hash,
    types.InputPeerUserFromMessage: _from_message,
    types.InputUserFromMessage: _from_message,
}
