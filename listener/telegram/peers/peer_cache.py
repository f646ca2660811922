"""The peers of one account: enough of each to write to it, and to name a sender, without asking Telegram again.

Memory has a bounded number of them, and forgets the least recently used first. The store has every peer that a message was delivered from
or sent to, so that a tenant can write to an id after any restart.

    whole   has the account's own access hash: requests name it by id and hash
    min     has none (https://core.telegram.org/api/min): requests name it by one of its messages, in a chat that is whole
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from telethon import utils
from telethon.tl import types

from listener.telegram.peers.lookups import LookUps
from listener.telegram.peers.saved_peers import SavedPeers
from shared.store.peers import Peer

KNOWN = 100
"""Peers in memory per account. Measured: 440 bytes each with a username and without a phone, and 4 kB for the saved peers' fingerprints. So
an account that has met many costs 48 kB, an idle account 0.7 kB, and 5,000 accounts that have met many 240 MB."""

TRUSTED_S = 600.0
"""Seconds for which a username is trusted to be that of the peer last seen with it: usernames change hands."""


LISTED_TRUSTED_S = 7 * 86400.0
"""Seconds for which a listed peer is taken to be stored still: the store forgets it after a month (shared/store/peers.py)."""


class MessageReference(NamedTuple):
    """The newest delivered message of a `min` user: its chat, its id there, and when it was written, in Unix seconds."""

    chat_id: int
    message_id: int
    date: int


@dataclass(slots=True)
class KnownPeer:
    """A peer as Telegram last sent it: the fields that are stored, and those that events show."""

    id: int
    kind: Literal["user", "chat", "channel"]
    chat_type: Literal["private", "group", "channel"]
    name: str | None
    access_hash: int | None = None
    username: str | None = None
    phone: str | None = None
    learnt_s: float = 0.0
    named_by: MessageReference | None = None
    more_usernames: tuple[str, ...] = ()
    moved_to: tuple[int, int] | None = None
    """Of a basic group that became a supergroup: the marked id of that, and its access hash."""

    @property
    def peer(self) -> Peer:
        """The part that is stored."""
        chat_id, message_id, date = self._min_reference
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
        """When the message was written that names it; None for a whole peer."""
        return self._min_reference[2]

    @property
    def _min_reference(self) -> MessageReference | tuple[None, None, None]:
        return self.named_by if self.named_by and self.is_min else (None, None, None)

    @property
    def is_min(self) -> bool:
        """Whether requests cannot name it by id and hash."""
        return self.access_hash is None and self.kind != "chat"

    def called(self, username: str) -> bool:
        """Tell whether this is one of its usernames, ignoring case."""
        return any(own is not None and own.lower() == username.lower() for own in (self.username, *self.more_usernames))


async def _keep_none(_: Iterable[Peer]) -> bool:
    return False


class PeerCache:
    """One account's peers. `load` reads a stored peer, `keep` stores those that a list named, `clock` returns the seconds since boot.

    `saved` and `listed` tell which peers are stored: because they were met, and because a list named them.
    """

    def __init__(
        self,
        load: Callable[[int], Awaitable[Peer | None]],
        bound: int = KNOWN,
        clock: Callable[[], float] = time.monotonic,
        keep: Callable[[Iterable[Peer]], Awaitable[bool]] = _keep_none,
    ) -> None:
        self._load = load
        self._bound = bound
        self._clock = clock
        self._keep = keep
        self._known: dict[int, KnownPeer] = {}  # in the order of use; an OrderedDict would cost 100 bytes more per peer
        self.saved = SavedPeers()
        self.listed = SavedPeers()
        self._listed_until = 0.0
        self.lookups = LookUps(clock)

    def learn(self, entities: Iterable[Any]) -> None:
        """Learn the users and chats that came with an answer or a batch of updates. A `min` peer never replaces a whole peer."""
        now = self._clock()
        for entity in entities:
            known = _known(entity)
            if known is None:
                continue
            before = self._known.get(known.id)
            if before and known.is_min and not before.is_min:
                continue
            known.learnt_s = now
            known.named_by = before.named_by if before and known.is_min else None
            self._use(known)

    def known(self, peer_id: int | None) -> KnownPeer | None:
        """Return a peer from memory."""
        found = self._known.get(peer_id) if peer_id is not None else None
        if found and next(reversed(self._known)) != peer_id:
            self._use(found)
        return found

    def by_username(self, username: str) -> KnownPeer | None:
        """Return the peer last seen with this username, however long ago, unless that peer was seen without it since."""
        found = [known for known in reversed(self._known.values()) if known.called(username)]
        return max(found, key=lambda known: known.learnt_s, default=None)

    def fresh(self, known: KnownPeer) -> bool:
        """Tell whether Telegram sent a peer so recently that its username is still trusted."""
        return self._clock() - known.learnt_s <= TRUSTED_S

    async def input_peers(self, peer_id: int) -> list[Any]:
        """Return the input peers for a marked id, from memory and the store, the best first; none for an unknown peer.

        A `min` user may have several, by several messages: some of these messages may be gone.
        """
        known = self.known(peer_id)
        if known and not known.is_min:
            return [input_of(known.peer)]
        stored = await self._load(peer_id)
        candidates = ([known.peer] if known else []) + ([stored] if stored else [])
        best_first = sorted(candidates, key=lambda peer: not peer.whole)
        found = [await self._input_of(peer) for peer in best_first]
        return [peer for number, peer in enumerate(found) if peer is not None and peer not in found[:number]]

    def unsaved(self, chat_id: int | None, sender_id: int | None = None, message: tuple[int, datetime] | None = None) -> tuple[Peer, ...]:
        """Return the chat and the sender as far as they still have to be stored, without repeats.

        `message` is the id and date of the sender's message there. It names a `min` sender, who cannot be stored without it.
        """
        if chat_id is not None and sender_id is not None and message:
            self.note_message(chat_id, sender_id, message)
        involved = (self.known(peer_id) for peer_id in dict.fromkeys((chat_id, sender_id)))
        return tuple(known.peer for known in involved if known and (known.named_by or not known.is_min) and not self.saved.has(known))

    def note_message(self, chat_id: int, sender_id: int, message: tuple[int, datetime]) -> None:
        """Note the id and date of a message there, by which a `min` sender can be named; the newest counts."""
        sender = self.known(sender_id)
        if sender and sender.is_min and chat_id != sender_id:
            reference = MessageReference(chat_id, message[0], int(message[1].timestamp()))
            if sender.named_by is None or sender.named_by.date <= reference.date:
                sender.named_by = reference

    def page(self, entities: Sequence[Any]) -> PeerCache:
        """Return a cache of these users and chats alone: a page of a list must not push out those whom events come from."""
        page = PeerCache(self._load, max(1, len(entities)), self._clock)
        page.learn(entities)
        return page

    async def keep(self, page: PeerCache) -> None:
        """Store the peers of a page, so that requests can name them later. Where storage is away, the next page with them does it."""
        if self._clock() >= self._listed_until:
            self.listed, self._listed_until = SavedPeers(), self._clock() + LISTED_TRUSTED_S
        nameable = (known for known in page._known.values() if known.named_by or not known.is_min)
        new = tuple(known.peer for known in nameable if not self.saved.has(known) and not self.listed.has(known))
        if new and await self._keep(new):
            self.listed.add(new)

    async def _input_of(self, peer: Peer) -> Any | None:
        if peer.min_chat is None or peer.whole:
            return input_of(peer)
        known = self.known(peer.min_chat)
        chat = known.peer if known else await self._load(peer.min_chat)
        return input_of(peer, input_of(chat) if chat else None)

    def _use(self, known: KnownPeer) -> None:
        self._known.pop(known.id, None)
        self._known[known.id] = known
        if len(self._known) > self._bound:
            del self._known[next(iter(self._known))]


def input_of(peer: Peer, min_chat: Any = None) -> Any | None:
    """Return the input peer, or None for a `min` user without a message. `min_chat` is the input peer of that message's chat."""
    real_id, _ = utils.resolve_id(peer.id)
    if peer.kind == "chat":
        return types.InputPeerChat(real_id)
    if peer.access_hash is not None:
        return types.InputPeerUser(real_id, peer.access_hash) if peer.kind == "user" else types.InputPeerChannel(real_id, peer.access_hash)
    if peer.kind == "user" and min_chat is not None and peer.min_message is not None:
        return types.InputPeerUserFromMessage(min_chat, peer.min_message, real_id)
    return None


