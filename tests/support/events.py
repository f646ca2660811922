"""Events as the listener makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.model.event import Event, Message, MessageEdited, MessageReceived, MessageSent, event_id
from shared.model.ids import Channel, TenantId

TENANT = TenantId("0b7e9a52-0000-4000-8000-000000000001")
RECEIVED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def event_of(tenant_id: TenantId = TENANT, chat_id: int = 77, message_id: int = 1, **message: Any) -> MessageReceived:
    """Return the event of one message; `message` overrides its fields, `received_at` the event's."""
    received_at = message.pop("received_at", RECEIVED_AT)
    fields: dict[str, Any] = {
        "chat_id": chat_id,
        "message_id": message_id,
        "sender_id": 77,
        "sender_username": "anna",
        "sender_name": "Anna",
        "chat_type": "private",
        "text": f"message {message_id}",
        "date": datetime(2025, 1, 25, 12, 0, tzinfo=UTC),
    }
    return MessageReceived(
        id=event_id(Channel.TELEGRAM, 5, chat_id, message_id, "message"),
        tenant_id=tenant_id,
        channel=Channel.TELEGRAM,
        received_at=received_at,
        message=Message(**{**fields, **message}),
    )


def message_of(event: Event) -> Message:
    """Return the message of an event that carries one."""
    assert isinstance(event, MessageReceived | MessageEdited | MessageSent)
    return event.message
