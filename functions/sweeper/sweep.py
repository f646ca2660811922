"""A run of the sweeper: whatever is due, side by side, until nothing is or the time is up. One visit's fault is its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

from aws_lambda_powertools import Logger

from functions.sweeper.shift import Shift, Tally
from functions.sweeper.visit import Visits
from shared.clock import Clock
from shared.observability import tell_malformed
from shared.store import keys
from shared.store.parking import Due, ParkingStore
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable

PER_SHARD = 100
SIDE_BY_SIDE = 50


class Sweeper:
    """Sweeps."""

    def __init__(self, store: ParkingStore, visits: Visits, clock: Clock, logger: Logger) -> None:
        self._store = store
        self._visits = visits
        self._clock = clock
        self._logger = logger

    async def run(self) -> Tally:
        """Visit what is due, each at most once; raises nothing. Two runs at once do no harm: what one holds, the other passes over."""
        shift = Shift(uuid.uuid4().hex, self._clock.boottime(), self._clock)
        visited: set[Due] = set()
        while not shift.over and (due := [one for one in await self._due() if one not in visited]):
            visited.update(due)
            waiting = iter(due)
            async with asyncio.TaskGroup() as group:
                for _ in range(min(SIDE_BY_SIDE, len(due))):
                    group.create_task(self._visit_all(shift, waiting))
        return shift.tally

    async def _due(self) -> list[Due]:
        found: list[Due] = []
        for shard in keys.due_shards():
            try:
                found += await asyncio.to_thread(self._store.due, shard, self._clock.now(), PER_SHARD)
            except StoreUnavailable as error:
                self._logger.error("what is due cannot be read", extra={"fault": str(error)})
        return found

    async def _visit_all(self, shift: Shift, waiting: Iterator[Due]) -> None:
        for due in waiting:
            if shift.over:
                return
            try:
                if due.chat is None:
                    await self._visits.callback(shift, due.tenant_id)
                else:
                    await self._visits.chat(shift, due.tenant_id, due.chat)
            except Malformed as fault:
                tell_malformed(fault, self._logger)
            except Exception as error:
                extra = {"tenant_id": due.tenant_id, "fault": type(error).__name__}
                self._logger.error("visit failed", extra=extra, exc_info=error)
