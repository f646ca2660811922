"""Finds users, groups and channels by their public names.

Telegram allows each account few look-ups of names, and then makes it wait for hours. So a name is trusted for a while; then the peer itself
is asked for, which is limited less; and a name that nobody has is not looked up again at once.
"""

from __future__ import annotations

from typing import Any

from telethon import errors, utils
from telethon.tl import functions, types

from listener.telegram.peers.peer_cache import KnownPeer, PeerCache, input_of
from listener.telegram.requests.answers import Invoker
from listener.telegram.requests.errors import translate
from shared.errors import AvioError, Code


async def peer_by_username(client: Invoker, peers: PeerCache, username: str) -> tuple[int, Any]:
    """Return the marked id and the input peer that a name has now; raise `user_not_found`."""
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


async def _refresh(client: Invoker, peers: PeerCache, known: KnownPeer) -> None:
    """Ask Telegram for a peer again, to learn whether it still has its username."""
    real_id, _ = utils.resolve_id(known.id)
    try:
        if known.kind == "user":
            peers.learn(await client.invoke(functions.users.GetUsersRequest([types.InputUser(real_id, known.access_hash)])))
        else:
            request = functions.channels.GetChannelsRequest([types.InputChannel(real_id, known.access_hash)])
            peers.learn((await client.invoke(request)).chats)
    except errors.RPCError:
        return  # the caller looks it up


async def _look_up(client: Invoker, peers: PeerCache, username: str) -> KnownPeer | None:
    absent = f"@{username.lower()}"
    if peers.lookups.is_absent(absent):
        raise AvioError(Code.USER_NOT_FOUND)
    try:
        answer = await client.invoke(functions.contacts.ResolveUsernameRequest(username))
    except errors.RPCError as error:
        refusal = translate(error)
        if refusal.code is Code.USER_NOT_FOUND:
            peers.lookups.absent(absent)
        raise refusal from error
    peers.learn([*answer.users, *answer.chats])
    return peers.known(utils.get_peer_id(answer.peer))
