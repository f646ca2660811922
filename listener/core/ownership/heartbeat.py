"""Beat and fence (rules 1 and 2): the row that says this worker lives, and the lease that hangs on it.

What others tell a worker comes with the answers to its beats: nudges, and that it is to be drained.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from aws_lambda_powertools import Logger

from listener.core.ownership.lease import BEAT_DEADLINE_S, BEAT_EVERY_S, Lease
from listener.core.runtime.offload import Offload
from shared.clock import Clock
from shared.model.ids import Channel
from shared.model.worker import Worker, WorkerState
from shared.store.table import ConditionFailed, StoreUnavailable
from shared.store.workers import WorkerStore


class Lapsed(Exception):
    """The lease is over: this worker id holds nothing any more. The process goes on under a new one."""


class Heartbeat:
    """One worker's beats. `store` has a client of its own: no retries, short time-outs, threads that nothing else occupies."""

    def __init__(
        self,
        me: Worker,
        lease: Lease,
        store: WorkerStore,
        offload: Offload,
        held: Callable[[], Mapping[Channel, int]],
        clock: Clock,
        logger: Logger,
    ) -> None:
        self.news = asyncio.Event()
        self.draining = False
        self.nudges: frozenset[str] = frozenset()
        self._me = me
        self._lease = lease
        self._store = store
        self._offload = offload
        self._held = held
        self._clock = clock
        self._logger = logger
        self._beat = me.beat
        self._heard: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Beat until the lease is over; then raises Lapsed."""
        while True:
            began = self._clock.boottime()
            await self.once(began)
            if not self._lease.held():
                raise Lapsed
            await asyncio.sleep(max(0.0, BEAT_EVERY_S - (self._clock.boottime() - began)))

    async def fence(self) -> None:
        """End at the lease's end, to the moment: a beat that is waited for delays nothing."""
        while self._lease.held():  # noqa: ASYNC110  time itself is waited for; beats push the end on
            await asyncio.sleep(self._lease.remaining_s())
        raise Lapsed

    async def once(self, sent_at: float) -> None:
        """Send one beat. What went wrong is no reason to stop before the lease's end, unless the row says that I am dead."""
        heard = self._heard
        beat, me, now, held = self._store.beat, self._me.id, self._clock.now(), self._held()
        try:
            row = await self._offload.within(BEAT_DEADLINE_S, beat, me, self._beat, sum(held.values()), heard, now, held)
        except ConditionFailed as failed:
            self._catch_up_with(failed.item)
            return
        except (StoreUnavailable, TimeoutError):
            self._logger.warning("beat missed", extra={"worker": me, "remaining_s": round(self._lease.remaining_s(), 1)})
            return
        self._beat = row.beat
        self._lease.extend(sent_at)
        self._heard -= heard
        self.nudges = row.nudges - self._heard
        if self.nudges or (row.draining and not self.draining):
            self.draining = row.draining
            self.news.set()

    def heard(self, nudges: frozenset[str]) -> None:
        """Note that nudges were seen to: the beat after takes them off the row. Until then they come again."""
        self._heard |= nudges
        self.nudges -= nudges

    def _catch_up_with(self, row: dict[str, Any] | None) -> None:
        """Learn from the row that refused a beat: an earlier one had worked though its answer was lost, or I have been declared dead."""
        beat = None if row is None or row.get("state") != WorkerState.LIVE else row.get("beat")
        if not isinstance(beat, int | Decimal):  # I am over, or nobody can tell any more: the process goes on as another worker
            self._lease.lapse()
            raise Lapsed
        self._beat = int(beat)  # the next beat, at once or in three seconds, counts from its own sending
