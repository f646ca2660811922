"""What one run of the delivery function knows and does."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from functions.callback_delivery.early_delete import Release
from functions.callback_delivery.queue import Entry
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.recorder import Recorder
from shared.model.backlog import CallbackHealth, CallbackState, ParkedChat
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import EventId, TenantId
from shared.model.tenant import Tenant
from shared.store import keys
from shared.store.backlog import Snapshot, keys_of
from shared.store.rows import Address, address_of


@dataclass(frozen=True)
class Done:
    """The entry is done with."""


@dataclass(frozen=True)
class Later:
    """The entry and the rest of its chat come again after so many seconds."""

    delay_s: int


@dataclass(frozen=True)
class Park:
    """The entry and the rest of its chat are to be parked; `exhausted`: for its first event has used its quick attempts."""

    exhausted: EventId | None = None


Step = Done | Later | Park


@dataclass
class Tally:
    """What a run did, for the metrics. `lags_ms`: from when the listener had an event to when its receiver had it."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    dropped: int = 0
    kept: int = 0
    disabled: int = 0
    parked: int = 0
    lags_ms: list[int] = field(default_factory=list)


class Run:
    """One run: what was read at its start, kept up with what the run itself does."""

    def __init__(self, started_s: float, chats: int, seen: Snapshot, recorder: Recorder, tally: Tally) -> None:
        self.started_s = started_s
        self.release = Release(chats)
        self.tenants: dict[TenantId, Tenant | None] = dict(seen.tenants)
        self.recipients: dict[TenantId, Recipient | None] = {}  # None where the tenant is gone
        self.dropped: dict[TenantId, int] = {}  # of those that nothing but their number is kept of
        self.recorder = recorder
        self.tally = tally
        self.records: dict[tuple[TenantId, EventId], Delivery] = dict(seen.records)  # two tenants may have an event of one id
        self.callbacks: dict[TenantId, CallbackState] = dict(seen.callbacks)
        self.chats: dict[tuple[TenantId, str], ParkedChat] = dict(seen.chats)
        self.faults: dict[Address, Exception] = dict(seen.faults)
        self.holding: set[TenantId] = set()
        self.asking = asyncio.Lock()

    def record(self, entry: Entry, event: Event) -> Delivery:
        """Return the record that an entry is to go on with: a replay's quick attempts are counted anew."""
        record = self.records.get((event.tenant_id, event.id))
        if record is None:
            return Delivery(status=DeliveryStatus.PENDING, queued_as=entry.queued_as, at=event.received_at)
        if entry.queued_as not in (event.id, record.queued_as) and record.status.final:
            return record.model_copy(update={"status": DeliveryStatus.PENDING, "queued_as": entry.queued_as, "quick": 0})
        return record

    def fault(self, entry: Entry) -> Exception | None:
        """Return what is wrong with a row that an entry's event hangs on: until that is mended, it and what follows in its chat wait."""
        names = entry.key
        if names is None or not self.faults:
            return None
        rows = (keys.tenant(names[0]), *keys_of(names))
        return next((self.faults[address] for address in map(address_of, rows) if address in self.faults), None)

    def callback(self, tenant_id: TenantId) -> CallbackState:
        """Return a callback's state."""
        return self.callbacks.get(tenant_id, CallbackState())

    def chat(self, event: Event) -> ParkedChat | None:
        """Return the row of an event's chat: None where it is open."""
        return self.chats.get((event.tenant_id, event.chat))

    def closed(self, event: Event) -> bool:
        """Whether an event has to be parked: something of its chat is, or its callback is and is not being drained yet."""
        return self.chat(event) is not None or self.callback(event.tenant_id).state is CallbackHealth.PAUSED
