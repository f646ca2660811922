"""The sweeper: it visits whatever is due, side by side, when it is due, until nothing is or the time is up.

A visit's fault affects that visit alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.sweeper.due_visit import visit
from functions.sweeper.sweep_run import SweepCounts, SweepRun, SweepServices
from shared.model.ids import TenantId
from shared.observability import log_malformed
from shared.store import keys
from shared.store.backlog import DueItem
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable

PER_SHARD = 100
SIDE_BY_SIDE = 50
LOOK_S = 1.0
"""How long a run waits before it reads the index again, if something becomes due later in the run. Each read is some requests."""


class Sweeper:
    """Sweeps, one run at a time or several: what one run has leased, the others pass over."""

    def __init__(self, services: SweepServices) -> None:
        self._services = services

    async def run(self, *, ahead: bool = False) -> SweepCounts:
        """Visit what is due. With `ahead`, also visit what becomes due during the run, each when it is due. Raises nothing.

        Runs that look ahead begin more often than a run lasts (`sweep_run.LAST_START_S`). So each visit is made when it is due, if its due
        time was written a minute before.
        """
        run = SweepRun(self._services)
        await Sweep(run, ahead=ahead).run()
        return run.counts


@dataclass(frozen=True)
class LastVisit:
    """The due time that an item had when this run visited it, and the boot time of that visit."""

    due_at: str
    began_s: float


class Sweep:
    """One run's loop over the index of what is due."""

    def __init__(self, run: SweepRun, *, ahead: bool) -> None:
        self._run = run
        self._services = run.services
        self._ahead = ahead
        self._visits: dict[tuple[TenantId, str | None], LastVisit] = {}

    async def run(self) -> None:
        """Visit items until none is left, or the time is up."""
        while not self._run.over:
            upcoming = await self._upcoming()
            if due := self._due_now(upcoming):
                await self._visit_all(due)
            elif upcoming and self._ahead:
                await asyncio.sleep(min(LOOK_S, self._run.left_s))
            else:
                return

    async def _upcoming(self) -> list[DueItem]:
        """Return what is due within the run, except what the index shows as it was before this run's visit: the index lags."""
        until = self._services.clock.now() + timedelta(seconds=self._run.left_s if self._ahead else 0)
        found: list[DueItem] = []
        for shard in keys.due_shards():
            try:
                found += await asyncio.to_thread(self._services.backlog.due, shard, until, PER_SHARD)
            except StoreUnavailable as error:
                self._services.logger.error("what is due cannot be read", extra={"fault": str(error)})
        return [item for item in found if (last := self._last_visit(item)) is None or last.due_at != item.at]

    def _due_now(self, upcoming: list[DueItem]) -> list[DueItem]:
        """Return what is due now and was not visited a moment ago; note that it is visited."""
        now_s, now = self._services.clock.boottime(), keys.moment(self._services.clock.now())
        due = [item for item in upcoming if item.at <= now and ((last := self._last_visit(item)) is None or now_s - last.began_s >= LOOK_S)]
        self._visits |= {(item.tenant_id, item.chat): LastVisit(item.at, now_s) for item in due}
        self._note_lateness(due)
        return due

    def _note_lateness(self, due: list[DueItem]) -> None:
        now, counts = self._services.clock.now(), self._run.counts
        counts.late_s = max((counts.late_s, *((now - datetime.fromisoformat(item.at)).total_seconds() for item in due)))

    def _last_visit(self, item: DueItem) -> LastVisit | None:
        return self._visits.get((item.tenant_id, item.chat))

    async def _visit_all(self, due: list[DueItem]) -> None:
        waiting = iter(due)
        async with asyncio.TaskGroup() as group:
            for _ in range(min(SIDE_BY_SIDE, len(due))):
                group.create_task(self._visit_each(waiting))

    async def _visit_each(self, waiting: Iterator[DueItem]) -> None:
        for item in waiting:
            if self._run.over:
                return
            try:
                await visit(self._run, item)
            except Malformed as fault:
                log_malformed(fault, self._services.logger)
            except Exception as error:
                extra = {"tenant_id": item.tenant_id, "fault": type(error).__name__}
                self._services.logger.error("visit failed", extra=extra, exc_info=error)
