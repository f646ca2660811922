"""What a callback gets: the body of a message event (contract C1).

Made from the event and the tenant's number alone, so its bytes are the same in every attempt: what is signed is what was signed before.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PlainSerializer

from shared.model.event import Event
from shared.model.tenant import Tenant

Iso = Annotated[datetime, PlainSerializer(datetime.isoformat)]
EXACT = (1 << 53) - 1
"""The largest integer that every JSON parser reads as it is (RFC 8259, section 6). Telegram's ids and sizes stay below by its own bounds:
https://core.telegram.org/api/bots/ids."""
Exact = Annotated[int, Field(json_schema_extra={"minimum": -EXACT, "maximum": EXACT})]


def _absent(value: object) -> bool:
    return value is None


class MediaBody(BaseModel):
    """What hangs on a message; what is not known is left out."""

    type: Literal["photo", "video", "audio", "voice", "sticker", "file", "other"]
    mime_type: Annotated[str | None, Field(exclude_if=_absent)]
    name: Annotated[str | None, Field(exclude_if=_absent, description="Where the sender gave one.")]
    size: Annotated[Exact | None, Field(exclude_if=_absent, description="Bytes.")]


class MessageBody(BaseModel):
    """A message; the first six fields are there in every event, null where they are not known."""

    chat_id: Annotated[Exact, Field(description="The chat's marked id; a `peer` to send to.")]
    message_id: Exact
    sender_id: Exact | None
    sender_username: str | None
    text: Annotated[str, Field(description="Empty where there is only media.")]
    date: Iso
    sender_name: str | None
    sender_phone: Annotated[str | None, Field(exclude_if=_absent, description="Where Telegram shows it to this account.")]
    chat_type: Literal["private", "group", "channel"]
    reply_to: Annotated[Exact | None, Field(exclude_if=_absent, description="The message of that chat which this one answers.")]
    media: Annotated[MediaBody | None, Field(exclude_if=_absent)]


class EventBody(BaseModel):
    """The whole body, its fields in the order in which they are written."""

    tenant_id: str
    event: Literal["message"]
    message: MessageBody
    id: Annotated[str, Field(description="The same in every attempt and every replay; also the `webhook-id`.")]
    channel: str
    tenant: Annotated[Exact, Field(description="The tenant's number.")]
    backfilled: Annotated[bool, Field(description="Whether it was fetched afterwards, and did not come as it happened.")]


class TestBody(EventBody):
    """A test of a callback: of the form of a message, so that an endpoint's whole way is tried, and plainly none."""

    event: Literal["test"]  # type: ignore[assignment]
    test: Literal[True]


def test_body(event_id: str, tenant: Tenant, at: datetime) -> bytes:
    """Return the bytes of a test: an example of a message, from nobody."""
    message = MessageBody(
        chat_id=1,
        message_id=1,
        sender_id=1,
        sender_username=None,
        text="This is a test of your callback. Nobody wrote this message.",
        date=at.replace(microsecond=0),
        sender_name="Avio test",
        sender_phone=None,
        chat_type="private",
        reply_to=None,
        media=None,
    )
    names = {"tenant_id": tenant.id, "id": event_id, "tenant": tenant.number}
    return TestBody(event="test", test=True, message=message, channel="telegram", backfilled=False, **names).model_dump_json().encode()


def body_of(event: Event, tenant_number: int) -> bytes:
    """Return the bytes that a callback gets for an event: UTF-8 JSON without spaces."""
    message = event.message
    media = MediaBody(**dict(message.media)) if message.media else None
    body = EventBody(
        tenant_id=event.tenant_id,
        event=event.event,
        message=MessageBody(**{**dict(message), "media": media}),
        id=event.id,
        channel=event.channel,
        tenant=tenant_number,
        backfilled=event.backfilled,
    )
    return body.model_dump_json().encode()
