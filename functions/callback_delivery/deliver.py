"""Delivering a batch: chats side by side, each in order (contract C1, C3).

    entry -> rows in order?  readable?  already dealt with?  wanted by its tenant?  lane open?  time left?  callback free?
                                                                         |
          -> attempt -> delivered | again later | dead                   |
                                         | quick attempts used up        |
                                         '----------> parked <-----------'

After an event that is to be tried again, the rest of its chat waits with it. Waiting is the queue's: nothing sleeps here. Each event's end
is recorded before its chat goes on. What goes wrong becomes a delay for its own chat; nothing is raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from functions.callback_delivery import retry
from functions.callback_delivery.attempt import AttemptResult, EventPoster
from functions.callback_delivery.backlog import Parking
from functions.callback_delivery.delivery_filter import COUNTED, end_of, unwanted
from functions.callback_delivery.endpoint_hold import Holds
from functions.callback_delivery.queue import Entry, Messages
from functions.callback_delivery.recipients import REASONS, Recipient, Recipients
from functions.callback_delivery.recorder import Recorder
from functions.callback_delivery.run_state import Done, Later, Park, Run, Step, Tally
from functions.callback_delivery.slow_attempts import Watch
from shared.clock import Clock
from shared.crypto import KeysUnavailable
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.model.tenant import Cause
from shared.observability import tell_malformed
from shared.queues import parse_event
from shared.store import keys
from shared.store.backlog import BacklogStore, Snapshot
from shared.store.deliveries import DeliveryStore
from shared.store.rows import address_of, fault_of
from shared.store.table import StoreUnavailable, Table

LAST_START_S = 20.0
"""No attempt starts later in a run: one takes 8 s at most, and the function's time is up after 30."""
STORAGE_DELAY_S = 5
"""How long a chat waits when our own storage or keys do not answer; that is no attempt."""
FAULT_DELAY_S = 30
HELD_DELAY_S = 1
"""How long a chat waits whose callback leaves another attempt unanswered; that is no attempt either."""
LOOKS = 5
"""How often a run looks at a lot that changes under its hands, before it leaves the chat to a later run."""
MENDED_DELAY_S = 300
"""How long a chat waits for a row that makes no sense to be mended: the queue gives a message up that was received a thousand times."""
UNREADABLE_DELAY_S = 60
UNREADABLE_KEPT = timedelta(hours=1)
"""While a new version is being deployed its events may not be readable here yet. What cannot be read for longer would never be."""


