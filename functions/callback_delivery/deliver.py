"""Delivering batches of the `events` queue: one consistent read shows all rows that a batch depends on, then the run begins."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pydantic import ValidationError

from functions.callback_delivery.delivery_run import DeliveryRun
from functions.callback_delivery.entry_outcome import STORAGE_DELAY_S
from functions.callback_delivery.queue import QueueEntry
from functions.callback_delivery.run_state import DeliveryCounts, RunState
from functions.callback_delivery.services import DeliveryServices
from shared.model.event import read_event
from shared.observability import log_malformed
from shared.store.delivery_snapshot import Snapshot
from shared.store.table import StoreUnavailable


class Deliverer:
    """Delivers batches, one run for each."""

    def __init__(self, services: DeliveryServices) -> None:
        self._services = services

    async def run(self, entries: Sequence[QueueEntry]) -> tuple[list[str], DeliveryCounts]:
        """Deliver a batch; return the ids of the messages that stay in the queue, and what was done."""
        started_s = self._services.clock.boottime()
        snapshot = await self._snapshot(entries)
        if snapshot is None:
            await asyncio.to_thread(self._services.messages.put_back, entries, STORAGE_DELAY_S)
            return [entry.message_id for entry in entries], DeliveryCounts()
        state = RunState(started_s, snapshot)
        stay = await DeliveryRun(self._services, state, [_resolved(entry, snapshot) for entry in entries]).run()
        return [entry.message_id for entry in stay], state.counts

    async def _snapshot(self, entries: Sequence[QueueEntry]) -> Snapshot | None:
        """Read what a batch depends on; None if storage does not answer."""
        try:
            snapshot = await asyncio.to_thread(self._services.snapshots.read, [entry.key for entry in entries if entry.key])
        except StoreUnavailable as error:
            self._services.logger.error("delivery records cannot be read", extra={"fault": str(error)})
            return None
        for fault in snapshot.faults.values():
            log_malformed(fault, self._services.logger)
        return snapshot


def _resolved(entry: QueueEntry, snapshot: Snapshot) -> QueueEntry:
    """Return an entry with the event that it points at, if there is one."""
    if entry.pointer is None:
        return entry
    body = snapshot.bodies.get((entry.pointer.tenant_id, entry.pointer.event_id))
    try:  # the first callback's copies share the record of the event as the listener queued it
        event = read_event(body).model_copy(update={"tenant_id": entry.pointer.tenant_id}) if body else None
        return replace(entry, event=event) if event else entry
    except ValidationError:
        return replace(entry, pointer=None)


def batch_response(failed: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Return the answer that the event source mapping expects: which messages stay in the queue."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
