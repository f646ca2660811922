"""Everything that the delivery of some events depends on, in one consistent read: records, callbacks, parked chats and tenants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.model.backlog import CallbackState, ParkedChat
from shared.model.callback_key import callback_of, names_copy, owner_of
from shared.model.delivery import Delivery
from shared.model.event import Event, read_event
from shared.model.ids import EventId, TenantId
from shared.model.tenant import Tenant
from shared.store import keys
from shared.store.backlog import parked_chat_of
from shared.store.callback_states import callback_state_of
from shared.store.deliveries import delivery_of
from shared.store.rows import Address, Malformed, address_of, of_row
from shared.store.table import Item, Table
from shared.store.tenants import present

EventKey = tuple[TenantId, EventId, str | None]
"""An event's tenant, its id, and its chat if that is known."""


@dataclass(frozen=True)
class Snapshot:
    """The rows of some events. `bodies`: the events of the records, as JSON. `faults`: the rows that are malformed.

    `tenants` has an entry for each tenant of the events: None if it does not exist, or is being deleted.
    """

    records: dict[tuple[TenantId, EventId], Delivery] = field(default_factory=dict)
    bodies: dict[tuple[TenantId, EventId], str] = field(default_factory=dict)
    callbacks: dict[TenantId, CallbackState] = field(default_factory=dict)
    chats: dict[tuple[TenantId, str], ParkedChat] = field(default_factory=dict)
    tenants: dict[TenantId, Tenant | None] = field(default_factory=dict)
    faults: dict[Address, Malformed] = field(default_factory=dict)


class SnapshotReader:
    """Reads snapshots from table `deliveries` and, for the tenants, from table `avio`."""

    def __init__(self, deliveries: Table, state: Table) -> None:
        self._deliveries = deliveries
        self._state = state

    def read(self, events: Sequence[EventKey]) -> Snapshot:
        """Return the rows of up to 25 events, in one request.

        The read begins when the events are there. So it shows each tenant's settings as they were at some time after that.
        """
        wanted = {(event[0], address_of(key)): key for event in events for key in keys_of(event)}
        of = {tenant_id: keys.tenant(owner_of(tenant_id)) for tenant_id, _, _ in events}
        found, of_state = self._deliveries.get_many_with(wanted.values(), self._state, of.values())
        snapshot = Snapshot()
        for tenant_id, address in wanted:
            if address in found:
                try:
                    _add(snapshot, tenant_id, found[address])
                except Malformed as fault:
                    snapshot.faults[address] = fault
        for tenant_id, address in ((tenant_id, address_of(key)) for tenant_id, key in of.items()):
            try:
                tenant = _tenant_of(of_state[address]) if address in of_state else None
                snapshot.tenants[tenant_id] = as_seen(tenant, tenant_id)
            except Malformed as fault:
                snapshot.faults[address] = fault
        return snapshot


def as_seen(tenant: Tenant | None, key: TenantId) -> Tenant | None:
    """Return a tenant as delivery by a callback's key sees it; None if it has no such callback."""
    return tenant.seen_by(callback_of(key)) if tenant and names_copy(key) else tenant


def keys_of(event: EventKey) -> list[keys.Key]:
    """Return the keys of the rows of table `deliveries` that an event's delivery depends on: its record, its callback, its chat."""
    tenant_id, event_id, chat = event
    found = [keys.delivery(tenant_id, event_id), keys.callback_state(tenant_id)]
    return [*found, keys.parked_chat(tenant_id, chat)] if chat else found


def event_key(event: Event) -> EventKey:
    """Return an event's key."""
    return event.tenant_id, event.id, event.chat


_tenant_of = of_row(present)


@of_row
def _record_and_body(row: Item) -> tuple[Delivery, str]:
    read_event(row["event"])
    return delivery_of(row), row["event"]


def _add(snapshot: Snapshot, tenant_id: TenantId, row: Item) -> None:
    sk = keys.in_callback(row["sk"])
    if sk == keys.CALLBACK:
        snapshot.callbacks[tenant_id] = callback_state_of(row)
    elif sk.startswith(keys.PARKED_CHATS):
        snapshot.chats[tenant_id, sk.removeprefix(keys.PARKED_CHATS)] = parked_chat_of(row)
    else:
        event = tenant_id, EventId(sk.removeprefix(keys.DELIVERIES))
        snapshot.records[event], snapshot.bodies[event] = _record_and_body(row)