class Deliverer:
    """Delivers batches of queue entries."""

    def __init__(
        self,
        recipients: Recipients,
        deliveries: DeliveryStore,
        backlog: BacklogStore,
        state: Table,
        messages: Messages,
        attempts: EventPoster,
        clock: Clock,
        logger: Logger,
    ) -> None:
        self._addressees = recipients
        self._deliveries = deliveries
        self._store = backlog
        self._state = state
        self._backlog = Parking(backlog, state, clock, logger)
        self._holds = Holds(backlog, self._backlog, clock, logger)
        self._messages = messages
        self._attempts = attempts
        self._clock = clock
        self._logger = logger

    async def run(self, entries: Sequence[Entry]) -> tuple[list[str], Tally]:
        """Deliver what can be delivered; return the ids of the messages that stay in the queue, and what was done."""
        started_s = self._clock.boottime()
        try:
            seen = await asyncio.to_thread(self._store.read, [entry.key for entry in entries if entry.key], self._state)
        except StoreUnavailable as error:
            self._logger.error("delivery records cannot be read", extra={"fault": str(error)})
            await asyncio.to_thread(self._messages.put_back, entries, STORAGE_DELAY_S)
            return [entry.message_id for entry in entries], Tally()
        for fault in seen.faults.values():
            tell_malformed(fault, self._logger)
        tenants: dict[str, dict[str, list[Entry]]] = {}
        for entry in (_resolved(entry, seen) for entry in entries):
            tenants.setdefault(entry.group.partition(":")[0], {}).setdefault(entry.group, []).append(entry)
        count = sum(map(len, tenants.values()))
        run = Run(started_s, count, seen, Recorder(self._deliveries, self._logger, count), Tally())
        watch = Watch(run, self._backlog, self._clock)
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(watch.stay())
            async with asyncio.TaskGroup() as delivering:
                tasks = [delivering.create_task(self._tenant(run, watch, list(chats.values()))) for chats in tenants.values()]
            watching.cancel()
        return [entry.message_id for task in tasks for entry in task.result()], run.tally

    async def _tenant(self, run: Run, watch: Watch, chats: Sequence[list[Entry]]) -> list[Entry]:
        """Deliver one tenant's entries; return those that stay in the queue. Nobody waits for what is read about another."""
        tenants = {entry.key[0] for chat in chats for entry in chat if entry.key}  # one, or none where nothing can be read
        for tenant_id in tenants:
            await asyncio.to_thread(self._find, run, tenant_id)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._chat(run, watch, chat)) for chat in chats]
        for tenant_id in run.holding & tenants:
            await self._holds.let_go(run, tenant_id)
        for tenant_id in run.dropped.keys() & tenants:
            await asyncio.to_thread(self._count, tenant_id, run.dropped[tenant_id])
        return [entry for task in tasks for entry in task.result()]

    def _find(self, run: Run, tenant_id: TenantId) -> None:
        tenant = run.tenants.get(tenant_id)
        try:
            run.recipients[tenant_id] = self._addressees.of(tenant, run.started_s) if tenant else None
        except Exception as error:  # the edge of a tenant: whatever its row holds, the others of the batch get their events
            self._logger.error("recipient cannot be read", extra={"tenant_id": tenant_id, "fault": fault_of(error)})
            run.faults[address_of(keys.tenant(tenant_id))] = error

    async def _current(self, run: Run, tenant_id: TenantId) -> Recipient | None:
        """Return to whom a tenant's events go now: a run lasts for seconds, and settings change meanwhile."""
        recipient = run.recipients[tenant_id]
        if recipient is not None:
            recipient = run.recipients[tenant_id] = await asyncio.to_thread(self._addressees.current, recipient)
        return recipient

    def _count(self, tenant_id: TenantId, dropped: int) -> None:
        try:
            self._deliveries.count_dropped(tenant_id, dropped, self._clock.now())
        except StoreUnavailable as error:
            self._logger.error("dropped events cannot be counted", extra={"tenant_id": tenant_id, "count": dropped, "fault": str(error)})

    async def _chat(self, run: Run, watch: Watch, entries: list[Entry]) -> list[Entry]:
        """Deliver one chat's entries in order; return those that stay in the queue."""
        done, looks = 0, 0
        delay_s: int | None = None
        try:
            while done < len(entries) and delay_s is None:
                match await self._entry(run, watch, entries[done]):
                    case Done():
                        done += 1
                    case Later(seconds):
                        delay_s = seconds
                    case Park() as park:
                        parked = await self._backlog.park(run, self._parkable(run, entries[done:]), park)
                        done, looks = done + (parked or 0), looks + 1
                        delay_s = STORAGE_DELAY_S if parked is None or looks > LOOKS else None
        except Exception as error:
            delay_s = FAULT_DELAY_S
            extra = {"message_id": entries[done].message_id, "fault": fault_of(error)}
            self._logger.error("chat failed", extra=extra, exc_info=error)
        if delay_s is not None:
            await asyncio.to_thread(self._messages.put_back, entries[done:], delay_s)
        await run.release.ended(self._messages, entries[:done])
        return entries[done:]

    async def _entry(self, run: Run, watch: Watch, entry: Entry) -> Step:
        """Deal with one entry."""
        if fault := run.fault(entry):
            return Later(STORAGE_DELAY_S if isinstance(fault, (StoreUnavailable, KeysUnavailable)) else MENDED_DELAY_S)
        event = entry.event
        if event is None:
            return self._unreadable(run, entry)
        record = run.record(entry, event)
        if _dealt_with(record, entry):
            return self._dropped(run, event, f"already {record.status}")
        try:
            recipient = await self._current(run, event.tenant_id)
        except (StoreUnavailable, KeysUnavailable) as error:
            self._logger.error("recipient cannot be read", extra={"tenant_id": event.tenant_id, "fault": fault_of(error)})
            return Later(STORAGE_DELAY_S)
        tenant = recipient.tenant if recipient else None
        if reason := unwanted(event, tenant, entry.sent_at, self._clock.now(), replayed=entry.replayed):
            return await self._unwanted(run, entry, event, recipient, reason)
        if run.closed(event):
            return Park()
        if record.quick > len(retry.DELAYS_S):  # an earlier run died before it could park the chat
            return Park(event.id)
        if recipient is None or self._clock.boottime() - run.started_s >= LAST_START_S:
            return Later(0)
        if not await self._holds.free(run, recipient, entry.sent_at):
            return Park() if run.closed(event) else Later(HELD_DELAY_S)
        return await self._attempt(run, watch, event, record, recipient)

    async def _attempt(self, run: Run, watch: Watch, event: Event, before: Delivery, recipient: Recipient) -> Step:
        with watch.attempt(recipient) as under_way:
            made = await self._attempts.make(event, before, recipient)
        return await self._judged(run, event, before, recipient, made, counted=under_way.slow)

    async def _judged(self, run: Run, event: Event, before: Delivery, recipient: Recipient, made: AttemptResult, *, counted: bool) -> Step:
        said = {
            "event_id": event.id,
            "tenant_id": event.tenant_id,
            "attempts": before.made + 1,
            "outcome": made.attempt.outcome,
            "duration_ms": made.attempt.duration_ms,
        }
        match retry.decide(made.outcome, before.quick + 1):
            case retry.Delivered():
                return await self._delivered(run, event, before.after(made.attempt, DeliveryStatus.DELIVERED), said, counted=counted)
            case retry.Again(delay_s):
                self._logger.warning("attempt failed", extra={**said, "again_in_s": delay_s})
                await self._failed(run, event, before, made, recipient, counted=counted)
                return Later(delay_s)
            case retry.Exhausted():
                self._logger.warning("attempt failed", extra=said)
                await self._failed(run, event, before, made, recipient, counted=counted)
                return Park(event.id)
            case retry.Dead(gone):
                if gone and (again := await self._disabled(run, event, before, made, recipient)):
                    return again
                return await self._dead(run, event, before.after(made.attempt, DeliveryStatus.DEAD, made.attempt.outcome), said)

    async def _delivered(self, run: Run, event: Event, delivery: Delivery, said: dict[str, object], *, counted: bool) -> Step:
        run.tally.delivered += 1
        run.tally.lags_ms.append(round((self._clock.now() - event.received_at).total_seconds() * 1000))
        run.records[event.tenant_id, event.id] = delivery
        self._logger.info("event delivered", extra=said)
        await run.recorder.put(event, delivery)
        if not counted:
            await self._backlog.accepted(run, event.tenant_id)
        return Done()

    async def _failed(self, run: Run, event: Event, before: Delivery, made: AttemptResult, recipient: Recipient, *, counted: bool) -> None:
        run.tally.failed += 1
        delivery = before.after(made.attempt, DeliveryStatus.PENDING)
        run.records[event.tenant_id, event.id] = delivery
        await run.recorder.put(event, delivery)
        if not counted:
            await self._backlog.failed(run, recipient)

    async def _dead(self, run: Run, event: Event, delivery: Delivery, said: dict[str, object]) -> Step:
        """Give an event up. Where that cannot be recorded it stays in the queue: nothing is lost without a trace."""
        run.records[event.tenant_id, event.id] = delivery
        if not await run.recorder.put(event, delivery):
            return Later(STORAGE_DELAY_S)
        run.tally.dead += 1
        self._logger.error("event dead", extra=said)
        return Done()

    async def _disabled(self, run: Run, event: Event, before: Delivery, made: AttemptResult, recipient: Recipient) -> Step | None:
        """Disable the callback that said that it is gone. Where it was set or woken meanwhile it goes on, and the event goes there."""
        tenant_id = recipient.tenant.id
        try:
            disabled = await asyncio.to_thread(self._addressees.disable, recipient, Cause.GONE)
        except StoreUnavailable as error:
            self._logger.error("callback cannot be disabled", extra={"tenant_id": tenant_id, "fault": str(error)})
            return Later(STORAGE_DELAY_S)
        if not disabled:
            run.recipients[tenant_id] = await asyncio.to_thread(self._addressees.get, tenant_id)
            await self._failed(run, event, before, made, recipient, counted=True)
            return Later(retry.DELAYS_S[0])
        run.tally.disabled += 1
        tenant = recipient.tenant.model_copy(update={"callback_disabled": REASONS[Cause.GONE]})
        run.recipients[tenant_id] = replace(recipient, tenant=tenant, read_s=self._clock.boottime())
        self._logger.warning("callback disabled", extra={"tenant_id": tenant_id, "cause": Cause.GONE})
        return None

    async def _unwanted(self, run: Run, entry: Entry, event: Event, recipient: Recipient | None, reason: str) -> Step:
        """Let an event go. One that is in the log, because it was tried or is too large for the queue, ends there first.

        What comes while its callback is disabled is kept in the log, to be replayed; of what comes while there is none, the number is kept.
        """
        if recipient is None:
            return self._dropped(run, event, reason)
        record = run.records.get((event.tenant_id, event.id))
        kept = record is None and end_of(recipient.tenant) is DeliveryStatus.DEAD
        if kept or (record and record.status is DeliveryStatus.PENDING):
            ended = run.record(entry, event).ended(end_of(recipient.tenant), self._clock.now(), reason)
            if not await run.recorder.put(event, ended):
                return Later(STORAGE_DELAY_S)
            run.records[event.tenant_id, event.id] = ended
        elif record is None and reason in COUNTED:
            run.dropped[event.tenant_id] = run.dropped.get(event.tenant_id, 0) + 1
        if kept:
            run.tally.kept += 1
            self._logger.info("event kept", extra={"event_id": event.id, "tenant_id": event.tenant_id, "reason": reason})
            return Done()
        return self._dropped(run, event, reason)

    def _parkable(self, run: Run, entries: Sequence[Entry]) -> list[tuple[Event, Delivery]]:
        """Return the events at the head of these entries that can be parked together."""
        parkable: list[tuple[Event, Delivery]] = []
        now = self._clock.now()
        for entry in entries:
            event = entry.event
            recipient = run.recipients.get(event.tenant_id) if event and not run.fault(entry) else None
            if event is None or recipient is None or unwanted(event, recipient.tenant, entry.sent_at, now, replayed=entry.replayed):
                break
            record = run.record(entry, event)
            if _dealt_with(record, entry) or event.id in {one.id for one, _ in parkable}:
                break
            parkable.append((event, record.ended(DeliveryStatus.PARKED, now)))
        return parkable

    def _unreadable(self, run: Run, entry: Entry) -> Step:
        if entry.pointer is None and self._clock.now() - entry.sent_at < UNREADABLE_KEPT:
            self._logger.warning("queue message unreadable", extra={"message_id": entry.message_id})
            return Later(UNREADABLE_DELAY_S)
        run.tally.dropped += 1
        self._logger.error("queue message unreadable, dropped", extra={"message_id": entry.message_id})
        return Done()

    def _dropped(self, run: Run, event: Event, reason: str) -> Step:
        run.tally.dropped += 1
        self._logger.info("event dropped", extra={"event_id": event.id, "tenant_id": event.tenant_id, "reason": reason})
        return Done()


def _dealt_with(record: Delivery, entry: Entry) -> bool:
    """Whether an entry comes too late: its event has its end, or its place in the lot.

    A message with the event's own id never speaks after any end of it; a replay's does, once.
    """
    if record.status is DeliveryStatus.PENDING:
        return False
    return entry.event is None or entry.queued_as in (entry.event.id, record.queued_as)


def _resolved(entry: Entry, seen: Snapshot) -> Entry:
    """Return an entry with the event that it points at, where it does and that is there."""
    if entry.pointer is None:
        return entry
    body = seen.bodies.get((entry.pointer.tenant_id, entry.pointer.event_id))
    try:
        return replace(entry, event=parse_event(body)) if body else entry
    except ValidationError:
        return replace(entry, pointer=None)


def batch_of(failed: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Return what the event source mapping wants to hear: which messages stay in the queue."""
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
