"""A run of the sweeper: whatever is due, side by side, when it is due, until nothing is or the time is up. One visit's fault is its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger

from functions.sweeper.callback_drain import Visits
from functions.sweeper.sweep_run import Shift, Tally
from shared.clock import Clock
from shared.model.ids import TenantId
from shared.observability import tell_malformed
from shared.store import keys
from shared.store.backlog import BacklogStore, DueItem
from shared.store.rows import Malformed
from shared.store.table import StoreUnavailable

PER_SHARD = 100
SIDE_BY_SIDE = 50
LOOK_S = 1.0
"""How long a run that has nothing to do until something is due waits before it looks again: some requests a second, while there is that."""


@dataclass(frozen=True)
class Visited:
    """When something that this run has visited was due then, and the boot time of that visit."""

    at: str
    began_s: float


def _place(due: DueItem) -> tuple[TenantId, str | None]:
    return due.tenant_id, due.chat


def _is_same(visited: Visited | None, due: DueItem) -> bool:
    """Whether the index shows what was visited: it lags, and what cannot be visited stays due."""
    return visited is not None and visited.at == due.at


def _is_recent(visited: Visited | None, now_s: float) -> bool:
    return visited is not None and now_s - visited.began_s < LOOK_S


class Sweeper:
    """Sweeps."""

    def __init__(self, store: BacklogStore, visits: Visits, clock: Clock, logger: Logger) -> None:
        self._store = store
        self._visits = visits
        self._clock = clock
        self._logger = logger

    async def run(self, *, ahead: bool = False) -> Tally:
        """Visit what is due; `ahead`: and what becomes due until the run is over, each when it is. Raises nothing.

        Runs that look ahead begin more often than one lasts (`shift.LAST_START_S`), so what is due is visited when it is, provided that it
        was written a minute before. Two runs at once do no harm: what one holds, the other passes over.
        """
        shift = Shift(uuid.uuid4().hex, self._clock.boottime(), self._clock)
        visited: dict[tuple[TenantId, str | None], Visited] = {}
        while not shift.over:
            found = await self._due(timedelta(seconds=shift.left_s if ahead else 0))
            now_s, now = self._clock.boottime(), keys.moment(self._clock.now())
            waits = [one for one in found if not _is_same(visited.get(_place(one)), one)]
            due = [one for one in waits if one.at <= now and not _is_recent(visited.get(_place(one)), now_s)]
            if not due:
                if not waits or not ahead:
                    break
                await asyncio.sleep(min(LOOK_S, shift.left_s))
                continue
            visited |= {_place(one): Visited(one.at, now_s) for one in due}
            waiting = iter(due)
            async with asyncio.TaskGroup() as group:
                for _ in range(min(SIDE_BY_SIDE, len(due))):
                    group.create_task(self._visit_all(shift, waiting))
        return shift.tally

    async def _due(self, ahead: timedelta) -> list[DueItem]:
        found: list[DueItem] = []
        for shard in keys.due_shards():
            try:
                found += await asyncio.to_thread(self._store.due, shard, self._clock.now() + ahead, PER_SHARD)
            except StoreUnavailable as error:
                self._logger.error("what is due cannot be read", extra={"fault": str(error)})
        return found

    async def _visit_all(self, shift: Shift, waiting: Iterator[DueItem]) -> None:
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
