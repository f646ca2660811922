"""The parking lot's transitions, each one conditional write (states and their sense: `shared.model.backlog`).

    hot lane   read -> deliver, or park:   records + places + the chat's row, in one transaction; cancelled: read again
               failed, accepted            count failures in a row; the fifth parks the callback
    sweeper    lease -> probe -> draining -> chats, each under a lease: settle place by place -> open

Opening is what must not be wrong: an event behind one that still waits would overtake it. So a chat is opened only by the drainer that
holds it, and only with the `seq` it saw before it found the lot empty; parking raises `seq` under the condition that the row is still
there. The same pair of conditions stands between parking a chat with its callback and opening the callback. None of these rows has a TTL.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from shared.model.backlog import CallbackHealth, CallbackState, ParkedChat
from shared.model.delivery import Delivery, DeliveryRecord
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.model.tenant import Tenant
from shared.queues import parse_event
from shared.store import keys
from shared.store.deliveries import DeliveryStore, delivery_of, record_of
from shared.store.rows import Address, Malformed, address_of, each, of_row
from shared.store.table import Change, ConditionFailed, Item, Put, Remove, Table, Write
from shared.store.tenants import present

FAILURES_IN_A_ROW = 5
WOKEN = 100
"""Chats parked alone that one request wakes at most; the others come as they are due."""
T = TypeVar("T")
_STATE = {"#state": "state"}
EventKey = tuple[TenantId, EventId, str | None]
"""An event by its names: its tenant, itself, and its chat."""


@dataclass(frozen=True)
class Snapshot:
    """What one consistent read showed. `bodies`: the events of the records, as JSON; `faults`: the rows that make no sense.

    `tenants` has all that were asked about: None where one is gone, or being deleted.
    """

    records: dict[tuple[TenantId, EventId], Delivery] = field(default_factory=dict)
    bodies: dict[tuple[TenantId, EventId], str] = field(default_factory=dict)
    callbacks: dict[TenantId, CallbackState] = field(default_factory=dict)
    chats: dict[tuple[TenantId, str], ParkedChat] = field(default_factory=dict)
    tenants: dict[TenantId, Tenant | None] = field(default_factory=dict)
    faults: dict[Address, Malformed] = field(default_factory=dict)


@dataclass(frozen=True)
class Slot:
    """A parked event, and where in its chat's lot it stands. `record` is None where it has expired."""

    number: int
    event_id: EventId
    record: DeliveryRecord | None


@dataclass(frozen=True)
class DueItem:
    """What is to be looked at, and when (`keys.moment`): a callback, or with `chat` a chat that is parked alone."""

    tenant_id: TenantId
    chat: str | None
    at: str


def digest_of(callback_url: str | None) -> str:
    """Return what tells one callback URL from another; the URL itself may carry secrets."""
    return hashlib.sha256((callback_url or "").encode()).hexdigest()[:16]


