"""What one run of the delivery function knows: read at its start, and updated with everything that the run does."""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.callback_delivery.queue import QueueEntry
from shared.model.backlog import CallbackHealth, CallbackState, ParkedChat
from shared.model.callback_key import owner_of
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.model.tenant import Tenant
from shared.store import keys
from shared.store.delivery_snapshot import Snapshot, keys_of
from shared.store.rows import Address, address_of


@dataclass
class DeliveryCounts:
    """What a run did, for the metrics. `lags_ms`: from when the listener had an event to when its receiver had it,
    of events that the first attempt delivered.
    """

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    dropped: int = 0
    kept: int = 0
    disabled: int = 0
    parked: int = 0
    lags_ms: list[int] = field(default_factory=list)


class RunState:
    """The rows of one run's events, and its counts. `started_s`: the boot time at which the run began."""

    def __init__(self, started_s: float, snapshot: Snapshot) -> None:
        self.started_s = started_s
        self.counts = DeliveryCounts()
        self.tenants: dict[TenantId, Tenant | None] = dict(snapshot.tenants)
        self.records: dict[tuple[TenantId, EventId], Delivery] = dict(snapshot.records)  # two tenants may have an event of the same id
        self.callbacks: dict[TenantId, CallbackState] = dict(snapshot.callbacks)
        self.chats: dict[tuple[TenantId, str], ParkedChat] = dict(snapshot.chats)
        self.faults: dict[Address, Exception] = dict(snapshot.faults)

    def record(self, entry: QueueEntry, event: Event) -> Delivery:
        """Return the record that an entry continues. A replay starts counting quick attempts from zero."""
        record = self.records.get((event.tenant_id, event.id))
        if record is None:
            return Delivery(status=DeliveryStatus.PENDING, queued_as=entry.queued_as, at=event.received_at)
        if entry.queued_as not in (event.id, record.queued_as) and record.status.final:
            return record.model_copy(update={"status": DeliveryStatus.PENDING, "queued_as": entry.queued_as, "quick": 0})
        return record

    def fault(self, entry: QueueEntry) -> Exception | None:
        """Return the fault of a row that an entry's event depends on. The event and its chat wait until the row is repaired."""
        key = entry.key
        if key is None or not self.faults:
            return None
        rows = (keys.tenant(owner_of(key[0])), *keys_of(key))
        return next((self.faults[address] for address in map(address_of, rows) if address in self.faults), None)

    def callback(self, tenant_id: TenantId) -> CallbackState:
        """Return a callback's state."""
        return self.callbacks.get(tenant_id, CallbackState())

    def chat(self, event: Event) -> ParkedChat | None:
        """Return the row of an event's chat; None if the chat is not parked."""
        return self.chats.get((event.tenant_id, event.chat))

    def must_park(self, event: Event) -> bool:
        """Tell whether an event has to be parked: its chat is parked, or its callback is paused."""
        return self.chat(event) is not None or self.callback(event.tenant_id).state is CallbackHealth.PAUSED

    def refresh(self, tenant_id: TenantId, chat: str, snapshot: Snapshot) -> None:
        """Replace what is known about a chat by a newer snapshot."""
        self.callbacks[tenant_id] = snapshot.callbacks.get(tenant_id, CallbackState())
        self.chats.pop((tenant_id, chat), None)
        self.chats |= snapshot.chats
        self.records |= snapshot.records
        self.faults |= snapshot.faults


def already_handled(record: Delivery, entry: QueueEntry) -> bool:
    """Tell whether an entry comes too late: its event is final, or parked.

    A message under the event's own id never reopens a final event. A replay reopens it once.
    """
    if record.status is DeliveryStatus.PENDING:
        return False
    return entry.event is None or entry.queued_as in (entry.event.id, record.queued_as)
