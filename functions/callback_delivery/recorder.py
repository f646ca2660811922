"""Writing the records of a run: each is written before its chat goes on, and those of several chats go in one request.

A record waits a moment for those of other chats, and while a request is under way for its end: so a run that delivers ten chats at once
makes one or two requests, not ten, and an event whose record is not written yet is the only one of its chat that a death repeats.
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
"""While records come at least this often, those that are there wait for more."""


@dataclass
class _Waiting:
    event: Event
    delivery: Delivery
    written: bool | None = None


class Recorder:
    """Writes records; belongs to one run of so many chats, none of which records two events at once."""

    def __init__(self, deliveries: DeliveryStore, logger: Logger, chats: int) -> None:
        self._deliveries = deliveries
        self._logger = logger
        self._chats = chats
        self._waiting: list[_Waiting] = []
        self._writing = asyncio.Lock()

    async def put(self, event: Event, delivery: Delivery) -> bool:
        """Write a record; tell whether it is written. Cancelled, it may be written or not."""
        mine = _Waiting(event, delivery)
        self._waiting.append(mine)
        while mine.written is None:
            async with self._writing:
                if mine.written is None:
                    await self._others()
                    await self._write()
        return mine.written

    async def _others(self) -> None:
        before = 0
        while before < len(self._waiting) < self._chats:
            before = len(self._waiting)
            await asyncio.sleep(MOMENT_S)

    async def _write(self) -> None:
        batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
        try:
            await asyncio.to_thread(self._deliveries.put_many, [(one.event, one.delivery) for one in batch])
            written = True
        except StoreUnavailable as error:
            written = False
            extra = {"event_ids": [one.event.id for one in batch], "fault": str(error)}
            self._logger.error("delivery records cannot be written", extra=extra)
        for one in batch:
            one.written = written
