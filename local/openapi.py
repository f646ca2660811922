"""The one OpenAPI document of all functions together.

Each function bundles its own code only, so no function could generate it. It is generated here, kept as docs/openapi.json, and served
from there by functions/tenants.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from functions.auth import email_routes, import_routes, proxy_routes, public_routes, qr_routes
from functions.auth import routes as auth
from functions.callbacks import dev_receiver as receiver
from functions.deliveries import event_routes as events
from functions.deliveries import routes as deliveries
from functions.http.app import TITLE
from functions.http.openapi_responses import ErrorBody, error_schema
from functions.media import routes as media
from functions.messages import routers as messages
from functions.providers import public_routes as whatsapp_public_routes
from functions.providers import token_routes, webhook_routes
from functions.tenants import api_info_routes, callback_routes, credential_routes
from functions.tenants import routes as tenants
from local import errors_page, openapi_operations, openapi_webhooks
from shared.errors import Code
from shared.version import VERSION

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"
ROUTERS = (
    tenants.router,
    credential_routes.router,
    callback_routes.router,
    auth.router,
    email_routes.router,
    import_routes.router,
    proxy_routes.router,
    qr_routes.router,
    public_routes.router,
    media.router,
    *messages.ROUTERS,
    deliveries.router,
    events.router,
    webhook_routes.router,
    token_routes.router,
    whatsapp_public_routes.router,
    receiver.router,
    api_info_routes.router,
)
DESCRIPTION = """Plug people's own Telegram accounts into your software: log in, send and receive over HTTP.

**Callers.** `X-Admin-Token` may do everything. `Authorization: Bearer <tenant key>` may do what the key's scopes allow in its own tenant;
other tenants look absent to it. `?k=<public key>` opens `/pub/*` alone: it is for front ends.

**Tenants** are named in paths by their `id` (a UUID) or by their `number`.

**Requests.** Bodies are JSON in UTF-8, with `Content-Type: application/json`, of 1 MiB at most; a byte order mark is passed over, and of a
field given twice the last counts. What a route does not take is refused, not passed over: unknown fields and query parameters, a query
parameter given twice, a body where none is read, `Idempotency-Key` where a route does not have it, `Prefer: respond-async` and conditional
headers. An address has one
spelling: no slash at its end, no doubled ones, capitals count, and an escaped slash (`%2F`) is a slash. `HEAD` is served wherever `GET` is.

**Errors** have one body: `{"ok": false, "error": "<code>", "detail": "<for people>", "request_id": "..."}` and the code's own fields.
`detail` says the first thing that is wrong. Every answer has its `X-Request-Id`, by which our logs name the request. 401 carries
`WWW-Authenticate`, 405 `Allow`, 429 and 503 `Retry-After`. An address that there is not is 404 `not_found`. What is larger than API Gateway
takes (6 MB), or comes too often for it, is answered by the gateway itself: 413 or 429 with `{"message": "..."}`.

**Events** (see webhooks) are posted to the tenant's `callback_url`, in order per chat, at least once, with the same `webhook-id` each time.
They are signed by Standard Webhooks (`webhook-signature`) and by `X-Signature: sha256=<hex HMAC-SHA256 of the body>`."""
SERVERS = [
    {"url": "/", "description": "Where this document was loaded from."},
    {"url": "http://127.0.0.1:8000", "description": "`make up` on your machine."},
]
TAGS = [
    {"name": "tenants", "description": "Your customers: each has its own keys, callback and account."},
    {"name": "callbacks", "description": "Several places for a tenant's events, each with its own choice, order and backlog."},
    {"name": "accounts", "description": "A tenant's Telegram account: its status, log-in by phone, log-out."},
    {"name": "public", "description": "Log-in by QR code from a front end, with a public key in `?k=`; deprecated."},
    {"name": "messages", "description": "Sending as the account's person."},
    {"name": "media", "description": "Photos, videos and files of messages."},
    {"name": "chats", "description": "Reading what the account has: its chats, their messages and members."},
    {"name": "people", "description": "The account itself, users, contacts, and whom a name or phone leads to."},
    {"name": "deliveries", "description": "What became of each event at the tenant's callback; replays; a test."},
    {"name": "events", "description": "What is posted to the tenant's `callback_url`."},
    {"name": "providers", "description": "Other software that holds messenger accounts, and posts what they receive."},
    {"name": "development", "description": "There only where `DEV_CALLBACK_RECEIVER=1`."},
    {"name": "about", "description": "The API itself."},
]


def document() -> dict[str, Any]:
    """Return the document."""
    app = FastAPI(
        title=TITLE, version=VERSION, description=DESCRIPTION, openapi_tags=TAGS, generate_unique_id_function=lambda route: route.name
    )
    for router in ROUTERS:
        app.include_router(router)
    described = app.openapi()
    schemas, inputs = described["components"]["schemas"], set()
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            openapi_operations.finish(method, path, operation)
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            inputs |= openapi_operations.named_in(body, schemas)
    for name, schema in schemas.items():
        if name in inputs:
            openapi_operations.optional(schema)
        elif "properties" in schema:
            openapi_operations.always(schema)
    error_body = ErrorBody.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    openapi_operations.optional(error_body)
    described["components"]["schemas"] |= {**error_body.pop("$defs"), "ErrorBody": error_body, **openapi_webhooks.schemas()}
    described["components"]["schemas"]["Code"] |= error_schema(Code)
    return {**described, "servers": SERVERS, "webhooks": openapi_webhooks.webhooks()}


def text() -> str:
    """Return the document as it is kept: sorted, so that what did not change stays where it was."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] = ()) -> None:
    """Write docs/openapi.json, and docs/errors.md with all error codes."""
    del arguments
    DOCUMENT.write_text(text())
    errors_page.main()


if __name__ == "__main__":
    main()
