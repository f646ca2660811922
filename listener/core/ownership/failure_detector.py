"""Who lives and who is over (rule 3): a worker whose row has not moved for SILENCE_S of my own clock is declared dead, before any claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aws_lambda_powertools import Logger

from listener.core.ownership.lease import SILENCE_S
from listener.core.runtime.offload import Offload
from shared.clock import Clock
from shared.model.ids import NOBODY, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store.workers import KEPT_AFTER_END, WorkerStore

RECENTLY = timedelta(minutes=2)
SELDOM_S = 30.0


@dataclass(frozen=True)
class Sight:
    """What one look at all rows showed. Being over is final: it may be relied on for as long as anybody likes."""

    live: list[Worker]
    over: list[Worker]

    @property
    def takers(self) -> list[Worker]:
        """Those who take accounts: live, and not on their way out."""
        return [worker for worker in self.live if worker.state is WorkerState.LIVE and not worker.draining]


class FailureDetector:
    """One worker's view of the others."""

    def __init__(self, me: WorkerId, store: WorkerStore, offload: Offload, clock: Clock, logger: Logger) -> None:
        self._me = me
        self._store = store
        self._offload = offload
        self._clock = clock
        self._logger = logger
        self._seen: dict[WorkerId, tuple[int, float]] = {}
        self._asked: dict[WorkerId, float] = {}

    async def look(self) -> Sight:
        """Read every row, and declare dead who is."""
        workers = await self._offload(self._store.all)
        over = [worker for worker in workers if await self._is_gone(worker)]
        ids = {worker.id for worker in workers}
        self._seen = {worker: seen for worker, seen in self._seen.items() if worker in ids}
        self._asked = {worker: at for worker, at in self._asked.items() if worker in ids}
        return Sight([worker for worker in workers if worker not in over], over)

    async def is_over(self, owner: WorkerId) -> bool:
        """Tell whether an owner, by its row as it is now, holds nothing any more."""
        if owner in (NOBODY, self._me):
            return True  # mine, and yet I do not hold it: its task has failed
        worker = await self._offload(self._store.get, owner)
        return worker is None or worker.state.over

    def is_due(self, worker: Worker) -> bool:
        """Tell whether to ask now what a worker that is over has left: each time at first, since the index lags, then now and then."""
        now = self._clock.boottime()
        recently = worker.ended_at is None or self._clock.now() - worker.ended_at < RECENTLY
        if not recently and now - self._asked.get(worker.id, now - SELDOM_S) < SELDOM_S:
            return False
        self._asked[worker.id] = now
        return True

    async def forget(self, worker: Worker) -> None:
        """Remove the row of a worker that is over and has left nothing, once it is old."""
        if worker.ended_at is not None and self._clock.now() - worker.ended_at > KEPT_AFTER_END:
            await self._offload(self._store.forget, worker.id)

    async def _is_gone(self, worker: Worker) -> bool:
        """Tell whether a worker is over, after declaring it dead where it has been silent for long enough."""
        if worker.state.over:
            return True
        if worker.id == self._me:
            return False
        now = self._clock.boottime()
        beat, since = self._seen.get(worker.id, (None, now))
        if beat != worker.beat:
            self._seen[worker.id] = (worker.beat, now)
            return False
        if now - since < SILENCE_S:
            return False
        self._logger.warning("declaring a silent worker dead", extra={"worker": worker.id})
        return await self._offload(self._store.kill, worker.id, worker.beat, self._clock.now())