class BacklogStore:
    """Reads and writes the parking lot."""

    def __init__(self, table: Table, deliveries: DeliveryStore) -> None:
        self._table = table
        self._deliveries = deliveries

    # the hot lane

    def read(self, events: Sequence[EventKey], state: Table) -> Snapshot:
        """Return records, callbacks, chats and tenants (from table `state`) of up to 25 events, in one consistent request.

        So it shows each tenant's settings as they were at some time after the events were there.
        """
        rows = (key for names in events for key in keys_of(names))
        tenants = {address_of(keys.tenant(names[0])): names[0] for names in events}
        found, of_state = self._table.get_many_with(rows, state, map(keys.tenant, tenants.values()))
        seen = Snapshot()
        for address, row in found.items():
            try:
                _show(seen, row)
            except Malformed as fault:
                seen.faults[address] = fault
        for address, tenant_id in tenants.items():
            try:
                seen.tenants[tenant_id] = _tenant_of(of_state[address]) if address in of_state else None
            except Malformed as fault:
                seen.faults[address] = fault
        return seen

    def park(self, parked: Sequence[tuple[Event, Delivery]], chat: ParkedChat | None, alone: tuple[datetime, datetime] | None) -> bool:
        """Park up to ten events of one chat behind what is parked there; False where the lot is no longer as `chat` shows it: read again.

        A chat that was open is parked with its callback, or with `alone` (when it is due, since when its first event fails) by itself. Safe
        to run twice: the second time `seq` is another.
        """
        first, last = parked[0][0], (chat.seq if chat else 0) + len(parked)
        writes: list[Write] = [self._chat_write(first, chat, last, alone)]
        if chat is None and alone is None:
            key = keys.callback_state(first.tenant_id)
            writes.append(Change(key, "ADD seq :one", {":one": 1, ":parked": CallbackHealth.PAUSED}, "#state = :parked", _STATE))
        for number, (event, delivery) in enumerate(parked, last - len(parked) + 1):
            writes.append(Put({**keys.slot(event.tenant_id, event.chat, number), "event_id": event.id}))
            writes.append(Put(self._deliveries.item(event, delivery)))
        return self._done(writes)

    def _chat_write(self, event: Event, chat: ParkedChat | None, last: int, alone: tuple[datetime, datetime] | None) -> Write:
        key = keys.parked_chat(event.tenant_id, event.chat)
        if chat is not None:
            return Change(key, "SET seq = :last", {":last": last, ":seen": chat.seq}, "seq = :seen")
        row: Item = {**key, "chat": event.chat, "seq": last}
        if alone:
            row |= {**_due(event.tenant_id, alone[0]), "failing_since": alone[1].isoformat(), "strikes": 1}
        return Put(row, "attribute_not_exists(pk)")

    def count_failures(
        self,
        tenant_id: TenantId,
        callback: str,
        now: datetime,
        first_probe: datetime,
        *,
        count: int = 1,
        held_until: datetime | None = None,
    ) -> CallbackState:
        """Count failures; the fifth in a row parks the callback, due at `first_probe`. Return the state as it is then.

        With `held_until` the callback was slow, and is held until then: meanwhile other runs start no attempt there.
        """
        held = {":held_until": keys.moment(held_until), ":now": keys.moment(now)} if held_until else {}
        update = "ADD failures :count" + (" SET held_until = :held_until, slow_at = :now" if held else "")
        state = _callback(self._table.update(keys.callback_state(tenant_id), update, {":count": count, **held}))
        if state.failures < FAILURES_IN_A_ROW or state.state is CallbackHealth.PAUSED:
            return state
        due = _due(tenant_id, first_probe)
        update = f"SET #state = :parked, since = :now, callback = :callback, probes = :none, {_DUE}"
        values = {":parked": CallbackHealth.PAUSED, ":now": now.isoformat(), ":callback": callback, ":none": 0, ":most": FAILURES_IN_A_ROW}
        condition = "failures >= :most AND (attribute_not_exists(#state) OR #state <> :parked)"
        found = self._changed(keys.callback_state(tenant_id), update, {**values, **_values(due)}, condition, _STATE)
        return _callback(found) if found else state

    def take_hold(self, tenant_id: TenantId, now: datetime, until: datetime) -> CallbackState | None:
        """Hold a callback that was slow; None where another run does. What dies holding it lets go when the time is over."""
        values = {":until": keys.moment(until), ":now": keys.moment(now)}
        held = self._changed(keys.callback_state(tenant_id), "SET held_until = :until", values, "held_until <= :now")
        return _callback(held) if held else None

    def release_hold(self, tenant_id: TenantId, held_until: datetime, now: datetime) -> None:
        """End a hold early, unless another run has it by now."""
        values = {":mine": keys.moment(held_until), ":now": keys.moment(now)}
        self._changed(keys.callback_state(tenant_id), "SET held_until = :now", values, "held_until = :mine")

    def count_success(self, tenant_id: TenantId) -> None:
        """Say that the callback took an event: failures are counted from none again. A parked one is opened by its probes alone."""
        condition = "attribute_exists(pk) AND (attribute_not_exists(#state) OR #state <> :parked)"
        self._changed(
            keys.callback_state(tenant_id), "SET failures = :none", {":none": 0, ":parked": CallbackHealth.PAUSED}, condition, _STATE
        )

    def probe_new_url(self, tenant_id: TenantId, seen: str, callback: str, now: datetime) -> None:
        """Have a parked callback looked at now: its URL is another than when it was parked."""
        update, values = "SET callback = :callback, since = :now", {":callback": callback, ":seen": seen, ":now": now.isoformat()}
        values[":parked"] = CallbackHealth.PAUSED
        if self._changed(keys.callback_state(tenant_id), update, values, "callback = :seen AND #state = :parked", _STATE):
            self._wake(tenant_id, now)

    # whoever mended a callback

    def wake(self, tenant_id: TenantId, now: datetime, *, anew: bool = False) -> bool:
        """Have what is parked looked at now; False where nothing is. `anew`: its five days begin now. Safe to run twice."""
        if anew:
            values = {":now": now.isoformat()}
            self._changed(keys.callback_state(tenant_id), "SET since = :now", values, "attribute_exists(#state)", _STATE)
        woken = self._wake(tenant_id, now)
        for chat in islice(self.parked_chats(tenant_id), WOKEN):
            if isinstance(chat, ParkedChat) and chat.due_at is not None:
                values = {":due_at": keys.moment(now), ":now": keys.moment(now)}
                condition = f"attribute_exists(due_at) AND {_FREE}"
                self._changed(keys.parked_chat(tenant_id, chat.chat), "SET due_at = :due_at", values, condition)
                woken = True
        return woken

    def _wake(self, tenant_id: TenantId, now: datetime) -> bool:
        """Have a parked callback looked at now, or as soon as whoever has it gives it back."""
        key, values = keys.callback_state(tenant_id), {":none": 0, ":now": keys.moment(now)}
        woken = "SET probes = :none, woken_at = :now"
        if self._changed(key, f"{woken}, due_at = :now", values, f"attribute_exists(#state) AND {_FREE}", _STATE):
            return True
        return self._changed(key, woken, values, "attribute_exists(#state)", _STATE) is not None

    # the sweeper

    def due(self, shard: str, until: datetime, limit: int) -> list[DueItem]:
        """Return up to `limit` of a shard's callbacks and chats that are due by then, the longest due first."""
        values = {":shard": shard, ":until": keys.moment(until)}
        rows = self._table.query("due_shard = :shard AND due_at <= :until", values, IndexName=keys.BY_DUE, Limit=limit)
        return [_due_of(row) for row in rows]

    def callback_state(self, tenant_id: TenantId) -> CallbackState:
        """Return a callback's state."""
        row = self._table.get(keys.callback_state(tenant_id))
        return _callback(row) if row else CallbackState()

    def lease_callback(self, tenant_id: TenantId, me: str, now: datetime, until: datetime) -> CallbackState | None:
        """Take a parked callback; None where it is open, or another has it. If its drainer dies it is due again when the lease ends."""
        key = keys.callback_state(tenant_id)
        update = f"{_LEASE}, due_at = :due_at REMOVE woken_at"
        found = self._changed(key, update, _lease(me, now, until), f"attribute_exists(#state) AND {_FREE}", _STATE)
        return _callback(found) if found else None

    def start_recovery(self, tenant_id: TenantId, me: str) -> CallbackState | None:
        """Go on to draining once a probe was taken; None where this drainer no longer has it."""
        values = {":draining": CallbackHealth.RECOVERING, ":parked": CallbackHealth.PAUSED, ":me": me, ":none": 0}
        update, condition = "SET #state = :draining, failures = :none", "#state = :parked AND drainer = :me"
        found = self._changed(keys.callback_state(tenant_id), update, values, condition, _STATE)
        return _callback(found) if found else None

    def reschedule_callback(self, tenant_id: TenantId, me: str, due: datetime, probes: int, now: datetime) -> bool:
        """Give a callback back, to be looked at again when it is due, or now where it was woken while this drainer had it."""
        update = f"SET {_DUE}, probes = :probes REMOVE drainer, leased_until"
        key, values = keys.callback_state(tenant_id), {":probes": probes, ":me": me}
        mine = "drainer = :me"
        if self._changed(key, update, {**values, **_values(_due(tenant_id, due))}, f"{mine} AND attribute_not_exists(woken_at)"):
            return True
        return self._changed(key, update, {**values, **_values(_due(tenant_id, now)), ":probes": 0}, mine) is not None

    def finish_recovery(self, tenant_id: TenantId, me: str, seq: int) -> bool:
        """Open a drained callback; False where a chat was parked with it meanwhile, or this drainer no longer has it."""
        values = {":draining": CallbackHealth.RECOVERING, ":me": me, ":seen": seq}
        write = Remove(keys.callback_state(tenant_id), "#state = :draining AND seq = :seen AND drainer = :me", values, _STATE)
        return self._done([write])

    def parked_chats(self, tenant_id: TenantId) -> Iterator[ParkedChat | Malformed]:
        """Yield a tenant's parked chats."""
        values = {":pk": keys.callback_state(tenant_id)["pk"], ":chats": keys.PARKED_CHATS}
        return each(_chat, self._table.query("pk = :pk AND begins_with(sk, :chats)", values, ConsistentRead=True))

    def lease_chat(self, tenant_id: TenantId, chat: str, me: str, now: datetime, until: datetime) -> ParkedChat | None:
        """Take a parked chat; None where it is open, or another has it."""
        key, values = keys.parked_chat(tenant_id, chat), _lease(me, now, until)
        alone = self._changed(key, _LEASE + ", due_at = :due_at", values, f"attribute_exists(due_at) AND {_FREE}")
        del values[":due_at"]
        found = alone or self._changed(key, _LEASE, values, f"attribute_exists(pk) AND attribute_not_exists(due_at) AND {_FREE}")
        return _chat(found) if found else None

    def last_slot(self, tenant_id: TenantId, chat: str, me: str) -> int | None:
        """Return the last place given in a chat's lot; None where this drainer no longer has it."""
        row = self._table.get(keys.parked_chat(tenant_id, chat))
        found = _chat(row) if row else None
        return found.seq if found and found.drainer == me else None

    def slots(self, tenant_id: TenantId, chat: str, limit: int) -> list[Slot]:
        """Return the first up to `limit` (at most 100) parked events of a chat, in order, and none from a row on that makes no sense.

        Where that is the first, it raises Malformed.
        """
        values = {":pk": keys.callback_state(tenant_id)["pk"], ":lot": keys.backlog(chat)}
        rows = self._table.query("pk = :pk AND begins_with(sk, :lot)", values, ConsistentRead=True, Limit=limit)
        parked, fault = _up_to_fault(map(_parked, rows))
        records = self._table.get_many(keys.delivery(tenant_id, event_id) for _, event_id in parked)
        found = ((*names, records.get(address_of(keys.delivery(tenant_id, names[1])))) for names in parked)
        places, earlier = _up_to_fault(Slot(number, event_id, record_of(row) if row else None) for number, event_id, row in found)
        if not places and (fault := earlier or fault):
            raise fault
        return places

    def settle(self, tenant_id: TenantId, chat: str, place: Slot, ended: Delivery | None) -> bool:
        """Take a place out of the lot, and with `ended` say what became of its event; False where another did that before."""
        writes: list[Write] = [Remove(keys.slot(tenant_id, chat, place.number), "attribute_exists(pk)")]
        if ended and place.record:
            writes.append(Put(self._deliveries.item(place.record.event, ended)))
        return self._done(writes)

    def reschedule_chat(self, tenant_id: TenantId, chat: ParkedChat, me: str, due: datetime) -> bool:
        """Give a chat back: parked alone, with its first event's strikes as `chat` shows them, due then."""
        update = f"SET {_DUE}, strikes = :strikes"
        values: dict[str, Any] = {**_values(_due(tenant_id, due)), ":strikes": chat.strikes, ":me": me}
        if chat.failing_since:
            update += ", failing_since = :since"
            values[":since"] = chat.failing_since.isoformat()
        gone = "drainer, leased_until" if chat.failing_since else "drainer, leased_until, failing_since"
        return self._changed(keys.parked_chat(tenant_id, chat.chat), f"{update} REMOVE {gone}", values, "drainer = :me") is not None

    def return_chat(self, tenant_id: TenantId, chat: str, me: str) -> bool:
        """Give a chat back to be drained with its callback."""
        key = keys.parked_chat(tenant_id, chat)
        return self._changed(key, "REMOVE drainer, leased_until", {":me": me}, "drainer = :me") is not None

    def join_callback(self, tenant_id: TenantId, chat: str, me: str) -> bool:
        """Have a chat that was parked alone wait with its callback, which is parked now; False where it is not, or no longer."""
        alone = "REMOVE due_at, due_shard, drainer, leased_until"
        return self._done(
            [
                Change(keys.parked_chat(tenant_id, chat), alone, {":me": me}, "drainer = :me"),
                Change(
                    keys.callback_state(tenant_id),
                    "ADD seq :one",
                    {":one": 1, ":parked": CallbackHealth.PAUSED},
                    "#state = :parked",
                    _STATE,
                ),
            ]
        )

    def finish_chat(self, tenant_id: TenantId, chat: str, me: str, seq: int) -> bool:
        """Open a drained chat; False where an event was parked there meanwhile, or this drainer no longer has it."""
        return self._done([Remove(keys.parked_chat(tenant_id, chat), "seq = :seen AND drainer = :me", {":seen": seq, ":me": me})])

    def _done(self, writes: Sequence[Write]) -> bool:
        try:
            self._table.transact(writes)
        except ConditionFailed:
            return False
        return True

    def _changed(
        self, key: keys.Key, update: str, values: dict[str, Any], condition: str, names: dict[str, str] | None = None
    ) -> Item | None:
        try:
            return self._table.update(key, update, values, condition, names)
        except ConditionFailed:
            return None


