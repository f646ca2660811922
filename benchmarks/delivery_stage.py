"""The environment of the delivery rows: tenants, a receiver, warm functions, and a bare client for the same posts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from benchmarks.child import ChildModule
from benchmarks.environment import BenchmarkEnvironment
from functions.callback_delivery import signing
from functions.callback_delivery.body import body_of
from local.child_process import bare_environment
from shared.clock import SystemClock
from shared.crypto import Envelope, Purpose
from shared.model.event import Event, Message, MessageReceived, event_id
from shared.model.ids import Channel
from shared.model.tenant import Tenant, new_signing_secret
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from testing.fake_aws.aws import KEY, FakeAws
from testing.fake_aws.dynamodb import STATE

TEXT = "A message of usual length, as a customer writes it."
BATCH = 10


@dataclass(frozen=True)
class SignedTenant:
    """A tenant and its signing secret."""

    tenant: Tenant
    secret: str


class DeliveryEnvironment:
    """A context manager; `chance` decides which chats' events come together."""

    def __init__(self, environment: BenchmarkEnvironment, name: str) -> None:
        self._environment = environment
        self._name = name
        self._parts = ExitStack()
        self._numbers = count(1)
        self.chance = random.Random(1)
        self.aws = environment.in_background(FakeAws().running())
        self.receiver = self._child("receiver", "callback_receiver", {})
        self.port = self.receiver.ask("port")

    def __enter__(self) -> DeliveryEnvironment:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def function(self, number: int = 1) -> ChildModule:
        """Start a warm function; the first question waits until it is."""
        own = {
            "DELIVERIES_KEPT_DAYS": "14",
            "SECRET_ID": "none",
            "ALLOW_HTTP_CALLBACKS": "1",
            "ALLOW_PRIVATE_CALLBACKS": "1",
            "POWERTOOLS_SERVICE_NAME": "callback_delivery",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "AWS_LAMBDA_FUNCTION_NAME": "callback_delivery",
        }
        return self._child(f"function-{number}", "warm_function", {**self.aws.environment, **own})

    def bare(self) -> ChildModule:
        """Start the bare client."""
        return self._child("bare", "bare_posts", {})

    def new_customers(self, number: int, path: str) -> list[SignedTenant]:
        """Make tenants whose callback is a path of the receiver."""
        return [self._customer(path) for _ in range(number)]

    def events(self, customers: Sequence[SignedTenant], chats: int, number: int) -> list[tuple[SignedTenant, Event]]:
        """Return so many new events, each of a tenant and a chat at random."""
        chosen = ((self.chance.choice(customers), self.chance.randrange(chats)) for _ in range(number))
        return [(customer, self._event(customer.tenant, 70_000 + chat, next(self._numbers))) for customer, chat in chosen]

    def _child(self, name: str, module: str, variables: dict[str, str]) -> ChildModule:
        whole = {**bare_environment(), **variables}
        return self._parts.enter_context(ChildModule(self._environment, f"{self._name}-{name}", f"benchmarks.{module}", whole))

    def _customer(self, path: str) -> SignedTenant:
        tenant_id, secret, client = new_tenant_id(), new_signing_secret().get_secret_value(), self.aws.client
        key = Envelope(lambda: client, KEY).new_key(tenant_id, Purpose.SIGNING)
        url, sealed = f"http://127.0.0.1:{self.port}{path}", (key.wrapped, key.seal(secret.encode()))
        tenant, _ = TenantStore(Table(client, STATE)).create("Shop", url, SystemClock().now(), sealed, tenant_id)
        return SignedTenant(tenant, secret)

    def _event(self, tenant: Tenant, chat_id: int, message_id: int) -> Event:
        now = datetime.now(UTC)
        message = Message(
            chat_id=chat_id,
            message_id=message_id,
            sender_id=chat_id,
            sender_username="anna_writes",
            sender_name="Anna Writes",
            chat_type="private",
            text=TEXT,
            date=now.replace(microsecond=0),
        )
        name = event_id(Channel.TELEGRAM, tenant.number, chat_id, message_id, "message")
        return MessageReceived(id=name, tenant_id=tenant.id, channel=Channel.TELEGRAM, received_at=now, message=message)


def batches_of(events: Sequence[tuple[SignedTenant, Event]], size: int) -> list[Sequence[tuple[SignedTenant, Event]]]:
    """Return events in batches; those of one chat follow each other, as SQS hands them over."""
    cut = [events[begin : begin + size] for begin in range(0, len(events), size)]
    return [sorted(batch, key=lambda one: one[1].group) for batch in cut]


def handed_over(batch: Sequence[tuple[SignedTenant, Event]]) -> dict[str, Any]:
    """Return a batch as the event source mapping hands it over."""
    return {"Records": [_record(event) for _, event in batch]}


def bare_posts(batch: Sequence[tuple[SignedTenant, Event]]) -> list[list[tuple[str, dict[str, str], str]]]:
    """Return the posts that a batch makes, by chat, with the headers that the function sends."""
    chats: dict[str, list[tuple[str, dict[str, str], str]]] = {}
    for customer, event in batch:
        body = body_of(event, customer.tenant.number)
        headers = {"Content-Type": "application/json", **signing.headers(event.id, datetime.now(UTC), 1, body, customer.secret)}
        chats.setdefault(event.group, []).append((customer.tenant.callback_url or "", headers, body.decode()))
    return list(chats.values())


def _record(event: Event) -> dict[str, Any]:
    return {
        "messageId": event.id,
        "receiptHandle": "r" * 400,
        "body": event.model_dump_json(exclude_none=True, ensure_ascii=True),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": str(int(event.received_at.timestamp() * 1000)),
            "SequenceNumber": "18849496460467696128",
            "MessageGroupId": event.group,
            "SenderId": "AROAEXAMPLE:listener",
            "MessageDeduplicationId": event.id,
            "ApproximateFirstReceiveTimestamp": str(int(event.received_at.timestamp() * 1000)),
        },
        "messageAttributes": {},
        "md5OfBody": "0" * 32,
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:events.fifo",
        "awsRegion": "us-east-1",
    }
