"""No loss on the way to the queue: events wait here until SQS accepted them, and the position moves only behind them.

    records   [events a1 b1 | position 7] [a2 | position 8] [c1 | position 9]
    accepted          a1                                      c1            -> durable position: none yet (b1 is missing), though c1 is in

Each account has a ledger; one writer per worker empties them all. At most one unaccepted event per chat is in flight, since SQS accepts
or refuses each entry of a batch by itself and the next one would overtake. A ledger is bounded: when it is full it refuses, its account
drops its connection before the position moved, and fetches the same updates again from the checkpoint once there is room.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

from aws_lambda_powertools import Logger

from listener.core.metrics import ChannelMetrics
from listener.core.runtime.signals import Signal
from shared.model.event import Event
from shared.store.peers import Peer

BOUND = 2000
"""Events a ledger holds at most; a difference slice of Telegram's holds 100, so this is several."""

IN_FLIGHT, PARTLY_FULL_IN_FLIGHT = 24, 4
"""Requests to SQS under way at once; those beyond the smaller number wait until they are full. 24 at 10 events each and 10 ms make
24,000 events/s."""

BATCH = 10


class Position(Protocol):
    """How far an account's updates are known, in the channel's own terms."""

    def then(self, later: Self) -> Self:
        """Return this position moved on to a later one, never backwards."""

    def tells_more_than(self, saved: Self) -> bool:
        """Tell whether it is worth a write to save this position in place of that."""

    def written(self) -> str:
        """Return it as it is stored."""


P = TypeVar("P", bound=Position)


@dataclass(eq=False, slots=True)
class LedgerEntry:
    """One event on its way in its chat's group, with the peers that have to be kept before it may leave."""

    event: Event
    group: str
    peers: tuple[Peer, ...]
    record: Record
    ledger: Ledger[Any]


@dataclass(eq=False, slots=True)
class Record:
    """What one batch of updates brought: how many of its events are still under way, and the position behind them."""

    position: Any
    missing: int


def _nobody() -> None:
    """Nobody has asked to be told."""


@dataclass(eq=False)
class Ledger(Generic[P]):
    """One account's events on their way to the queue.

    `durable` is the position behind which everything was accepted: where another process has to go on. `latest` is that of what was
    taken: where this process goes on after a reconnect. `moved` is told when `durable` has moved so that it should be saved. `missing`
    tells which of an event's peers are still not kept when it is to leave.
    """

    durable: P
    ready: Callable[[Ledger[Any], str], None]
    kept: Callable[[tuple[Peer, ...]], None]
    bound: int = BOUND
    missing: Callable[[tuple[Peer, ...]], tuple[Peer, ...]] = tuple
    metrics: ChannelMetrics = field(default_factory=ChannelMetrics)
    _records: list[Record] = field(default_factory=list)  # an empty deque is 700 bytes larger
    _chats: dict[str, deque[LedgerEntry]] = field(default_factory=dict)
    _size: int = 0
    moved: Callable[[], None] = field(default=_nobody)
    _empty: Signal = field(default_factory=Signal)
    _room: Signal = field(default_factory=Signal)

    def __post_init__(self) -> None:
        self.latest = self._told = self.durable
        self._empty.set()

    def append(self, events: Sequence[tuple[Event, tuple[Peer, ...]]], position: P) -> bool:
        """Take a batch's events and the position behind them; False, and nothing taken, where there is no room."""
        if self._size + len(events) > self.bound and self._size:
            self._room.clear()
            return False
        self.latest = self.latest.then(position)
        record = Record(self.latest, len(events))
        self._records.append(record)
        self._size += len(events)
        for event, peers in events:
            self._empty.clear()
            group = event.group
            chat = self._chats.setdefault(group, deque())
            chat.append(LedgerEntry(event, group, peers, record, self))
            if len(chat) == 1:
                self.ready(self, group)
        self._settle()
        return True

    def head(self, group: str) -> LedgerEntry:
        """Return the event that is next to go in a chat that has been called ready."""
        return self._chats[group][0]

    def accepted(self, entry: LedgerEntry) -> None:
        """Note that SQS has an event; its chat's next is ready then."""
        chat = self._chats[entry.group]
        chat.popleft()
        self._size -= 1
        self.metrics.events_queued += 1
        if self._size <= self.bound // 2:
            self._room.set()
        entry.record.missing -= 1
        if chat:
            self.ready(self, entry.group)
        else:
            del self._chats[entry.group]
        self._settle()

    @property
    def pending(self) -> int:
        """How many events were taken and not accepted yet."""
        return self._size

    async def room(self) -> None:
        """Wait, after a refusal, until half of what fits is gone; whoever waits may be refused again, and has to wait again."""
        await self._room.wait()

    def emptied(self) -> asyncio.Future[None]:
        """Return what is done once everything taken was accepted. Whoever stops waiting cancels it."""
        return self._empty.future()

    async def drained(self) -> None:
        """Wait until everything taken was accepted."""
        await self._empty.wait()

    def _settle(self) -> None:
        while self._records and not self._records[0].missing:
            self.durable = self._records.pop(0).position
            if self.durable.tells_more_than(self._told):
                self._told = self.durable
                self.moved()
        if not self._size:
            self._empty.set()


class Writer:
    """Empties all ledgers of a worker into the queue.

    `deliver` takes up to ten entries, no two of one chat, and tells of each whether it was accepted. What is refused is tried again,
    first after `retry_s` seconds, later up to 5 s apart; so is everything while SQS is away.
    """

    def __init__(self, deliver: Callable[[list[LedgerEntry]], Awaitable[list[bool]]], logger: Logger, retry_s: float = 0.1) -> None:
        self._deliver = deliver
        self._logger = logger
        self._retry_s = retry_s
        self._failures = 0
        self._ready: deque[tuple[Ledger[Any], str]] = deque()
        self._under_way = 0
        self._wake = asyncio.Event()

    def ready(self, ledger: Ledger[Any], group: str) -> None:
        """Note that a chat has an event to go; a ledger calls this once per event, when the one before it is accepted."""
        self._ready.append((ledger, group))
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled.

        Cancelling leaves requests under way unanswered: their events stay unaccepted, and are sent again by whoever owns the account
        next.
        """
        async with asyncio.TaskGroup() as requests:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._may_send():
                    batch = [self._ready.popleft() for _ in range(min(BATCH, len(self._ready)))]
                    self._under_way += 1
                    requests.create_task(self._send([ledger.head(group) for ledger, group in batch]))

    def _may_send(self) -> bool:
        limit = IN_FLIGHT if len(self._ready) >= BATCH else PARTLY_FULL_IN_FLIGHT
        return bool(self._ready) and self._under_way < limit

    async def _send(self, entries: list[LedgerEntry]) -> None:
        try:
            accepted = await self._deliver(entries)
        except Exception as error:  # the edge of a batch: nobody else would send these again
            self._logger.error("delivering to the queue failed", extra={"fault": type(error).__name__})
            accepted = [False] * len(entries)
        finally:
            self._under_way -= 1
            self._wake.set()
        self._failures = 0 if any(accepted) else self._failures + 1
        for entry, well in zip(entries, accepted, strict=True):
            if well:
                entry.ledger.accepted(entry)
            else:
                entry.ledger.metrics.events_refused += 1
                delay = min(5.0, self._retry_s * 2 ** min(self._failures, 10)) * random.uniform(0.5, 1.0)  # noqa: S311  jitter
                asyncio.get_running_loop().call_later(delay, self.ready, entry.ledger, entry.group)
