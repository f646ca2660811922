"""The right to have connections: one lease per worker, and a guard per connection.

    beat sent ---- acknowledged                      (2 s deadline; one that comes later extends nothing)
        |<------------- LEASE_S ------------->| every connection is aborted, for good
        |<---------------- SILENCE_S ----------------->| a peer may declare this worker dead, then claim

The lease counts from before an acknowledged beat was sent, by a clock that runs on while the machine is suspended. It ends before any
peer may act, and an end is final. Open, and said so in docs/ownership.md: a process paused between the check and the system call
sends one frame on waking up.
"""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet, ref

from shared.clock import Clock

BEAT_EVERY_S = 3.0
BEAT_DEADLINE_S = 2.0
LEASE_S = 12.0
SILENCE_S = 16.0


class Abortable(Protocol):
    """A connection that can be cut without a word to the other side."""

    def abort(self) -> None:
        """Cut it now; what is unsent is dropped, not flushed. Safe to call twice."""


class Lease:
    """Whether this worker may have connections, now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._end = clock.boottime()
        self._started = False
        self.lapsed = False
        self._connections: WeakSet[Abortable] = WeakSet()

    def held(self) -> bool:
        """Tell whether the lease is in force; where its time is over, cut every connection first."""
        if not self.lapsed and self._started and self._clock.boottime() >= self._end:
            self.lapse()
        return self._started and not self.lapsed

    @property
    def started(self) -> bool:
        """Whether the lease was ever in force: the worker has registered."""
        return self._started

    def extend(self, sent_at: float) -> None:
        """Count the lease from `sent_at` (boot time), when an acknowledged beat was about to be sent.

        After the lease's end it extends nothing.
        """
        if not self._started or self.held():
            self._started = True
            self._end = max(self._end, sent_at + LEASE_S)

    def remaining_s(self) -> float:
        """Return the seconds left; 0 or less where it is over."""
        return self._end - self._clock.boottime() if self.held() else 0.0

    def lapse(self) -> None:
        """End the lease for good and cut every connection."""
        self.lapsed = True
        for connection in list(self._connections):
            connection.abort()

    def guard(self) -> Guard:
        """Return a guard for one account's connections."""
        return Guard(self)

    def watch(self, connection: Abortable) -> None:
        """Have a connection cut when the lease ends."""
        self._connections.add(connection)


class Guard:
    """One account's part of the lease: closed when the account is let go, while the worker goes on."""

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._closed = False
        self._connections: tuple[ref[Abortable], ...] = ()  # one, or one that goes and one that comes: a set would cost 2 kB an account

    def held(self) -> bool:
        """Tell whether the account may have a connection, now."""
        return not self._closed and self._lease.held()

    def watch(self, connection: Abortable) -> None:
        """Have a connection cut when the lease ends or the guard is closed."""
        self._lease.watch(connection)
        self._connections = (*(one for one in self._connections if one() is not None), ref(connection))

    def close(self) -> None:
        """Cut the account's connections and let none be made again under this guard."""
        self._closed = True
        for watched in self._connections:
            if connection := watched():
                connection.abort()
