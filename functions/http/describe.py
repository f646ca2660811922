"""What OpenAPI says of errors. It is only said: no model is made of it when a function starts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from functions.http.errors import STATUS
from shared.errors import DETAILS, Code


class InvalidField(BaseModel):
    """A field that does not have the form that the route takes."""

    field: str
    problem: str


class ErrorBody(BaseModel):
    """The one body that every error has. Some codes add a field of their own."""

    ok: Literal[False] = False
    error: Annotated[str, Field(description="A stable code.")]
    detail: Annotated[str, Field(description="A sentence for people.")]
    request_id: Annotated[str, Field(description="Also in the `X-Request-Id` header, and in our log.")]
    retry_after_seconds: Annotated[float | None, Field(description="On 429, 503 and `peer_flood`, where it is known.")] = None
    state: Annotated[str | None, Field(description="With `not_authorized`: the account's state.")] = None
    restricted_until: Annotated[datetime | None, Field(description="With `peer_flood`: when this account may try strangers again.")] = None
    frozen_until: Annotated[
        datetime | None, Field(description="With `account_frozen`: when Telegram deletes the account, unless an appeal has succeeded.")
    ] = None
    appeal_url: Annotated[str | None, Field(description="With `account_frozen`: where to appeal.")] = None
    telegram_error: Annotated[str | None, Field(description="Telegram's own name for why it refused, where that says more.")] = None
    price_stars: Annotated[int | None, Field(description="With `paid_message`: what one message costs, in Telegram Stars.")] = None
    fields: Annotated[list[InvalidField] | None, Field(description="With `invalid_request`: what is wrong.")] = None


ERROR_BODY = "#/components/schemas/ErrorBody"
"""Where the document holds `ErrorBody`: local/openapi.py puts it there."""


def errors(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that can answer these codes, next to what every route can."""
    described: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys((*codes, Code.INVALID_REQUEST, Code.UNAVAILABLE, Code.INTERNAL_ERROR)):
        status = STATUS[code]
        entry = described.setdefault(
            status, {"description": "", "content": {"application/json": {"schema": {"$ref": ERROR_BODY}, "examples": {}}}}
        )
        entry["description"] = (entry["description"] + f"\n\n`{code}`: {DETAILS[code]}").strip()
        entry["content"]["application/json"]["examples"][code.value] = {"value": _example(code)}
        if status in (429, 503):
            entry["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return described


def _example(code: Code) -> dict[str, Any]:
    body: dict[str, Any] = {"ok": False, "error": code.value, "detail": DETAILS[code], "request_id": "3b0f1c52-6a1e-4f0e-9a55-0c1f4b1f8f0e"}
    match code:
        case Code.INVALID_REQUEST:
            return {**body, "fields": [{"field": "body.name", "problem": "Field required"}]}
        case Code.NOT_AUTHORIZED:
            return {**body, "state": "logged_out"}
        case Code.PEER_FLOOD:
            return {**body, "retry_after_seconds": 86400, "restricted_until": "2026-11-22T12:00:00+00:00"}
        case Code.ACCOUNT_FROZEN:
            return {**body, "frozen_until": "2026-12-22T12:00:00+00:00", "appeal_url": "https://t.me/spambot?start=appeal"}
        case _ if STATUS[code] in (429, 503):
            return {**body, "retry_after_seconds": 5}
        case _:
            return body
