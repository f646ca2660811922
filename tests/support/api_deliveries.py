"""Tenants, records and replays for tests of the deliveries' API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.model.delivery import Attempt, Delivery, DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.queues import Pointer, parse
from tests.functions.api import Api
from tests.support.events import RECEIVED_AT, event_of


async def with_callback(api: Api) -> dict[str, Any]:
    """Make a tenant with a callback."""
    return await api.new_tenant(callback_url="https://shop.example/in")


def recorded(api: Api, tenant: dict[str, Any], status: str, number: int = 1, *, minute: int = 0, **fields: Any) -> Event:
    """Write the record of one event, which came so many minutes after the first."""
    event = event_of(TenantId(tenant["id"]), message_id=number, received_at=RECEIVED_AT + timedelta(minutes=minute), **fields)
    attempt = Attempt(at=RECEIVED_AT, duration_ms=12, status=500, text="no room")
    delivery = Delivery(status=DeliveryStatus(status), queued_as=event.id, at=RECEIVED_AT, attempts=(attempt,), made=1, quick=1)
    api.deliveries.put(event, delivery)
    return event


def queued(api: Api, *tenant_ids: str) -> list[tuple[str, str]]:
    """Empty the queue; return the chat and the event of each of these tenants' messages. Other tests leave theirs in it."""
    found: list[tuple[str, str]] = []
    while messages := api.sqs.receive_message(QueueUrl=api.queue_url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"]).get(
        "Messages"
    ):
        for message in messages:
            group = message["Attributes"]["MessageGroupId"]
            if group.partition(":")[0] in tenant_ids:
                pointer = parse(message["Body"])
                assert isinstance(pointer, Pointer)
                found.append((group, pointer.event_id))
            api.sqs.delete_message(QueueUrl=api.queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found


def attempt(**fields: Any) -> dict[str, Any]:
    """Return an attempt as the delivery function answers it."""
    return {"at": "2026-03-01T12:00:00Z", "duration_ms": 12, "status": None, "error": None, "text": "", **fields}
