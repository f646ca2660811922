"""What a callback gets: the body of a message event (contract C1).

Made from the event, the tenant's number, the callback's format and the deployment's address alone, so its bytes are the same in every
attempt: what is signed is what was signed before.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from functions.callback_delivery.event_bodies import ready_body, telegram_body
from functions.callback_delivery.message_in_body import message_in_body, message_in_of
from shared.message_body import Exact, MessageBody, TextIdMessageBody, message_body
from shared.model.callback_key import owner_of
from shared.model.event import Event, MessageEdited, MessageEvent, MessageReceived, MessageSent, ProviderReady
from shared.model.ids import Channel
from shared.model.tenant import BodyFormat, Tenant


class EventBody(BaseModel):
    """A message that somebody wrote to the account: the whole body, its fields in the order in which they are written."""

    tenant_id: str
    event: Literal["message"]
    message: MessageBody
    id: Annotated[str, Field(description="The same in every attempt and every replay; also the `webhook-id`.")]
    channel: str
    tenant: Annotated[Exact, Field(description="The tenant's number.")]
    backfilled: Annotated[bool, Field(description="Whether it was fetched afterwards, and did not come as it happened.")]


class ProviderEventBody(EventBody):
    """A message that a provider posted. Its ids are text, and `original` has the provider's other fields as they came."""

    message: TextIdMessageBody
    original: Annotated[dict[str, Any], Field(description="What the provider posted, without the text; files have their `url` here.")]


class TestBody(EventBody):
    """A test of a callback: of the form of a message, so that an endpoint's whole way is tried, and plainly none."""

    event: Literal["test"]  # type: ignore[assignment]
    test: Literal[True]


def test_body(event_id: str, tenant: Tenant, at: datetime) -> bytes:
    """Return the bytes of a test, in the callback's format: an example of a message, from nobody."""
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
    if tenant.body_format is BodyFormat.MESSAGE_IN:
        return _json({**message_in_of(Channel.TELEGRAM, message, tenant.number), "event": "test", "test": True})
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
    if isinstance(event, MessageReceived) and event.original is not None:
        message = TextIdMessageBody.model_validate(event.message.model_dump())
        original = json.loads(event.original)
        posted = ProviderEventBody(event=event.event, message=message, backfilled=event.backfilled, original=original, **names)
        return posted.model_dump_json().encode()
    if isinstance(event, ProviderReady):
        return ready_body(event, names).model_dump_json().encode()
    if event.channel is Channel.TELEGRAM and (known := telegram_body(event, names, base_url)):
        return known.model_dump_json().encode()
    return _json({**names, "event": event.event, **_happened(event, base_url), "backfilled": event.backfilled})


def _message_in(event: Event, tenant_number: int, base_url: str) -> bytes:
    """Return the body as MessageIn, for the kinds that have that form; the others are as they are in the other format."""
    body = message_in_body(event, tenant_number, base_url)
    return _event(event, tenant_number, base_url) if body is None else _json(body)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _happened(event: Event, base_url: str) -> dict[str, Any]:
    """Return what happened, for the kinds that have no model of their own here."""
    own = event.model_dump(mode="json", exclude_none=True, exclude=_ENVELOPE)
    if isinstance(event, MessageReceived | MessageEdited | MessageSent):
        own["message"] = _message(event, base_url).model_dump(mode="json")
    return own


def _message(event: MessageEvent, base_url: str) -> MessageBody:
    return message_body(event.channel, event.message, owner_of(event.tenant_id), base_url)


_ENVELOPE = {"id", "tenant_id", "channel", "event", "received_at", "backfilled"}
_FORMATS: dict[BodyFormat, Callable[[Event, int, str], bytes]] = {BodyFormat.EVENT: _event, BodyFormat.MESSAGE_IN: _message_in}
