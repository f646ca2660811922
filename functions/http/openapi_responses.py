"""Describes errors and pages for OpenAPI, as plain data: no pydantic model is built for it when a function starts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from functions.http.errors import STATUS
from functions.http.idempotency import REPLAYED
from functions.http.rate_limit_headers import LIMIT, POLICY
from functions.http.validation_errors import in_words
from shared.errors import DETAILS, Code


class InvalidField(BaseModel):
    """A field that the route does not accept, and why."""

    field: str
    problem: str


class ErrorBody(BaseModel):
    """The one body that every error has. Some codes add a field of their own."""

    ok: Literal[False]
    error: Annotated[Code, Field(description="A stable code; each status names those that it is for.")]
    detail: Annotated[str, Field(description="For people: what is wrong, and what to do.")]
    request_id: Annotated[str, Field(description="Also in the `X-Request-Id` header, and in our logs.")]
    retry_after_seconds: Annotated[
        float | None, Field(description="On 429, 503, `peer_flood` and `request_in_progress`, where it is known.")
    ] = None
    state: Annotated[str | None, Field(description="With `not_authorized`: the account's state.")] = None
    restricted_until: Annotated[datetime | None, Field(description="With `peer_flood`: when this account may try strangers again.")] = None
    frozen_until: Annotated[
        datetime | None, Field(description="With `account_frozen`: when Telegram deletes the account, unless an appeal has succeeded.")
    ] = None
    appeal_url: Annotated[str | None, Field(description="With `account_frozen`: where to appeal.")] = None
    telegram_error: Annotated[str | None, Field(description="Telegram's own name for why it refused, where that says more.")] = None
    price_stars: Annotated[int | None, Field(description="With `paid_message`: what one message costs, in Telegram Stars.")] = None
    fields: Annotated[list[InvalidField] | None, Field(description="With `invalid_request`: what is wrong.")] = None
    status: Annotated[
        int | None, Field(description="With `callback_failed` and `attachment_unreachable`: the status that the address answered.")
    ] = None
    fault: Annotated[str | None, Field(description="With `callback_failed` and `attachment_unreachable`: why there was no answer.")] = None
    duration_ms: Annotated[int | None, Field(description="With `callback_failed`: how long the attempt took.")] = None
    answer: Annotated[str | None, Field(description="With `callback_failed`: how the callback's answer began.")] = None


ERROR_BODY = "#/components/schemas/ErrorBody"
"""The place of `ErrorBody` in the document; local/openapi.py puts it there."""


REQUEST_ID = {"X-Request-Id": {"description": "The request's id, also in our logs.", "required": True, "schema": {"type": "string"}}}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"description": "`Bearer`.", "required": True, "schema": {"type": "string"}}},
    405: {"Allow": {"description": "The methods that this address takes.", "required": True, "schema": {"type": "string"}}},
    **{status: {"Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "integer"}}} for status in (429, 503)},
}


def errors(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that can answer with these codes, and with those that every route can answer with."""
    by_status: dict[int, list[Code]] = {}
    for code in dict.fromkeys((*codes, Code.INVALID_REQUEST, Code.UNAVAILABLE, Code.INTERNAL_ERROR)):
        by_status.setdefault(STATUS[code], []).append(code)
    return {status: _described(status, theirs) for status, theirs in by_status.items()}


RATE_HEADERS = {
    POLICY: {
        "description": 'The tenant\'s rate limit, `"tenant";q=<requests>;w=<seconds>` (draft-ietf-httpapi-ratelimit-headers-10).',
        "schema": {"type": "string"},
    },
    LIMIT: {
        "description": 'What is left of it: `"tenant";r=<requests>;t=<seconds until there is one more>`, without `t` where nothing counts.',
        "schema": {"type": "string"},
    },
}
REPLAYED_HEADER = {
    REPLAYED: {"description": "`true` where this is the answer to an earlier request with this key.", "schema": {"type": "string"}}
}


def acting(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that acts (acting.py), and that can answer with these codes."""
    of_acting = (Code.RATE_LIMITED, Code.IDEMPOTENCY_KEY_REUSED, Code.REQUEST_IN_PROGRESS, Code.OUTCOME_UNKNOWN)
    return {**errors(*codes, *of_acting), 200: {"headers": {**RATE_HEADERS, **REPLAYED_HEADER}}}


def paged() -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that puts its next page into the `Link` header."""
    link = {"description": 'The next page, where there is one: `<address>; rel="next"` (RFC 8288).', "schema": {"type": "string"}}
    return {200: {"headers": {"Link": link}}}


def never_null(schema: dict[str, Any]) -> None:
    """Change the schema of an optional field so that it does not allow null."""
    schema.update(next(branch for branch in schema.pop("anyOf") if branch.get("type") != "null"))
    schema.pop("default", None)


def error_schema(codes: Iterable[Code]) -> dict[str, Any]:
    """Return the schema of an error's code. It names the codes for generators: some begin with a digit, which no language takes."""
    listed = list(codes)
    return {"type": "string", "enum": [code.value for code in listed], "x-enum-varnames": [code.name for code in listed]}


def _described(status: int, codes: list[Code]) -> dict[str, Any]:
    said = {"type": "object", "required": ["error"], "properties": {"error": error_schema(codes)}}
    return {
        "description": "\n\n".join(f"`{code}`: {DETAILS[code]}" for code in codes),
        "headers": {**REQUEST_ID, **_HEADERS.get(status, {})},
        "content": {
            "application/json": {
                "schema": {"allOf": [{"$ref": ERROR_BODY}, said]},
                "examples": {code.value: {"value": _example(code)} for code in codes},
            }
        },
    }


def _example(code: Code) -> dict[str, Any]:
    body: dict[str, Any] = {"ok": False, "error": code.value, "detail": DETAILS[code], "request_id": "3b0f1c52-6a1e-4f0e-9a55-0c1f4b1f8f0e"}
    match code:
        case Code.INVALID_REQUEST:
            field = {"field": "body.name", "problem": "This field is required."}
            return {**body, "detail": in_words([field]), "fields": [field]}
        case Code.NOT_AUTHORIZED:
            return {**body, "state": "logged_out"}
        case Code.PEER_FLOOD:
            return {**body, "retry_after_seconds": 86400, "restricted_until": "2026-11-22T12:00:00+00:00"}
        case Code.ACCOUNT_FROZEN:
            return {**body, "frozen_until": "2026-12-22T12:00:00+00:00", "appeal_url": "https://t.me/spambot?start=appeal"}
        case _ if STATUS[code] in (429, 503) or code is Code.REQUEST_IN_PROGRESS:
            return {**body, "retry_after_seconds": 5}
        case _:
            return body
