"""Delivering a batch: chats side by side, each in order (contract C1, C3).

    entry -> unreadable?  already delivered or dead?  wanted by its tenant?  time left?  -> attempt -> delivered | again later | dead

After an event that is to be tried again, the rest of its chat waits with it. Waiting is the queue's: nothing sleeps here. What goes
wrong becomes a delay for its own chat; nothing is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from aws_lambda_powertools import Logger

from functions.callback_delivery import retry, signing
from functions.callback_delivery.addressees import Addressee, Addressees
from functions.callback_delivery.body import body_of
from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import Entry, Messages
from shared.clock import Clock
from shared.crypto import KeysUnavailable, Unreadable
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.store.deliveries import Delivery, DeliveryStatus, DeliveryStore
from shared.store.table import StoreUnavailable

LAST_START_S = 20.0
"""No attempt starts later in a run: one takes 8 s at most, and the function's time is up after 30."""
STORAGE_DELAY_S = 5
"""How long a chat waits when our own storage or keys do not answer; that is no attempt."""
FAULT_DELAY_S = 30
UNREADABLE_DELAY_S = 60
UNREADABLE_KEPT = timedelta(hours=1)
"""While a new version is being deployed its events may not be readable here yet. What cannot be read for longer would never be."""

_Found = Addressee | StoreUnavailable | KeysUnavailable | Unreadable | None


