"""The backlog: parked chats, and the slots of their events in order. Each transition is one conditional write.

    delivery function   park      records, slots and the chat's row in one transaction; if it fails, the rows are read again
    sweeper             lease_chat -> slots -> settle, slot by slot -> finish_chat, or return_chat, reschedule_chat, join_callback

A chat must not be resumed while an event of it waits: later events would overtake it. So only the run that has the lease removes a chat's
row, and only with the `seq` that it saw before it found no slot; parking raises `seq` under the condition that the row is as it was seen.
None of these rows has a TTL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from shared.model.backlog import ParkedChat
from shared.model.delivery import Delivery, DeliveryRecord
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.store import keys
from shared.store.callback_states import chat_joins
from shared.store.deliveries import DeliveryStore, record_of
from shared.store.leases import DUE, FREE, LEASE, MINE, applied, changed, due_fields, due_values, lease_values
from shared.store.rows import Malformed, address_of, each, of_row
from shared.store.table import Delete, Item, Put, Table, Update, Write

WOKEN = 100
"""How many chats parked alone one request wakes at most. The others are tried when they are due."""
T = TypeVar("T")


@dataclass(frozen=True)
class ParkedAlone:
    """How a chat is parked while its callback is not paused: when it is tried, and since when its first event fails."""

    due_at: datetime
    failing_since: datetime


@dataclass(frozen=True)
class Slot:
    """A parked event and its number in its chat's backlog. `record` is None if it has expired."""

    number: int
    event_id: EventId
    record: DeliveryRecord | None


@dataclass(frozen=True)
class DueItem:
    """A callback that is due, or a chat parked alone if `chat` is set. `at`: when it is due (`keys.moment`)."""

    tenant_id: TenantId
    chat: str | None
    at: str


