"""Everything around deliveries in memory: tables, queue, tenants, processes that can die, endpoints that answer as told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from functions.callback_delivery.attempt import EventPoster, Post
from functions.callback_delivery.deliver import Deliverer
from functions.callback_delivery.queue import Messages
from functions.callback_delivery.recipients import DeploymentSecret, Recipients
from functions.sweeper.callback_drain import Visits
from functions.sweeper.chat_drain import Chats
from functions.sweeper.sweep import Sweeper
from shared.clock import Clock
from shared.crypto import Envelope
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.model.tenant import Tenant
from shared.queues import body_of, entry_of
from shared.store import keys
from shared.store.backlog import BacklogStore
from shared.store.deliveries import DeliveryStore
from shared.store.table import Put, Table, Write
from shared.store.tenants import TenantStore, new_tenant_id
from tests.support.event_source import EventSource
from tests.support.events import event_of
from tests.support.fault_injection import CrashingClient, Process
from tests.support.logs import KeptLog
from tests.support.memory import MemoryTable


class NoSecrets:
    """A deployment without CALLBACK_SIGNING_SECRET."""

    def get_secret_value(self, **_: str) -> dict[str, str]:
        """Return the deployment's secret."""
        return {"SecretString": "{}"}


@dataclass
class Accepted:
    """A POST that an endpoint answered with 2xx."""

    tenant: int
    chat: int
    message: int
    webhook_id: str


@dataclass
class InMemoryDelivery:
    """`post` is what a process posts with; it gets the process, so that it can die there too."""

    clock: Clock
    source: EventSource = field(init=False)
    state: MemoryTable = field(default_factory=MemoryTable)
    table: MemoryTable = field(default_factory=MemoryTable)
    log: KeptLog = field(default_factory=KeptLog)
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = EventSource(self.clock)
        self.tenants = TenantStore(self.state)
        self.deliveries = DeliveryStore(self.table)
        self.backlog = BacklogStore(self.table, self.deliveries)
        # One for all processes: what a warm function remembered of a tenant, it would remember here too.
        nobody, secret = cast("Any", None), DeploymentSecret(cast("Any", NoSecrets()), "", self.clock)
        self.recipients = Recipients(self.tenants, Envelope(nobody, ""), secret, self.clock)

    def new_tenant(self, url: str) -> Tenant:
        """Make a tenant without a signing secret."""
        tenant, _ = self.tenants.create("Shop", url, self.clock.now(), None, new_tenant_id())
        return tenant

    def send(self, tenant_id: TenantId, chat_id: int, message_id: int) -> Event:
        """Queue an event."""
        event = event_of(tenant_id, chat_id=chat_id, message_id=message_id, received_at=self.clock.now())
        self.sent.append(event)
        self.source.send_message_batch(Entries=[entry_of("0", event, body_of(event))])
        return event

    def function(self, post: Post, process: Process | None = None) -> Deliverer:
        """Start the delivery function: a process of its own."""
        process = process or Process()
        deliveries, backlog = self._stores(process)
        messages = Messages(cast("Any", CrashingClient(self.source, process)), "")
        attempts = EventPoster(post, self.clock)
        return Deliverer(self.recipients, deliveries, backlog, self.state, messages, attempts, self.clock, self.log.logger)

    def sweeper(self, post: Post, process: Process | None = None) -> Sweeper:
        """Start the sweeper: a process of its own."""
        deliveries, backlog = self._stores(process or Process())
        attempts = EventPoster(post, self.clock)
        chats, probes = (Chats(self.recipients, backlog, deliveries, attempts, self.clock, self.log.logger) for _ in range(2))
        visits = Visits(self.recipients, backlog, deliveries, chats, probes, self.clock, self.log.logger)
        return Sweeper(backlog, visits, self.clock, self.log.logger)

    def unsettled(self) -> list[str]:
        """Return the sort keys of what is still parked or has a state."""
        return [sk for _, sk in self.table.addresses() if not sk.startswith((keys.DELIVERIES, "DROPPED"))]

    def _stores(self, process: Process) -> tuple[DeliveryStore, BacklogStore]:
        table = cast("Table", CrashingClient(Recording(self.table, process), process))
        deliveries = DeliveryStore(table)
        return deliveries, BacklogStore(table, deliveries)


class Recording:
    """A table that tells its process which posts are recorded by now."""

    def __init__(self, inner: MemoryTable, process: Process) -> None:
        self._inner = inner
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def put(self, item: dict[str, Any], *condition: Any) -> None:
        """Write an item."""
        self._inner.put(item, *condition)
        self._recorded([item])

    def put_each(self, items: Any) -> None:
        """Write items."""
        items = list(items)
        self._inner.put_each(items)
        self._recorded(items)

    def transact(self, writes: Sequence[Write]) -> None:
        """Write all or none."""
        self._inner.transact(writes)
        self._recorded([write.item for write in writes if isinstance(write, Put)])

    def _recorded(self, items: Sequence[dict[str, Any]]) -> None:
        self._process.flying -= {item["sk"].removeprefix(keys.DELIVERIES) for item in items}


def accepted(body: bytes, headers: dict[str, str]) -> Accepted:
    """Return what a POST was about."""
    said = json.loads(body)
    return Accepted(said["tenant"], said["message"]["chat_id"], said["message"]["message_id"], headers["webhook-id"])


def out_of_order(taken: Sequence[Accepted]) -> list[Accepted]:
    """Return what came after a later event of its chat; a repeat of the latest is in order."""
    latest: dict[tuple[int, int], int] = {}
    found = []
    for one in taken:
        if one.message < latest.get((one.tenant, one.chat), 0):
            found.append(one)
        latest[one.tenant, one.chat] = max(one.message, latest.get((one.tenant, one.chat), 0))
    return found


def repeats(taken: Sequence[Accepted]) -> int:
    """Count the POSTs that were taken although their event had been."""
    return len(taken) - len({one.webhook_id for one in taken})