_DUE = "due_at = :due_at, due_shard = :due_shard"
_LEASE = "SET drainer = :me, leased_until = :until"
_FREE = "(attribute_not_exists(leased_until) OR leased_until < :now)"


def _lease(me: str, now: datetime, until: datetime) -> dict[str, Any]:
    return {":me": me, ":now": keys.moment(now), ":until": keys.moment(until), ":due_at": keys.moment(until)}


def _due(tenant_id: TenantId, due: datetime) -> dict[str, str]:
    return {"due_at": keys.moment(due), "due_shard": keys.due_shard(tenant_id)}


def _values(fields: dict[str, str]) -> dict[str, Any]:
    return {f":{name}": value for name, value in fields.items()}


def _tenant(pk: str) -> TenantId:
    return TenantId(pk.removeprefix("T#"))


_tenant_of = of_row(present)


@of_row
def _callback(row: Item) -> CallbackState:
    return CallbackState.model_validate({name: row[name] for name in CallbackState.model_fields if name in row})


@of_row
def _chat(row: Item) -> ParkedChat:
    return ParkedChat.model_validate({name: row[name] for name in ParkedChat.model_fields if name in row})


@of_row
def _parked(row: Item) -> tuple[int, EventId]:
    if not isinstance(row["event_id"], str):  # it would look like one whose record has expired
        raise TypeError
    return int(row["sk"].rpartition("#")[2]), EventId(row["event_id"])


