"""Finds the peer that a command is about: `me`, by name, by marked or bare id, by phone (shared/rpc/recipient.py).

A basic group that became a supergroup is followed where that is known; `moved_group` finds it out after a refusal.
"""

from __future__ import annotations

from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.operations.phones import user_by_phone
from listener.telegram.operations.usernames import peer_by_username
from listener.telegram.peers.peer_cache import PeerCache, input_of
from listener.telegram.requests.answers import Invoker
from listener.telegram.requests.errors import translate
from listener.telegram.updates.event_mapping import SERVICE_USER_ID
from shared.errors import AvioError, Code
from shared.rpc.recipient import RECIPIENT


async def resolve(client: Invoker, peers: PeerCache, self_id: int, to: str, *, import_contact: bool = False) -> tuple[int, Any]:
    """Return the marked id and the input peer of a recipient.

    Raises `user_not_found` or `peer_not_found`, for phones `PHONE_NOT_IN_CONTACTS` or `PHONE_NOT_IN_CONTACTS_OR_NOT_ON_TELEGRAM`, and
    `invalid_request` for what is no recipient. `import_contact` allows that a phone is added to the account's contacts.
    """
    if to == "me" or to == str(self_id):
        return self_id, types.InputPeerSelf()
    if not RECIPIENT.fullmatch(to):
        raise AvioError(Code.INVALID_REQUEST)
    if to.startswith("@"):
        return await peer_by_username(client, peers, to[1:])
    if to.startswith("+"):
        user_id, peer = await user_by_phone(client, peers, to, import_contact=import_contact)
        return user_id, types.InputPeerSelf() if user_id == self_id else peer
    for peer_id in possible_ids(int(to)):
        if peer := await _by_id(client, peers, peer_id):
            return _moved(peers, peer_id) or (peer_id, peer)
    raise AvioError(Code.PEER_NOT_FOUND)


async def readable(client: Invoker, peers: PeerCache, self_id: int, to: str) -> tuple[int, Any]:
    """Return the marked id and the input peer of a chat that may be read; raise what `resolve` raises.

    Telegram's own chat has the codes of log-ins: whoever reads them takes the account over. So it is `peer_not_found`.
    """
    chat_id, peer = await resolve(client, peers, self_id, to)
    if chat_id == SERVICE_USER_ID:
        raise AvioError(Code.PEER_NOT_FOUND, "Telegram's own chat has the codes of log-ins: it cannot be read here.")
    return chat_id, peer


def possible_ids(number: int) -> tuple[int, ...]:
    """Return the marked ids that an id may mean, the likeliest first: a user's, or a group's or channel's without its mark."""
    if number < 0 or number >= 10**12:
        return (number,)
    return number, -(10**12) - number, -number


async def moved_group(client: Invoker, peers: PeerCache, chat_id: int, peer: Any) -> tuple[int, Any] | None:
    """Ask Telegram whether a basic group has become a supergroup; return that, or None if it has not, or Telegram does not say."""
    if not isinstance(peer, types.InputPeerChat):
        return None
    try:
        answer = await client.invoke(functions.messages.GetChatsRequest([peer.chat_id]))
    except errors.RPCError:
        return None
    peers.learn(answer.chats)
    return _moved(peers, chat_id)


def _moved(peers: PeerCache, peer_id: int) -> tuple[int, Any] | None:
    known = peers.known(peer_id)
    if known is None or known.moved_to is None:
        return None
    channel_id, access_hash = known.moved_to
    return channel_id, types.InputPeerChannel(utils.resolve_id(channel_id)[0], access_hash)


async def _by_id(client: Invoker, peers: PeerCache, peer_id: int) -> Any | None:
    for peer in await peers.input_peers(peer_id):
        if whole := await _whole(client, peers, peer):
            return whole
    known = peers.known(peer_id)  # an update may have brought the whole peer meanwhile
    return input_of(known.peer) if known and not known.is_min else None


async def _whole(client: Invoker, peers: PeerCache, peer: Any) -> Any | None:
    """Return an input peer by id and hash. Ask Telegram for a `min` user by the message that names them; the cache keeps the answer.

    Returns the given peer if Telegram sends no hash, None if the message or its chat is gone.
    """
    if not isinstance(peer, types.InputPeerUserFromMessage):
        return peer
    try:
        users = await client.invoke(functions.users.GetUsersRequest([types.InputUserFromMessage(peer.peer, peer.msg_id, peer.user_id)]))
    except errors.MsgIdInvalidError:
        return None
    except errors.RPCError as error:
        if (refusal := translate(error)).code is Code.PEER_NOT_FOUND:
            return None
        raise refusal from error
    peers.learn(users)
    if not any(isinstance(user, types.User) for user in users):
        return None
    known = peers.known(peer.user_id)
    return (input_of(known.peer) if known else None) or peer
