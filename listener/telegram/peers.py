"""The peers of one account: enough of each to answer it, and to say who wrote, without asking Telegram again.

In memory a bounded number, the least recently used forgotten first; on disk those that something was delivered from or written to, so
that an id given to a tenant can be answered after any restart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from telethon import utils
from telethon.tl import types

from shared.store.peers import Peer

KNOWN = 2000
"""Peers kept in memory per account; a known peer costs about 0.5 kB."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a peer by what Telegram sent: what is kept, and what events say of it."""

    peer: Peer
    name: str | None
    chat_type: Literal["private", "group", "channel"]


class PeerBook:
    """One account's peers."""

    def __init__(self, load: Callable[[int], Awaitable[Peer | None]], known: int = KNOWN) -> None:
        self._load = load
        self._bound = known
        self._known: OrderedDict[int, Known] = OrderedDict()
        self._by_username: OrderedDict[str, int] = OrderedDict()
        self._kept: OrderedDict[int, Peer] = OrderedDict()

    def learn(self, entities: Iterable[Any]) -> None:
        """Take in the users and chats that came with an answer or a batch of updates. A `min` one never replaces a whole one."""
        for entity in entities:
            known = _known(entity)
            if known is None:
                continue
            before = self._known.get(known.peer.id)
            if before and before.peer.access_hash is not None and known.peer.access_hash is None:
                continue
            _remember(self._known, known.peer.id, known, self._bound)
            if known.peer.username:
                _remember(self._by_username, known.peer.username.lower(), known.peer.id, self._bound)

    def known(self, peer_id: int | None) -> Known | None:
        """Return what is in memory of a peer."""
        found = self._known.get(peer_id) if peer_id is not None else None
        if found:
            self._known.move_to_end(found.peer.id)
        return found

    def by_username(self, username: str) -> Known | None:
        """Return the peer that this username was last seen on, unless that peer was seen without it since."""
        found = self.known(self._by_username.get(username.lower()))
        return found if found and found.peer.username and found.peer.username.lower() == username.lower() else None

    async def input_peer(self, peer_id: int) -> Any | None:
        """Return what names a peer (by its marked id) to Telegram, from memory or else from what was kept; None where it was never met."""
        known = self.known(peer_id)
        if known and (named := input_of(known.peer)):
            return named
        peer = await self._load(peer_id)
        return input_of(peer) if peer else None

    def unkept(self, *peer_ids: int | None) -> tuple[Peer, ...]:
        """Return those of these peers that have yet to be kept, as this process knows, each once.

        Never a `min` one: it would replace the whole one that may be kept.
        """
        known = (self.known(peer_id) for peer_id in dict.fromkeys(peer_ids))
        return tuple(one.peer for one in known if one and input_of(one.peer) and self._kept.get(one.peer.id) != one.peer)

    def kept(self, peers: Iterable[Peer]) -> None:
        """Note that these peers are kept."""
        for peer in peers:
            _remember(self._kept, peer.id, peer, self._bound)


def input_of(peer: Peer) -> Any | None:
    """Return the input peer, or None for a `min` user that nothing names any more."""
    real_id, _ = utils.resolve_id(peer.id)
    if peer.kind == "chat":
        return types.InputPeerChat(real_id)
    if peer.access_hash is None:
        return None
    return types.InputPeerUser(real_id, peer.access_hash) if peer.kind == "user" else types.InputPeerChannel(real_id, peer.access_hash)


def _known(entity: Any) -> Known | None:
    match entity:
        case types.User():
            return _user(entity)
        case types.Chat():
            return Known(Peer(id=-entity.id, kind="chat"), entity.title, "group")
        case types.Channel() if not entity.min and entity.access_hash is not None:
            peer = Peer(id=utils.get_peer_id(entity), kind="channel", access_hash=entity.access_hash, username=_username(entity))
            return Known(peer, entity.title, "group" if entity.megagroup else "channel")
        case _:
            return None


def _user(user: types.User) -> Known:
    access_hash = None if user.min else user.access_hash
    phone = f"+{user.phone}" if user.phone else None
    peer = Peer(id=user.id, kind="user", access_hash=access_hash, username=_username(user), phone=phone)
    return Known(peer, utils.get_display_name(user) or None, "private")


def _username(entity: Any) -> str | None:
    """Return the username; of several, which Telegram lists apart, the first that is in use."""
    several = (one.username for one in entity.usernames or () if one.active)
    return entity.username or next(several, None)


def _remember(table: OrderedDict[Any, Any], key: Any, value: Any, bound: int) -> None:
    table[key] = value
    table.move_to_end(key)
    while len(table) > bound:
        table.popitem(last=False)
