"""The peers of one account: enough of each to answer it, and to say who wrote, without asking Telegram again.

In memory a bounded number, the least recently used forgotten first; on disk those that something was delivered from or written to, so
that an id given to a tenant can be answered after any restart.

    whole   with the account's own access hash: named by id and hash
    min     without (https://core.telegram.org/api/min): named by a message of theirs, in a chat that is whole itself
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from telethon import utils
from telethon.tl import types

from listener.telegram.peers.saved_peers import SavedPeers
from shared.store.peers import Peer

KNOWN = 100
"""Peers kept in memory per account. Measured: 440 bytes each with a username and without a phone, and 4 kB for the marks of what is kept;
so an account that has met many costs 48 kB, one that is idle 0.7 kB, and 5,000 that have met many 240 MB."""

TRUSTED_S = 600.0
"""How long a username is taken for the peer that was last seen with it: names change hands."""


class Seen(NamedTuple):
    """The newest message that was delivered of a `min` user: its chat, its number there, and when it was written, in Unix seconds."""

    chat_id: int
    message_id: int
    date: int


@dataclass(slots=True)
class Known:
    """What is known of a peer by what Telegram sent: what is kept, and what events say of it."""

    id: int
    kind: Literal["user", "chat", "channel"]
    chat_type: Literal["private", "group", "channel"]
    name: str | None
    access_hash: int | None = None
    username: str | None = None
    phone: str | None = None
    learnt_s: float = 0.0
    seen: Seen | None = None

    @property
    def peer(self) -> Peer:
        """What of it is kept."""
        chat_id, message_id, date = self._named_by
        return Peer(
            id=self.id,
            kind=self.kind,
            access_hash=self.access_hash,
            username=self.username,
            phone=self.phone,
            min_chat=chat_id,
            min_message=message_id,
            min_date=date,
        )

    @property
    def min_date(self) -> int | None:
        """When the message was written that names it, where one has to."""
        return self._named_by[2]

    @property
    def _named_by(self) -> Seen | tuple[None, None, None]:
        return self.seen if self.seen and self.is_min else (None, None, None)

    @property
    def is_min(self) -> bool:
        """Whether it cannot be named by id and hash."""
        return self.access_hash is None and self.kind != "chat"

    def called(self, username: str) -> bool:
        """Tell whether this is its username, in whatever case."""
        return self.username is not None and self.username.lower() == username.lower()


class PeerBook:
    """One account's peers. `load` reads what was kept, `clock` says the seconds since boot."""

    def __init__(
        self, load: Callable[[int], Awaitable[Peer | None]], known: int = KNOWN, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._bound = known
        self._clock = clock
        self._known: dict[int, Known] = {}  # in the order of use; an OrderedDict would cost 100 bytes more for each
        self._kept = SavedPeers()

    def learn(self, entities: Iterable[Any]) -> None:
        """Take in the users and chats that came with an answer or a batch of updates. A `min` one never replaces a whole one."""
        now = self._clock()
        for entity in entities:
            known = _known(entity)
            if known is None:
                continue
            before = self._known.get(known.id)
            if before and known.is_min and not before.is_min:
                continue
            known.learnt_s = now
            known.seen = before.seen if before and known.is_min else None
            self._use(known)

    def known(self, peer_id: int | None) -> Known | None:
        """Return what is in memory of a peer."""
        found = self._known.get(peer_id) if peer_id is not None else None
        if found and next(reversed(self._known)) != peer_id:
            self._use(found)
        return found

    def by_username(self, username: str) -> Known | None:
        """Return the peer that this username was last seen on, however long ago, unless that peer was seen without it since."""
        found = [known for known in reversed(self._known.values()) if known.called(username)]
        return max(found, key=lambda known: known.learnt_s, default=None)

    def fresh(self, known: Known) -> bool:
        """Tell whether Telegram has told of a peer so lately that its username is still taken for its own."""
        return self._clock() - known.learnt_s <= TRUSTED_S

    async def input_peers(self, peer_id: int) -> list[Any]:
        """Return what names a peer (by its marked id) to Telegram, the best first; nothing where it was never met.

        From memory, or else from what was kept too. Several only for a `min` user: of the messages that name it some may be gone.
        """
        known = self.known(peer_id)
        if known and not known.is_min:
            return [input_of(known.peer)]
        kept = await self._load(peer_id)
        met = [known.peer] if known else []
        best_first = sorted(met + ([kept] if kept else []), key=lambda peer: not peer.whole)
        named = [await self._input_of(peer) for peer in best_first]
        return [one for number, one in enumerate(named) if one is not None and one not in named[:number]]

    def unkept(self, chat_id: int, sender_id: int | None = None, message: tuple[int, datetime] | None = None) -> tuple[Peer, ...]:
        """Return those of a chat and a sender that have yet to be kept, as this process knows, each once.

        `message` is what the sender wrote there: its number and date. For a `min` sender it is what names them, so without one they
        cannot be kept.
        """
        sender = self.known(sender_id)
        if sender and message and sender.is_min and chat_id != sender_id:
            seen = Seen(chat_id, message[0], int(message[1].timestamp()))
            if sender.seen is None or sender.seen.date <= seen.date:
                sender.seen = seen
        known = (self.known(peer_id) for peer_id in dict.fromkeys((chat_id, sender_id)))
        return tuple(one.peer for one in known if one and (one.seen or not one.is_min) and not self._kept.has(one))

    def missing(self, peers: Iterable[Peer]) -> tuple[Peer, ...]:
        """Return those of these peers that are still not kept."""
        return tuple(peer for peer in peers if not self._kept.has(peer))

    def kept(self, peers: Iterable[Peer]) -> None:
        """Note that these peers are kept."""
        for peer in peers:
            self._kept.add(peer)

    async def _input_of(self, peer: Peer) -> Any | None:
        if peer.min_chat is None or peer.whole:
            return input_of(peer)
        known = self.known(peer.min_chat)
        chat = known.peer if known else await self._load(peer.min_chat)
        return input_of(peer, input_of(chat) if chat else None)

    def _use(self, known: Known) -> None:
        self._known.pop(known.id, None)
        self._known[known.id] = known
        if len(self._known) > self._bound:
            del self._known[next(iter(self._known))]


def input_of(peer: Peer, min_chat: Any = None) -> Any | None:
    """Return the input peer, or None for a `min` user that nothing names any more. `min_chat` is the input peer of the chat that does."""
    real_id, _ = utils.resolve_id(peer.id)
    if peer.kind == "chat":
        return types.InputPeerChat(real_id)
    if peer.access_hash is not None:
        return types.InputPeerUser(real_id, peer.access_hash) if peer.kind == "user" else types.InputPeerChannel(real_id, peer.access_hash)
    if peer.kind == "user" and min_chat is not None and peer.min_message is not None:
        return types.InputPeerUserFromMessage(min_chat, peer.min_message, real_id)
    return None


def _known(entity: Any) -> Known | None:
    match entity:
        case types.User():
            access_hash = None if entity.min else entity.access_hash
            phone = f"+{entity.phone}" if entity.phone else None
            name = utils.get_display_name(entity) or None
            return Known(entity.id, "user", "private", name, access_hash, _username(entity), phone)
        case types.Chat():
            return Known(-entity.id, "chat", "group", entity.title)
        case types.Channel() if not entity.min and entity.access_hash is not None:
            chat_type: Literal["group", "channel"] = "group" if entity.megagroup else "channel"
            return Known(utils.get_peer_id(entity), "channel", chat_type, entity.title, entity.access_hash, _username(entity))
        case _:
            return None


def _username(entity: Any) -> str | None:
    """Return the username; of several, which Telegram lists apart, the first that is in use."""
    several = (one.username for one in entity.usernames or () if one.active)
    return entity.username or next(several, None)
