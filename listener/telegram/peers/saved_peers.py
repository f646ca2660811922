"""Which peers are stored, as far as this process knows, in a few bytes for each.

A hash table of fixed size: a peer's id gives its slot, and the slot has a fingerprint of what was stored. Two peers of one slot push each
other out. That costs an unnecessary write, and never omits a necessary write.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Protocol

from shared.store.peers import Peer

SLOTS = 512
"""Of 8 bytes each, 4 kB per account; allocated with the first stored peer."""

MOVES_ON_S = 6 * 3600
"""A message names a `min` user, and messages go: Telegram's timers delete them after a day at the earliest. So the stored peer moves on to
a newer message four times a day, and somebody who writes every second costs four writes a day."""


class Saveable(Protocol):
    """The fields of a peer that decide whether it has to be stored again."""

    @property
    def id(self) -> int | str: ...
    @property
    def access_hash(self) -> int | None: ...
    @property
    def username(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def min_date(self) -> int | None: ...


class SavedPeers:
    """Fingerprints of the peers that are stored for one account."""

    def __init__(self) -> None:
        self._fingerprints: array[int] | None = None

    def has(self, peer: Saveable) -> bool:
        """Tell whether this peer is stored with these fields; of a `min` peer, whether a message of about the same age is."""
        return self._fingerprints is not None and self._fingerprints[int(peer.id) % SLOTS] == _fingerprint(peer)

    def unsaved(self, peers: Iterable[Peer]) -> tuple[Peer, ...]:
        """Return those of these peers that are not stored."""
        return tuple(peer for peer in peers if not self.has(peer))

    def add(self, peers: Iterable[Saveable]) -> None:
        """Note that these peers are stored."""
        for peer in peers:
            if self._fingerprints is None:
                self._fingerprints = array("q", bytes(8 * SLOTS))
            self._fingerprints[int(peer.id) % SLOTS] = _fingerprint(peer)


def _fingerprint(peer: Saveable) -> int:
    age = None if peer.min_date is None else peer.min_date // MOVES_ON_S
    return hash((peer.id, peer.access_hash, peer.username, peer.phone, age))
