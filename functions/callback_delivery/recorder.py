"""Writing a run's records: each is written before its chat continues, and the records of several chats share one request.

A record waits a moment for records of other chats, and for the end of a request under way. So a run that delivers ten chats at a time
makes one or two requests, not ten. If the process dies, at most one event of each chat is repeated: the one without a record.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aws_lambda_powertools import Logger

from shared.model.delivery import Delivery
from shared.model.event import Event
from shared.store.deliveries import DeliveryStore
from shared.store.table import BATCH, StoreUnavailable

MOMENT_S = 0.002
"""Records wait for more of them while new ones come at least this often."""


@dataclass
class _Waiting:
    event: Event
    delivery: Delivery
    written: bool | None = None


class Recorder:
    """Writes records. Belongs to one run with `chats` chats, none of which records two events at a time."""

    def __init__(self, deliveries: DeliveryStore, logger: Logger, chats: int) -> None:
        self._deliveries = deliveries
        self._logger = logger
        self._chats = chats
        self._waiting: list[_Waiting] = []
        self._writing = asyncio.Lock()

    async def put(self, event: Event, delivery: Delivery) -> bool:
        """Write a record; tell whether it is written. If cancelled, the record may or may not be written."""
        mine = _Waiting(event, delivery)
        self._waiting.append(mine)
        while mine.written is None:
            async with self._writing:
                if mine.written is None:
                    await self._wait_for_others()
                    await self._write()
        return mine.written

    async def _wait_for_others(self) -> None:
        before = 0
        while before < len(self._waiting) < self._chats:
            before = len(self._waiting)
            await asyncio.sleep(MOMENT_S)

    async def _write(self) -> None:
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        try:
            await asyncio.to_thread(self._deliveries.put_many, [(record.event, record.delivery) for record in batch])
            written = True
        except StoreUnavailable as error:
            written = False
            extra = {"event_ids": [record.event.id for record in batch], "fault": str(error)}
            self._logger.error("delivery records cannot be written", extra=extra)
        for record in batch:
            record.written = written
