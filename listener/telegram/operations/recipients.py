"""Finds the peer that a message goes to: by `me`, by username or by marked id."""

from __future__ import annotations

from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.peers.peer_cache import KnownPeer, PeerCache, input_of
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code


async def resolve(client: Client, peers: PeerCache, self_id: int, to: str) -> tuple[int, Any]:
    """Return the marked id and the input peer of a recipient; raise `user_not_found` or `peer_not_found`."""
    if to == "me" or to == str(self_id):
        return self_id, types.InputPeerSelf()
    if to.startswith("@"):
        return await _by_username(client, peers, to[1:])
    for peer in await peers.input_peers(int(to)):
        if whole := await _whole(client, peers, peer):
            return int(to), whole
    known = peers.known(int(to))  # an update may have brought the whole peer meanwhile
    if known and not known.is_min:
        return int(to), input_of(known.peer)
    raise AvioError(Code.PEER_NOT_FOUND)


async def _whole(client: Client, peers: PeerCache, peer: Any) -> Any | None:
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


async def _by_username(client: Client, peers: PeerCache, username: str) -> tuple[int, Any]:
    known = peers.by_username(username)
    if known and not known.is_min and not peers.fresh(known):
        await _refresh(client, peers, known)
        known = peers.by_username(username)
    if known is None or known.is_min or not peers.fresh(known):
        known = await _look_up(client, peers, username)
    peer = input_of(known.peer) if known else None
    if known is None or peer is None:
        raise AvioError(Code.USER_NOT_FOUND)
    return known.id, peer


async def _refresh(client: Client, peers: PeerCache, known: KnownPeer) -> None:
    """Ask Telegram for a peer again, to learn whether it still has its username.

    Looking up the username would give the same answer, but Telegram allows each account few lookups, and then makes it wait for hours.
    """
    real_id, _ = utils.resolve_id(known.id)
    try:
        if known.kind == "user":
            peers.learn(await client.invoke(functions.users.GetUsersRequest([types.InputUser(real_id, known.access_hash)])))
        else:
            request = functions.channels.GetChannelsRequest([types.InputChannel(real_id, known.access_hash)])
            peers.learn((await client.invoke(request)).chats)
    except errors.RPCError:
        return  # the caller looks it up


async def _look_up(client: Client, peers: PeerCache, username: str) -> KnownPeer | None:
    try:
        answer = await client.invoke(functions.contacts.ResolveUsernameRequest(username))
    except errors.RPCError as error:
        raise translate(error) from error
    peers.learn([*answer.users, *answer.chats])
    return peers.known(utils.get_peer_id(answer.peer))
