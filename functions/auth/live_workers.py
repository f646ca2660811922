"""Which workers are live, for a status that people poll: a row is read again after five seconds."""

from __future__ import annotations

from shared.clock import Clock
from shared.model.ids import NOBODY, WorkerId
from shared.store.workers import WorkerStore

FRESH_S = 5.0
REMEMBERED = 256


class LiveWorkers:
    """Answers whether a worker is live, as of five seconds ago at most. Workers are few; `REMEMBERED` only bounds what was."""

    def __init__(self, workers: WorkerStore, clock: Clock) -> None:
        self._workers = workers
        self._clock = clock
        self._seen: dict[WorkerId, tuple[float, bool]] = {}

    def holds(self, owner: WorkerId | None) -> bool:
        """Tell whether an account's owner is a worker that beats, and whose row does not say that it is over."""
        if owner is None or owner == NOBODY:
            return False
        now = self._clock.boottime()
        read_at, live = self._seen.get(owner, (None, False))
        if read_at is None or now - read_at >= FRESH_S:
            row = self._workers.get(owner)
            live = row is not None and not row.state.over and not row.silent(self._clock.now())
            if len(self._seen) >= REMEMBERED:
                self._seen.clear()
            self._seen[owner] = (now, live)
        return live
