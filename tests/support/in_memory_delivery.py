"""Deliveries in memory: tables, queue, tenants, and processes that can die."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from functions.callback_delivery.attempt import EventPoster, Post
from functions.callback_delivery.deliver import Deliverer
from functions.callback_delivery.queue import Messages
from functions.callback_delivery.recipients import DeploymentSigningSecret, Recipients
from functions.callback_delivery.services import DeliveryServices
from functions.sweeper.sweep import Sweeper
from functions.sweeper.sweep_run import PosterPool, SweepServices
from shared.clock import Clock
from shared.crypto import Envelope
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.model.tenant import Tenant
from shared.queues import body_of, entry_of
from shared.store import keys
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_snapshot import SnapshotReader
from shared.store.table import Put, Table, Write
from shared.store.tenants import TenantStore, new_tenant_id
from testing.fake_aws.dynamodb import DELIVERIES, FakeDynamoDb
from testing.fake_aws.fifo_queue import QUEUE
from tests.support.captured_log import CapturedLog
from tests.support.event_source import EventSource
from tests.support.events import event_of
from tests.support.fake_stores import fake_table
from tests.support.fault_injection import CrashingClient, SimulatedProcess


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
    """Tables, queue and tenants that all processes share. Each process gets its own `post`, so that it can die there too."""

    clock: Clock
    source: EventSource = field(init=False)
    dynamodb: FakeDynamoDb = field(default_factory=FakeDynamoDb)
    log: CapturedLog = field(default_factory=CapturedLog)
    sent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.source = EventSource(self.clock)
        self.queue = self.source.queue
        self.state, self.table = fake_table(self.dynamodb), fake_table(self.dynamodb, DELIVERIES)
        self.tenants = TenantStore(self.state)
        self.deliveries = DeliveryStore(self.table)
        self.callbacks = CallbackStateStore(self.table)
        self.backlog = BacklogStore(self.table, self.deliveries)
        # One for all processes: what a warm function remembered of a tenant, it would remember here too.
        nobody, secret = cast("Any", None), DeploymentSigningSecret(cast("Any", NoSecrets()), "", self.clock)
        self.recipients = Recipients(self.tenants, Envelope(nobody, ""), secret, self.clock)

    def new_tenant(self, url: str) -> Tenant:
        """Make a tenant without a signing secret."""
        tenant, _ = self.tenants.create("Shop", url, self.clock.now(), None, new_tenant_id())
        return tenant

    def send(self, tenant_id: TenantId, chat_id: int, message_id: int) -> Event:
        """Queue an event."""
        event = event_of(tenant_id, chat_id=chat_id, message_id=message_id, received_at=self.clock.now())
        self.sent.append(event)
        self.source.sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry_of("0", event, body_of(event))])
        return event

    def function(self, post: Post, process: SimulatedProcess | None = None) -> Deliverer:
        """Start the delivery function, as a process of its own."""
        process = process or SimulatedProcess()
        table = self._table(process)
        deliveries = DeliveryStore(table)
        services = DeliveryServices(
            recipients=self.recipients,
            snapshots=SnapshotReader(table, self.state),
            deliveries=deliveries,
            callbacks=CallbackStateStore(table),
            backlog=BacklogStore(table, deliveries),
            messages=Messages(cast("Any", CrashingClient(self.source.sqs, process)), QUEUE),
            poster=EventPoster(post, self.clock),
            clock=self.clock,
            logger=self.log.logger,
        )
        return Deliverer(services)

    def sweeper(self, post: Post, process: SimulatedProcess | None = None) -> Sweeper:
        """Start the sweeper, as a process of its own."""
        table = self._table(process or SimulatedProcess())
        deliveries, poster = DeliveryStore(table), EventPoster(post, self.clock)
        services = SweepServices(
            recipients=self.recipients,
            deliveries=deliveries,
            callbacks=CallbackStateStore(table),
            backlog=BacklogStore(table, deliveries),
            drains=PosterPool(poster),
            probes=PosterPool(poster),
            clock=self.clock,
            logger=self.log.logger,
        )
        return Sweeper(services)

    def unsettled(self) -> list[str]:
        """Return the sort keys of everything that is parked, and of callback states."""
        return [sk for _, sk in self.dynamodb.addresses(DELIVERIES) if not sk.startswith((keys.DELIVERIES, "DROPPED"))]

    def _table(self, process: SimulatedProcess) -> Table:
        """Return the deliveries table as a process sees it."""
        return cast("Table", CrashingClient(RecordingTable(self.table, process), process))


class RecordingTable:
    """A table that tells its process which posts are recorded."""

    def __init__(self, inner: Table, process: SimulatedProcess) -> None:
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
        self._process.unrecorded -= {item["sk"].removeprefix(keys.DELIVERIES) for item in items}


def accepted(body: bytes, headers: dict[str, str]) -> Accepted:
    """Return the event of a POST."""
    said = json.loads(body)
    return Accepted(said["tenant"], said["message"]["chat_id"], said["message"]["message_id"], headers["webhook-id"])


def out_of_order(taken: Sequence[Accepted]) -> list[Accepted]:
    """Return the events that came after a later event of their chat; a repeat of the latest event is in order."""
    latest: dict[tuple[int, int], int] = {}
    found = []
    for one in taken:
        if one.message < latest.get((one.tenant, one.chat), 0):
            found.append(one)
        latest[one.tenant, one.chat] = max(one.message, latest.get((one.tenant, one.chat), 0))
    return found


def repeats(taken: Sequence[Accepted]) -> int:
    """Count the POSTs of events that had been accepted before."""
    return len(taken) - len({one.webhook_id for one in taken})
