"""Which peers are kept beyond this process, as far as it knows, in a few bytes for each.

A table of fixed size: a peer's place follows from its id, and what lies there is a mark of what was kept. Two peers of one place push
each other out, which costs a write that was not needed, never one that was.
"""

from __future__ import annotations

from array import array
from typing import Protocol

PLACES = 512
"""Of 8 bytes each, 4 kB per account, made with the first peer that is kept."""

MOVES_ON_S = 6 * 3600
"""What names a `min` user is a message, and messages go: Telegram's timers take them after a day at the earliest. So what is kept moves on
to a newer message four times a day, and somebody who writes every second costs four writes a day."""


class Named(Protocol):
    """What names a peer: all that is told apart here."""

    @property
    def id(self) -> int: ...
    @property
    def access_hash(self) -> int | None: ...
    @property
    def username(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def min_date(self) -> int | None: ...


class SavedPeers:
    """Marks of what one account has kept."""

    def __init__(self) -> None:
        self._marks: array[int] | None = None

    def has(self, peer: Named) -> bool:
        """Tell whether this peer is kept as it is; of a `min` one, whether a message of about the same age is."""
        return self._marks is not None and self._marks[peer.id % PLACES] == _mark(peer)

    def add(self, peer: Named) -> None:
        """Note that this peer is kept."""
        if self._marks is None:
            self._marks = array("q", bytes(8 * PLACES))
        self._marks[peer.id % PLACES] = _mark(peer)


def _mark(peer: Named) -> int:
    age = None if peer.min_date is None else peer.min_date // MOVES_ON_S
    return hash((peer.id, peer.access_hash, peer.username, peer.phone, age))