class BacklogStore:
    """Reads and writes parked chats and their slots."""

    def __init__(self, table: Table, deliveries: DeliveryStore) -> None:
        self._table = table
        self._deliveries = deliveries

    def park(self, parked: Sequence[tuple[Event, Delivery]], chat: ParkedChat | None, alone: ParkedAlone | None) -> bool:
        """Park up to ten events of one chat behind its parked events; False if the rows are not as seen any more: read them again.

        `chat` is the chat's row as it was seen, None if it was not parked: then it is parked with its callback, or `alone`. Safe to run
        twice: the second time `seq` has changed.
        """
        first, last = parked[0][0], (chat.seq if chat else 0) + len(parked)
        writes: list[Write] = [_chat_write(first, chat, last, alone)]
        if chat is None and alone is None:
            writes.append(chat_joins(first.tenant_id))
        for number, (event, delivery) in enumerate(parked, last - len(parked) + 1):
            writes.append(Put({**keys.slot(event.tenant_id, event.chat, number), "event_id": event.id}))
            writes.append(Put(self._deliveries.item(event, delivery)))
        return applied(self._table, writes)

    def due(self, shard: str, until: datetime, limit: int) -> list[DueItem]:
        """Return up to `limit` of a shard's callbacks and chats that are due by then, the earliest first."""
        values = {":shard": shard, ":until": keys.moment(until)}
        rows = self._table.query("due_shard = :shard AND due_at <= :until", values, IndexName=keys.BY_DUE, Limit=limit)
        return [_due_item(row) for row in rows]

    def chats(self, tenant_id: TenantId) -> Iterator[ParkedChat | Malformed]:
        """Yield a tenant's parked chats."""
        values = {":pk": keys.callback_state(tenant_id)["pk"], ":chats": keys.prefix(tenant_id) + keys.PARKED_CHATS}
        return each(parked_chat_of, self._table.query("pk = :pk AND begins_with(sk, :chats)", values, ConsistentRead=True))

    def wake_chats(self, tenant_id: TenantId, now: datetime) -> bool:
        """Have the chats that are parked alone tried now; False if there are none. Safe to run twice."""
        woken = False
        for chat in islice(self.chats(tenant_id), WOKEN):
            if isinstance(chat, ParkedChat) and chat.due_at is not None:
                values = {":due_at": keys.moment(now), ":now": keys.moment(now)}
                condition = f"attribute_exists(due_at) AND {FREE}"
                changed(self._table, keys.parked_chat(tenant_id, chat.chat), "SET due_at = :due_at", values, condition)
                woken = True
        return woken

    def lease_chat(self, tenant_id: TenantId, chat: str, me: str, now: datetime, until: datetime) -> ParkedChat | None:
        """Lease a parked chat; None if it is not parked, or another run has it. Raises Malformed."""
        key, values = keys.parked_chat(tenant_id, chat), lease_values(me, now, until)
        alone = changed(self._table, key, LEASE + ", due_at = :due_at", values, f"attribute_exists(due_at) AND {FREE}")
        del values[":due_at"]
        condition = f"attribute_exists(pk) AND attribute_not_exists(due_at) AND {FREE}"
        found = alone or changed(self._table, key, LEASE, values, condition)
        return parked_chat_of(found) if found else None

    def last_seq(self, tenant_id: TenantId, chat: str, me: str) -> int | None:
        """Return the number of the last slot that was used in a chat's backlog; None if this run no longer has the lease."""
        row = self._table.get(keys.parked_chat(tenant_id, chat))
        found = parked_chat_of(row) if row else None
        return found.seq if found and found.drainer == me else None

    def slots(self, tenant_id: TenantId, chat: str, limit: int) -> list[Slot]:
        """Return the first slots of a chat's backlog in order, up to `limit` (at most 100), and up to the first malformed row.

        Raises Malformed if the first slot, or its event's record, is malformed.
        """
        values = {":pk": keys.callback_state(tenant_id)["pk"], ":backlog": keys.prefix(tenant_id) + keys.backlog(chat)}
        rows = self._table.query("pk = :pk AND begins_with(sk, :backlog)", values, ConsistentRead=True, Limit=limit)
        parked, fault = _up_to_fault(map(_parked_event, rows))
        records = self._table.get_many(keys.delivery(tenant_id, event_id) for _, event_id in parked)
        found = ((number, event_id, records.get(address_of(keys.delivery(tenant_id, event_id)))) for number, event_id in parked)
        slots, earlier = _up_to_fault(Slot(number, event_id, record_of(row) if row else None) for number, event_id, row in found)
        if not slots and (fault := earlier or fault):
            raise fault
        return slots

    def settle(self, tenant_id: TenantId, chat: str, slot: Slot, ended: Delivery | None) -> bool:
        """Remove a slot, and write its event's final record if there is one; False if the slot was removed before."""
        writes: list[Write] = [Delete(keys.slot(tenant_id, chat, slot.number), "attribute_exists(pk)")]
        if ended and slot.record:
            writes.append(Put(self._deliveries.item(slot.record.event, ended)))
        return applied(self._table, writes)

    def reschedule_chat(self, tenant_id: TenantId, chat: ParkedChat, me: str, due: datetime) -> bool:
        """Give a chat back, parked alone and due at a time, with its first event's strikes as `chat` shows them."""
        update = f"SET {DUE}, strikes = :strikes"
        values: dict[str, Any] = {**due_values(tenant_id, due), ":strikes": chat.strikes, ":me": me}
        if chat.failing_since:
            update += ", failing_since = :since"
            values[":since"] = chat.failing_since.isoformat()
        removed = "drainer, leased_until" if chat.failing_since else "drainer, leased_until, failing_since"
        return changed(self._table, keys.parked_chat(tenant_id, chat.chat), f"{update} REMOVE {removed}", values, MINE) is not None

    def return_chat(self, tenant_id: TenantId, chat: str, me: str) -> bool:
        """Give a chat back, to be drained with its callback."""
        key = keys.parked_chat(tenant_id, chat)
        return changed(self._table, key, "REMOVE drainer, leased_until", {":me": me}, MINE) is not None

    def join_callback(self, tenant_id: TenantId, chat: str, me: str) -> bool:
        """Have a chat that was parked alone wait with its callback; False if the callback is not paused, or the lease is lost."""
        update = "REMOVE due_at, due_shard, drainer, leased_until"
        return applied(self._table, [Update(keys.parked_chat(tenant_id, chat), update, {":me": me}, MINE), chat_joins(tenant_id)])

    def finish_chat(self, tenant_id: TenantId, chat: str, me: str, seq: int) -> bool:
        """Resume a drained chat; False if an event was parked since `seq` was seen, or the lease is lost."""
        write = Delete(keys.parked_chat(tenant_id, chat), f"seq = :seen AND {MINE}", {":seen": seq, ":me": me})
        return applied(self._table, [write])


@of_row
def parked_chat_of(row: Item) -> ParkedChat:
    """Return the parked chat in a row; raises Malformed."""
    return ParkedChat.model_validate({name: row[name] for name in ParkedChat.model_fields if name in row})


def _chat_write(event: Event, chat: ParkedChat | None, last: int, alone: ParkedAlone | None) -> Write:
    key = keys.parked_chat(event.tenant_id, event.chat)
    if chat is not None:
        return Update(key, "SET seq = :last", {":last": last, ":seen": chat.seq}, "seq = :seen")
    row: Item = {**key, "chat": event.chat, "seq": last}
    if alone:
        row |= {**due_fields(event.tenant_id, alone.due_at), "failing_since": alone.failing_since.isoformat(), "strikes": 1}
    return Put(row, "attribute_not_exists(pk)")


@of_row
def _parked_event(row: Item) -> tuple[int, EventId]:
    if not isinstance(row["event_id"], str):  # it would look like an event whose record has expired
        raise TypeError
    return int(row["sk"].rpartition("#")[2]), EventId(row["event_id"])


def _due_item(row: Item) -> DueItem:
    sk = keys.in_callback(row["sk"])
    chat = sk.removeprefix(keys.PARKED_CHATS) if sk.startswith(keys.PARKED_CHATS) else None
    return DueItem(keys.callback_key(row), chat, row["due_at"])


def _up_to_fault(found: Iterable[T]) -> tuple[list[T], Malformed | None]:
    """Return what comes before the first malformed row, and that row's fault."""
    taken: list[T] = []
    try:
        for value in found:
            taken.append(value)
    except Malformed as fault:
        return taken, fault
    return taken, None
