"""Queues the changes of accounts' states that the listener has left in the outbox (`shared.store.status_outbox`)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from shared.model.event import Event
from shared.observability import log_malformed
from shared.queues import BATCH, EventsQueue, QueueUnavailable
from shared.store.keys import Key
from shared.store.rows import Malformed
from shared.store.status_outbox import StatusOutbox
from shared.store.table import StoreUnavailable

MOST = 500
"""Events that one look queues. The others wait for the next."""
EVERY_S = 5.0


@dataclass(frozen=True)
class StatusEvents:
    """Empties the outbox into the queue."""

    outbox: StatusOutbox
    queue: EventsQueue
    logger: Logger

    async def run(self) -> None:
        """Look again and again, until cancelled. Raises nothing else."""
        while True:
            await asyncio.to_thread(self.send)
            await asyncio.sleep(EVERY_S)

    def send(self) -> int:
        """Queue what waits, in order per account; return how many were queued. What is refused waits for the next look."""
        sent = 0
        try:
            batch: list[tuple[Key, Event]] = []
            for entry in self.outbox.waiting(MOST):
                if isinstance(entry, Malformed):
                    log_malformed(entry, self.logger)
                    continue
                batch.append(entry)
                if len(batch) == BATCH:
                    sent += self._queue(batch)
                    batch = []
            return sent + self._queue(batch)
        except (StoreUnavailable, QueueUnavailable) as error:
            self.logger.error("status events cannot be queued", extra={"fault": str(error)})
            return sent

    def _queue(self, batch: list[tuple[Key, Event]]) -> int:
        if batch:
            self.queue.send([event for _, event in batch])
            self.outbox.remove([key for key, _ in batch])
        return len(batch)