@dataclass
class Tally:
    """What a run did, for the metrics. `lags_ms`: from when the listener had an event to when its receiver had it."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    dropped: int = 0
    lags_ms: list[int] = field(default_factory=list)


@dataclass
class _Run:
    started_s: float
    chats_left: int
    records: dict[EventId, Delivery]
    addressees: dict[TenantId, _Found]
    tally: Tally


class Deliverer:
    """Delivers batches of queue entries."""

    def __init__(
        self, addressees: Addressees, deliveries: DeliveryStore, messages: Messages, poster: Poster, clock: Clock, logger: Logger
    ) -> None:
        self._addressees = addressees
        self._deliveries = deliveries
        self._messages = messages
        self._poster = poster
        self._clock = clock
        self._logger = logger

    async def run(self, entries: Sequence[Entry]) -> tuple[list[str], Tally]:
        """Deliver what can be delivered; return the ids of the messages that stay in the queue, and what was done."""
        started_s = self._clock.boottime()
        events = [entry.event for entry in entries if entry.event]
        try:
            records = {EventId(event_id): record for event_id, record in self._deliveries.of(events).items()}
        except StoreUnavailable as error:
            self._logger.error("delivery records cannot be read", extra={"fault": str(error)})
            self._messages.put_back(entries, STORAGE_DELAY_S)
            return [entry.message_id for entry in entries], Tally()
        chats: dict[str, list[Entry]] = {}
        for entry in entries:
            chats.setdefault(entry.chat, []).append(entry)
        addressees = {tenant_id: self._find(tenant_id) for tenant_id in {event.tenant_id: None for event in events}}
        run = _Run(started_s, len(chats), records, addressees, Tally())
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._chat(run, chat)) for chat in chats.values()]
        return [entry.message_id for task in tasks for entry in task.result()], run.tally

    def _find(self, tenant_id: TenantId) -> _Found:
        try:
            return self._addressees.get(tenant_id)
        except (StoreUnavailable, KeysUnavailable, Unreadable) as error:
            self._logger.error("addressee cannot be read", extra={"tenant_id": tenant_id, "fault": type(error).__name__})
            return error

    async def _chat(self, run: _Run, entries: list[Entry]) -> list[Entry]:
        """Deliver one chat's entries in order; return those that stay in the queue."""
        done, delay_s = 0, None
        try:
            for entry in entries:
                delay_s = await self._entry(run, entry)
                if delay_s is not None:
                    break
                done += 1
        except Exception as error:
            delay_s = FAULT_DELAY_S
            self._logger.error("chat failed", extra={"message_id": entries[done].message_id, "fault": type(error).__name__}, exc_info=error)
        run.chats_left -= 1
        if delay_s is not None:
            await asyncio.to_thread(self._messages.put_back, entries[done:], delay_s)
        if done and run.chats_left:  # others still run: this chat's next events need not wait for them
            await asyncio.to_thread(self._messages.delete, entries[:done])
        return entries[done:]

    async def _entry(self, run: _Run, entry: Entry) -> int | None:
        """Deal with one entry; return None where it is done with, or the seconds after which it is to come again."""
        event = entry.event
        if event is None:
            return self._unreadable(run, entry)
        record = run.records.get(event.id, Delivery())
        addressee = run.addressees[event.tenant_id]
        if isinstance(addressee, Exception):
            return STORAGE_DELAY_S
        if addressee is None or (reason := _unwanted(event, record, addressee)):
            self._drop(run, event, "tenant is gone" if addressee is None else reason)
            return None
        if self._clock.boottime() - run.started_s >= LAST_START_S:
            return 0
        return await self._attempt(run, event, record.attempts + 1, addressee)

    async def _attempt(self, run: _Run, event: Event, attempts: int, addressee: Addressee) -> int | None:
        tenant, started_s = addressee.tenant, self._clock.boottime()
        body = body_of(event, tenant.number)
        headers = signing.headers(event.id, self._clock.now(), attempts, body, addressee.secret)
        outcome = await self._poster.post(tenant.callback_url or "", headers, body)
        decision = retry.decide(outcome, attempts)
        said = {
            "event_id": event.id,
            "tenant_id": event.tenant_id,
            "attempts": attempts,
            "outcome": retry.described(outcome),
            "duration_ms": round((self._clock.boottime() - started_s) * 1000),
        }
        match decision:
            case retry.Delivered():
                await self._delivered(run, event, attempts, said)
                return None
            case retry.Again(delay_s):
                run.tally.failed += 1
                self._logger.warning("attempt failed", extra={**said, "again_in_s": delay_s})
                await self._record(run, event, Delivery(attempts=attempts, last_error=retry.described(outcome)))
                return delay_s
            case retry.Dead(gone):
                if gone:
                    await self._disable(run, addressee)
                return await self._dead(
                    run, event, Delivery(status=DeliveryStatus.DEAD, attempts=attempts, last_error=said["outcome"]), said
                )

    async def _delivered(self, run: _Run, event: Event, attempts: int, said: dict[str, object]) -> None:
        run.tally.delivered += 1
        run.tally.lags_ms.append(round((self._clock.now() - event.received_at).total_seconds() * 1000))
        self._logger.info("event delivered", extra=said)
        delivery = Delivery(status=DeliveryStatus.DELIVERED, attempts=attempts)
        run.records[event.id] = delivery
        if attempts > 1:
            await self._record(run, event, delivery)

    async def _dead(self, run: _Run, event: Event, delivery: Delivery, said: dict[str, object]) -> int | None:
        """Give an event up. Where that cannot be recorded it stays in the queue: nothing is lost without a trace."""
        if not await self._record(run, event, delivery):
            return STORAGE_DELAY_S
        run.tally.dead += 1
        self._logger.error("event dead", extra=said)
        return None

    async def _record(self, run: _Run, event: Event, delivery: Delivery) -> bool:
        run.records[event.id] = delivery
        try:
            await asyncio.to_thread(self._deliveries.put, event, delivery, self._clock.now())
        except StoreUnavailable as error:
            self._logger.error("delivery record cannot be written", extra={"event_id": event.id, "fault": str(error)})
            return False
        return True

    async def _disable(self, run: _Run, addressee: Addressee) -> None:
        tenant_id = addressee.tenant.id
        reason = "The endpoint answered 410 Gone. Set callback_url again to start deliveries."
        run.addressees[tenant_id] = Addressee(addressee.tenant.model_copy(update={"callback_disabled": reason}), addressee.secret)
        self._logger.warning("callback disabled", extra={"tenant_id": tenant_id})
        try:
            await asyncio.to_thread(self._addressees.disable, addressee, reason)
        except StoreUnavailable as error:
            self._logger.error("callback cannot be disabled", extra={"tenant_id": tenant_id, "fault": str(error)})

    def _unreadable(self, run: _Run, entry: Entry) -> int | None:
        if self._clock.now() - entry.sent_at < UNREADABLE_KEPT:
            self._logger.warning("queue message unreadable", extra={"message_id": entry.message_id})
            return UNREADABLE_DELAY_S
        run.tally.dropped += 1
        self._logger.error("queue message unreadable, dropped", extra={"message_id": entry.message_id})
        return None

    def _drop(self, run: _Run, event: Event, reason: str) -> None:
        run.tally.dropped += 1
        self._logger.info("event dropped", extra={"event_id": event.id, "tenant_id": event.tenant_id, "reason": reason})


def _unwanted(event: Event, record: Delivery, addressee: Addressee) -> str:
    """Return why an event is not to be posted, or nothing."""
    tenant = addressee.tenant
    if record.status is not DeliveryStatus.PENDING:
        return f"already {record.status}"
    if tenant.callback_url is None:
        return "no callback"
    if tenant.callback_disabled:
        return "callback disabled"
    if tenant.callback_since and event.received_at < tenant.callback_since:
        return "before the callback was set"
    return ""


def batch_of(failed: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Return what the event source mapping wants to hear: which messages stay in the queue."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
