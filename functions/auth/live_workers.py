"""Which workers are live, for a status that people poll: a worker's row is read again after five seconds."""

from __future__ import annotations

from operator import attrgetter
from threading import Lock

from cachetools import TTLCache, cachedmethod

from shared.clock import Clock
from shared.model.ids import NOBODY, WorkerId
from shared.store.workers import WorkerStore

FRESH_S = 5.0
MAX_WORKERS = 256


class LiveWorkers:
    """Tells whether a worker is live, as of five seconds ago at most. Workers are few; `MAX_WORKERS` bounds the cache all the same."""

    def __init__(self, workers: WorkerStore, clock: Clock) -> None:
        self._workers = workers
        self._clock = clock
        self._cache: TTLCache[tuple[WorkerId], bool] = TTLCache(MAX_WORKERS, FRESH_S, timer=clock.boottime)
        self._lock = Lock()

    def holds(self, owner: WorkerId | None) -> bool:
        """Tell whether an account's owner is a worker that beats, and whose row does not say that it has ended."""
        return owner is not None and owner != NOBODY and self._is_live(owner)

    @cachedmethod(attrgetter("_cache"), lock=attrgetter("_lock"))
    def _is_live(self, worker_id: WorkerId) -> bool:
        row = self._workers.get(worker_id)
        return row is not None and not row.state.over and not row.silent(self._clock.now())
