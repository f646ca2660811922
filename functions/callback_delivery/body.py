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

from pydantic import BaseModel, Field

from functions.callback_delivery.event_bodies import telegram_body
from shared.message_body import Exact, MessageBody, message_body
from shared.model.callback_key import owner_of
from shared.model.event import Event, MessageEdited, MessageEvent, MessageReceived, MessageSent
from shared.model.ids import Channel
from shared.model.tenant import Tenant


class BodyFormat(StrEnum):
    """How a callback's bodies look."""

    EVENT = "event"


class EventBody(BaseModel):
    """A message that somebody wrote to the account: the whole body, its fields in the order in which they are written."""

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
    names = {"tenant_id": owner_of(tenant.id), "id": event_id, "tenant": tenant.number}
    return TestBody(event="test", test=True, message=message, channel="telegram", backfilled=False, **names).model_dump_json().encode()


def body_of(event: Event, tenant_number: int, body_format: BodyFormat = BodyFormat.EVENT, base_url: str = "") -> bytes:
    """Return the bytes that a callback gets for an event, in a format: UTF-8 JSON without spaces. `base_url` begins the links in it."""
    return _FORMATS[body_format](event, tenant_number, base_url)


def _event(event: Event, tenant_number: int, base_url: str) -> bytes:
    """Return the body that names the event's kind, with what happened under the kind's own name."""
    names = {"tenant_id": owner_of(event.tenant_id), "id": event.id, "tenant": tenant_number, "channel": event.channel}
    if isinstance(event, MessageReceived) and event.channel is Channel.TELEGRAM:
        body = EventBody(event=event.event, message=_message(event, base_url), backfilled=event.backfilled, **names)
        return body.model_dump_json().encode()
    if event.channel is Channel.TELEGRAM and (known := telegram_body(event, names, base_url)):
        return known.model_dump_json().encode()
    envelope = {"event": event.event, **_happened(event, base_url), "backfilled": event.backfilled}
    return json.dumps({**names, **envelope}, ensure_ascii=False, separators=(",", ":")).encode()


def _happened(event: Event, base_url: str) -> dict[str, Any]:
    """Return what happened, for the kinds that have no model of their own here."""
    own = event.model_dump(mode="json", exclude_none=True, exclude=_ENVELOPE)
    if isinstance(event, MessageReceived | MessageEdited | MessageSent):
        own["message"] = _message(event, base_url).model_dump(mode="json")
    return own


def _message(event: MessageEvent, base_url: str) -> MessageBody:
    return message_body(event.channel, event.message, owner_of(event.tenant_id), base_url)


_ENVELOPE = {"id", "tenant_id", "channel", "event", "received_at", "backfilled"}
_FORMATS: dict[BodyFormat, Callable[[Event, int, str], bytes]] = {BodyFormat.EVENT: _event}