def _known(entity: Any) -> KnownPeer | None:
    match entity:
        case types.User():
            access_hash = None if entity.min else entity.access_hash
            phone = f"+{entity.phone}" if entity.phone else None
            name = utils.get_display_name(entity) or None
            username, more = usernames_of(entity)
            return KnownPeer(entity.id, "user", "private", name, access_hash, username, phone, more_usernames=more)
        case types.Chat():
            moved_to = entity.migrated_to
            moved = (utils.get_peer_id(types.PeerChannel(moved_to.channel_id)), moved_to.access_hash) if moved_to else None
            return KnownPeer(-entity.id, "chat", "group", entity.title, moved_to=moved)
        case types.Channel() if not entity.min and entity.access_hash is not None:
            chat_type: Literal["group", "channel"] = "group" if entity.megagroup else "channel"
            username, more = usernames_of(entity)
            channel_id, access_hash = utils.get_peer_id(entity), entity.access_hash
            return KnownPeer(channel_id, "channel", chat_type, entity.title, access_hash, username, more_usernames=more)
        case _:
            return None


def usernames_of(entity: Any) -> tuple[str | None, tuple[str, ...]]:
    """Return the username and the others; if there are several, Telegram lists them all, active or not, and names none separately."""
    active = [username.username for username in entity.usernames or () if username.active]
    first = entity.username or next(iter(active), None)
    return first, tuple(name for name in active if name != first)
