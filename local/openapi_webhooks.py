"""What the document says of the events that are posted to callbacks: from the models that their bodies are made by."""

from __future__ import annotations

import inspect
from typing import Any, get_args

from pydantic import BaseModel

from functions.callback_delivery.body import EventBody, ProviderEventBody, TestBody
from functions.callback_delivery.event_bodies import BODIES
from functions.callback_delivery.message_in_body import MessageInBody

REF = "#/components/schemas/{model}"
_TEXT = {"type": "string"}
HEADERS = {
    "webhook-id": ("The event's id, the same in every attempt and every replay.", True),
    "webhook-timestamp": ("When this attempt was made, in seconds since 1970.", True),
    "webhook-attempt": ("1, and more for later attempts at the same event.", True),
    "webhook-signature": (
        "Standard Webhooks: `v1,` and the base64 of an HMAC-SHA256; several with spaces between during a rotation.",
        False,
    ),
    "X-Signature": ("`sha256=` and the hex HMAC-SHA256 of the body.", False),
}
MESSAGE = {
    "tenant_id": "7b0d3c1e-5a53-4f0e-9d6c-2f1a8e4b7c90",
    "event": "message",
    "message": {
        "chat_id": 100000002,
        "message_id": 4,
        "sender_id": 100000002,
        "sender_username": "alice",
        "text": "Hi",
        "date": "2026-11-21T10:00:40+00:00",
        "sender_name": "Alice",
        "sender_phone": "+9996610002",
        "chat_type": "private",
        "reply_to": 3,
        "media": {"type": "photo", "mime_type": "image/jpeg"},
    },
    "id": "evt_0f3c7a52e1b84d69a7c25d08f4b1e936",
    "channel": "telegram",
    "tenant": 1,
    "backfilled": False,
}


SUMMARIES = {
    "message": "A message came",
    "message.edited": "A message was edited",
    "message.sent": "The account wrote elsewhere",
    "message.deleted": "Messages were deleted",
    "message.read": "The other side has read",
    "message.reaction": "Reactions have changed",
    "chat.joined": "People came into a group",
    "chat.left": "Somebody left a group",
    "chat.migrated": "A group has another id",
    "account.status": "The account's state has changed",
    "ready": "A provider's session is logged in",
    "test": "A test",
}
EVENTS = (EventBody, *BODIES)


def schemas() -> dict[str, Any]:
    """Return the events' schemas, by name, and `Event`, which is any of them by its `event`."""
    found: dict[str, Any] = {}
    for body in (*EVENTS, TestBody, ProviderEventBody, MessageInBody):
        schema = body.model_json_schema(mode="serialization", ref_template=REF)
        found |= {**schema.pop("$defs", {}), body.__name__: schema}
    kinds = {kind_of(body): REF.format(model=body.__name__) for body in EVENTS}
    any_of = {"oneOf": [{"$ref": ref} for ref in kinds.values()], "discriminator": {"propertyName": "event", "mapping": kinds}}
    return {**found, "Event": {"title": "Event", "description": "Any event, by its kind.", **any_of}}


def kind_of(body: type[BaseModel]) -> str:
    """Return the kind of the events that a body is of."""
    return str(get_args(body.model_fields["event"].annotation)[0])


def webhooks() -> dict[str, Any]:
    """Return the document's webhooks: one for each kind of event, and the test."""
    examples = {"message": {"message": {"value": MESSAGE}}}
    kinds = {kind_of(body): body for body in (*EVENTS, TestBody)}
    return {
        kind: _posted(kind, body.__name__, inspect.cleandoc(body.__doc__ or ""), examples.get(kind, {})) for kind, body in kinds.items()
    }


def _posted(kind: str, schema: str, description: str, examples: dict[str, Any]) -> dict[str, Any]:
    headers = [
        {"name": name, "in": "header", "required": required, "description": said, "schema": _TEXT}
        for name, (said, required) in HEADERS.items()
    ]
    content = {"schema": {"$ref": REF.format(model=schema)}, **({"examples": examples} if examples else {})}
    answers = {
        "2XX": {"description": "Taken. Within 8 seconds, better within one."},
        "410": {"description": "The callback is disabled until `callback_url` is set again."},
        "default": {"description": "Not taken: docs/webhooks.md says what is tried again, and when."},
    }
    return {
        "post": {
            "operationId": f"event_{kind.replace('.', '_')}",
            "tags": ["events"],
            "summary": SUMMARIES[kind],
            "description": f"{description} Kinds and fields are added: ignore those that you do not know.",
            "parameters": headers,
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": answers,
            "security": [],
        }
    }
