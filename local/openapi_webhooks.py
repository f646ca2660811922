"""What the document says of the events that are posted to callbacks: from the models that their bodies are made by."""

from __future__ import annotations

from typing import Any

from functions.callback_delivery.body import EventBody, TestBody

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


def schemas() -> dict[str, Any]:
    """Return the events' schemas, by name."""
    event, test = (body.model_json_schema(mode="serialization", ref_template=REF) for body in (EventBody, TestBody))
    return {**event.pop("$defs"), **test.pop("$defs"), "EventBody": event, "TestBody": test}


def webhooks() -> dict[str, Any]:
    """Return the document's webhooks: one for each kind of event."""
    return {
        "message": _posted(
            "message", "A message came", "A message that the account received.", "EventBody", {"message": {"value": MESSAGE}}
        ),
        "test": _posted(
            "test",
            "A test",
            "What `POST /tenants/{tenant}/callback/test` posts. Answer it with 2xx, and do nothing else with it.",
            "TestBody",
            {},
        ),
    }


def _posted(kind: str, summary: str, description: str, schema: str, examples: dict[str, Any]) -> dict[str, Any]:
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
            "operationId": f"event_{kind}",
            "tags": ["events"],
            "summary": summary,
            "description": f"{description} Kinds and fields are added: ignore those that you do not know.",
            "parameters": headers,
            "requestBody": {"required": True, "content": {"application/json": content}},
            "responses": answers,
            "security": [],
        }
    }
