"""What a callback gets: the body of a message event (contract C1).

Made from the event, the tenant's number and the deployment's address alone, so its bytes are the same in every attempt: what is signed is
what was signed before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainSerializer

from shared.model.event import Event, Media, MediaType, Message, MessageEdited, MessageReceived, MessageSent
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Tenant

Iso = Annotated[datetime, PlainSerializer(datetime.isoformat)]
EXACT = (1 << 53) - 1
"""The largest integer that every JSON parser reads as it is (RFC 8259, section 6). Telegram's ids and sizes stay below by its own bounds:
https://core.telegram.org/api/bots/ids."""
Exact = Annotated[int, Field(json_schema_extra={"minimum": -EXACT, "maximum": EXACT})]


def _absent(value: object) -> bool:
    return value is None


class BodyFormat(StrEnum):
    """How a callback's bodies look."""

    EVENT = "event"


class MediaBody(BaseModel):
    """What hangs on a message; what is not known is left out."""

    type: MediaType
    id: Annotated[str | None, Field(exclude_if=_absent, description="Of what can be fetched.")]
    url: Annotated[
        str | None,
        Field(exclude_if=_absent, description="Where to GET it with a key of the tenant; a path if `APP_BASE_URL` is not set."),
    ]
    mime_type: Annotated[str | None, Field(exclude_if=_absent)]
    name: Annotated[str | None, Field(exclude_if=_absent, description="Where the sender gave one.")]
    size: Annotated[Exact | None, Field(exclude_if=_absent, description="Bytes.")]
    width: Annotated[Exact | None, Field(exclude_if=_absent, description="Pixels.")]
    height: Annotated[Exact | None, Field(exclude_if=_absent, description="Pixels.")]
    duration: Annotated[float | None, Field(exclude_if=_absent, description="Seconds.")]


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


class TextIdMessageBody(MessageBody):
    """A message of a channel whose ids are text."""

    chat_id: str  # type: ignore[assignment]
    message_id: str  # type: ignore[assignment]
    sender_id: str | None  # type: ignore[assignment]
    reply_to: Annotated[str | None, Field(exclude_if=_absent)]  # type: ignore[assignment]


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


def body_of(event: Event, tenant_number: int, body_format: BodyFormat = BodyFormat.EVENT, base_url: str = "") -> bytes:
    """Return the bytes that a callback gets for an event, in a format: UTF-8 JSON without spaces. `base_url` begins the links in it."""
    return _FORMATS[body_format](event, tenant_number, base_url)


def _event(event: Event, tenant_number: int, base_url: str) -> bytes:
    """Return the body that names the event's kind, with what happened under the kind's own name."""
    names = {"tenant_id": event.tenant_id, "id": event.id, "tenant": tenant_number, "channel": event.channel}
    if isinstance(event, MessageReceived) and event.channel is Channel.TELEGRAM:
        body = EventBody(event=event.event, message=_message(event, event.message, base_url), backfilled=event.backfilled, **names)
        return body.model_dump_json().encode()
    envelope = {"event": event.event, **_happened(event, base_url), "backfilled": event.backfilled}
    return json.dumps({"tenant_id": event.tenant_id, **envelope, **names}, ensure_ascii=False, separators=(",", ":")).encode()


def _message(event: Event, message: Message, base_url: str) -> MessageBody:
    """Return a message with its ids as the channel's users know them: Telegram's are numbers."""
    fields = dict(message)
    fields["media"] = _media(event.tenant_id, message.media, base_url) if message.media else None
    kind = MessageBody if event.channel is Channel.TELEGRAM else TextIdMessageBody
    return kind(**fields)


def _media(tenant_id: TenantId, media: Media, base_url: str) -> MediaBody:
    url = f"{base_url.rstrip('/')}/tenants/{tenant_id}/media/{media.id}" if media.id else None
    return MediaBody(url=url, **dict(media))


def _happened(event: Event, base_url: str) -> dict[str, Any]:
    """Return what happened, for the kinds that have no model of their own here."""
    own = event.model_dump(mode="json", exclude_none=True, exclude=_ENVELOPE)
    if isinstance(event, MessageReceived | MessageEdited | MessageSent):
        own["message"] = _message(event, event.message, base_url).model_dump(mode="json")
    elif event.channel is Channel.TELEGRAM:
        own = {name: _with_numbers(value) for name, value in own.items()}
    return own


def _with_numbers(value: Any) -> Any:
    """Return what happened with Telegram's ids as numbers."""
    if not isinstance(value, dict):
        return value
    return {name: _number(inner) if name.endswith(("_id", "_ids")) else inner for name, inner in value.items()}


def _number(value: Any) -> Any:
    return [int(one) for one in value] if isinstance(value, list) else int(value)


_ENVELOPE = {"id", "tenant_id", "channel", "event", "received_at", "backfilled"}
_FORMATS: dict[BodyFormat, Callable[[Event, int, str], bytes]] = {BodyFormat.EVENT: _event}