@of_row
def _logged(row: Item) -> tuple[Delivery, str]:
    parse_event(row["event"])
    return delivery_of(row), row["event"]


def _due_of(row: Item) -> DueItem:
    chat = None if row["sk"] == "CALLBACK" else row["sk"].removeprefix(keys.PARKED_CHATS)
    return DueItem(_tenant(row["pk"]), chat, row["due_at"])


def _show(seen: Snapshot, row: Item) -> None:
    tenant_id, sk = _tenant(row["pk"]), row["sk"]
    if sk == "CALLBACK":
        seen.callbacks[tenant_id] = _callback(row)
    elif sk.startswith(keys.PARKED_CHATS):
        seen.chats[tenant_id, sk.removeprefix(keys.PARKED_CHATS)] = _chat(row)
    else:
        name = tenant_id, EventId(sk.removeprefix(keys.DELIVERIES))
        seen.records[name], seen.bodies[name] = _logged(row)


def _up_to_fault(found: Iterable[T]) -> tuple[list[T], Malformed | None]:
    """Return what comes before a row that makes no sense, and what is wrong with that."""
    taken: list[T] = []
    try:
        for one in found:
            taken.append(one)
    except Malformed as fault:
        return taken, fault
    return taken, None


def keys_of(names: EventKey) -> list[keys.Key]:
    """Return the keys of what an event's delivery hangs on: its record, its callback and its chat."""
    tenant_id, event_id, chat = names
    found = [keys.delivery(tenant_id, event_id), keys.callback_state(tenant_id)]
    return [*found, keys.parked_chat(tenant_id, chat)] if chat else found


def event_key(event: Event) -> EventKey:
    """Return an event's names."""
    return event.tenant_id, event.id, event.chat
