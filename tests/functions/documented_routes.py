"""Every route of the OpenAPI document, with a valid body for each and the checks that all of them share."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx

from local import openapi
from tests.functions.api import PUBLIC_KEY

DOCUMENT = openapi.document()


ROUTES = [(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods]


WITH_BODY = [(method, path) for method, path in ROUTES if "requestBody" in DOCUMENT["paths"][path][method.lower()]]


WITH_TENANT = [(method, path) for method, path in ROUTES if "{tenant}" in path]


MODELLED = [(method, path) for method, path in WITH_BODY if not path.startswith("/dev/")]


BODIES: dict[str, dict[str, Any]] = {
    "/tenants": {"name": "Shop"},
    "/tenants/{tenant}": {"name": "Shop"},
    "/tenants/{tenant}/keys": {"scopes": ["read"]},
    "/tenants/{tenant}/auth/start": {"phone": "+79001234567"},
    "/tenants/{tenant}/auth/email": {"email": "ann@example.org"},
    "/tenants/{tenant}/auth/email/verify": {"code": "123456"},
    "/tenants/{tenant}/auth/import": {"session": "1", "other_client_stopped": True},
    "/tenants/{tenant}/proxy": {"type": "socks5", "host": "proxy.example", "port": 1080},
    "/tenants/{tenant}/auth/verify": {"phone": "+79001234567", "code": "12345"},
    "/pub/tg/2fa": {"tenant": 1, "password": "x"},
    "/tenants/{tenant}/deliveries/replay": {"since": "2026-03-01T00:00:00Z"},
    "/tenants/{tenant}/messages/send": {"peer": "me", "text": "x"},
    "/send": {"tenant": 1, "to": "me", "text": "x"},
    "/tenants/{tenant}/uploads": {"size": 1},
    "/tenants/{tenant}/messages/location": {"peer": "me", "latitude": 1.5, "longitude": 2.5},
    "/tenants/{tenant}/messages/contact": {"peer": "me", "phone": "+79001234567", "first_name": "Ann"},
    "/tenants/{tenant}/messages/poll": {"peer": "me", "question": "Tea?", "answers": ["yes", "no"]},
    "/tenants/{tenant}/messages/forward": {"peer": "me", "from_peer": "me", "message_ids": [1]},
    "/webhook": {
        "event": "messages.incoming",
        "tenant": 999_999,
        "channel": "whatsapp",
        "message_id": "ABCD123",
        "from": "79991234567",
        "text": "x",
        "ts": 1716748800,
    },
    "/tenants/{tenant}/callbacks": {"callback_url": "https://example.com/hook"},
    "/tenants/{tenant}/callbacks/{callback_id}": {"callback_url": "https://example.com/hook"},
    "/tenants/{tenant}/events/ack": {"cursor": "x"},
    "/tenants/{tenant}/messages/edit": {"peer": "me", "message_id": 1, "text": "x"},
    "/tenants/{tenant}/messages/delete": {"peer": "me", "message_ids": [1]},
    "/tenants/{tenant}/messages/react": {"peer": "me", "message_id": 1, "reactions": ["👍"]},
    "/tenants/{tenant}/messages/pin": {"peer": "me", "message_id": 1},
    "/tenants/{tenant}/messages/unpin": {"peer": "me", "message_id": 1},
    "/tenants/{tenant}/messages/read-receipt": {"peer": "me", "max_id": 1},
    "/tenants/{tenant}/messages/mark-unread": {"peer": "me"},
    "/tenants/{tenant}/messages/action": {"peer": "me"},
    "/tenants/{tenant}/contacts": {"phone": "+79001234567", "first_name": "Ann"},
    "/tenants/{tenant}/peers/resolve": {"peer": "me"},
}


def body_of(path: str, tenant: int) -> dict[str, Any] | None:
    """Return a valid body of a route, None if it takes none. A body that names a tenant names this one, by its number."""
    body = BODIES.get(path)
    return body if body is None or "tenant" not in body else {**body, "tenant": tenant}


def filled(path: str, tenant: str) -> str:
    """Return a route's address for a tenant; what else it names does not exist. A public route's has the public key."""
    if path.startswith("/pub/"):
        wanted = {parameter["name"] for parameter in DOCUMENT["paths"][path].get("get", {}).get("parameters", [])}
        values = {"tenant": tenant, "qr_id": "0" * 32}
        return f"{path}?{urlencode({'k': PUBLIC_KEY, **{name: values[name] for name in wanted & set(values)}})}"
    own = {"key_id": "0" * 12, "event_id": "evt_" + "0" * 32, "callback_id": "cb_" + "0" * 12, "media_id": "med_1"}
    return path.format(tenant=tenant, chat="me", peer="me", message_id=1, **own)


def assert_refused(answer: httpx.Response, *statuses: int) -> None:
    """Check that an answer is an error of the one form, under one of these statuses."""
    body = answer.json()
    assert answer.status_code in statuses, (answer.status_code, body)
    assert body["ok"] is False
    assert body["error"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-Id"]


WRONG_VALUES: list[Any] = [None, True, 1, 1.5, "", "\x00", "\ud800", "x" * 70_000, [], {}, [[]], -1, 10**30, "٣", " ", "\u202e"]
