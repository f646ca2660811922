"""Deliveries on the emulator: real tables, queue and key, and a receiver that answers by a script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.deliver import Deliverer
from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import Messages, QueueEntry, entries_of
from functions.callback_delivery.recipients import DeploymentSigningSecret, Recipients
from functions.callback_delivery.run_state import DeliveryCounts
from functions.callback_delivery.services import DeliveryServices
from local.emulator_account import EmulatorAccount
from shared.crypto import Envelope, Purpose
from shared.model.delivery import DeliveryRecord, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.model.tenant import Tenant, new_signing_secret
from shared.queues import accepted, body_of, entry_of
from shared.store.backlog import BacklogStore
from shared.store.callback_states import CallbackStateStore
from shared.store.deliveries import DeliveryStore
from shared.store.delivery_snapshot import SnapshotReader
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from tests.support.callback_server import CallbackServer
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock


class EmulatedDelivery:
    """Makes tenants, queues events, runs the function on what is visible in the queue."""

    def __init__(self, account: EmulatorAccount, clock: FakeClock, receiver: CallbackServer, poster: Poster) -> None:
        self.account, self.clock, self.receiver = account, clock, receiver
        dynamodb = account.client("dynamodb")
        self.sqs = account.client("sqs")
        self.table = Table(dynamodb, account.table_name)
        self.tenants = TenantStore(self.table)
        self.deliveries_table = Table(dynamodb, account.deliveries_table_name)
        self.deliveries = DeliveryStore(self.deliveries_table)
        self.callbacks = CallbackStateStore(self.deliveries_table)
        self.backlog = BacklogStore(self.deliveries_table, self.deliveries)
        kms = account.client("kms")
        self.envelope = Envelope(lambda: kms, account.kms_key_id)
        self.fallback = DeploymentSigningSecret(account.client("secretsmanager"), "avio", clock)
        self.recipients = Recipients(self.tenants, self.envelope, self.fallback, clock)
        self.log = CapturedLog()
        services = DeliveryServices(
            recipients=self.recipients,
            snapshots=SnapshotReader(self.deliveries_table, self.table),
            deliveries=self.deliveries,
            callbacks=self.callbacks,
            backlog=self.backlog,
            messages=Messages(self.sqs, account.events_queue_url),
            poster=EventPoster(poster.post, clock),
            clock=clock,
            logger=self.log.logger,
        )
        self.deliverer = Deliverer(services)
        self.secrets: dict[TenantId, str] = {}

    @property
    def url(self) -> str:
        """The receiver's URL."""
        return f"http://callbacks.example:{self.receiver.port}/in"

    def new_tenant(self, callback_url: str | None = "") -> Tenant:
        """Make a tenant with a signing secret, whose callback is the receiver unless told otherwise."""
        tenant_id, secret = new_tenant_id(), new_signing_secret().get_secret_value()
        key = self.envelope.new_key(tenant_id, Purpose.SIGNING)
        signing = (key.wrapped, key.seal(secret.encode()))
        tenant, _ = self.tenants.create("Shop", self.url if callback_url == "" else callback_url, self.clock.now(), signing, tenant_id)
        self.secrets[tenant_id] = secret
        return tenant

    def enqueue(self, *events: Event) -> None:
        """Put events into the queue, one request each, as the listener does for one chat."""
        for event in events:
            self.put(event, body_of(event))

    def put(self, event: Event, body: str) -> None:
        """Queue an event with a given body."""
        entries: Any = [entry_of("0", event, body)]
        assert accepted(self.sqs.send_message_batch(QueueUrl=self.account.events_queue_url, Entries=entries), 1) == [True]

    def receive(self, wait_s: int = 0) -> dict[str, Any]:
        """Return the visible messages, in the form of the event source mapping."""
        answer = self.sqs.receive_message(
            QueueUrl=self.account.events_queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s, AttributeNames=["All"]
        )
        return {
            "Records": [
                {
                    "messageId": message["MessageId"],
                    "receiptHandle": message["ReceiptHandle"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                }
                for message in answer.get("Messages", [])
            ]
        }

    def entries(self, wait_s: int = 0) -> list[QueueEntry]:
        """Return the visible messages, parsed."""
        return entries_of(self.receive(wait_s))

    async def run(self, entries: Sequence[QueueEntry]) -> tuple[list[str], DeliveryCounts]:
        """Run the function on entries, then delete the messages that it does not name, as the mapping does."""
        failed, counts = await self.deliverer.run(entries)
        done = [{"Id": str(number), "ReceiptHandle": one.receipt} for number, one in enumerate(entries) if one.message_id not in failed]
        if done:  # those that the function took out itself are refused one by one, which is no fault
            await asyncio.to_thread(self.sqs.delete_message_batch, QueueUrl=self.account.events_queue_url, Entries=done)
        return failed, counts

    async def run_visible(self) -> tuple[list[str], DeliveryCounts]:
        """Run the function on the visible messages."""
        return await self.run(self.entries())

    def record(self, event: Event) -> DeliveryRecord | None:
        """Return an event's delivery record."""
        return self.deliveries.get(event.tenant_id, event.id)

    def fate(self, event: Event) -> tuple[DeliveryStatus, int, str | None] | None:
        """Return an event's status, the number of attempts, and the last outcome; None if it has no record."""
        record = self.record(event)
        if record is None:
            return None
        return record.status, record.made, record.attempts[-1].outcome if record.attempts else None

    def left_in_queue(self) -> int:
        """Count the messages in the queue, hidden ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.account.events_queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def texts(self) -> list[str]:
        """Return the texts that the receiver got, in order."""
        return [json.loads(posted.body)["message"]["text"] for posted in self.receiver.posted]
