"""What OpenAPI says of errors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from functions.http.errors import STATUS
from shared.errors import DETAILS, Code


class ErrorBody(BaseModel):
    """The one body that every error has; some codes add fields of their own, like `retry_after_seconds`."""

    ok: bool = False
    error: str
    detail: str
    request_id: str


def errors(*codes: Code) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that can answer these codes, next to what every route can."""
    described: dict[int | str, dict[str, Any]] = {}
    for code in (*codes, Code.INVALID_REQUEST, Code.UNAVAILABLE):
        entry = described.setdefault(STATUS[code], {"model": ErrorBody, "description": ""})
        entry["description"] = (entry["description"] + f"\n\n`{code}`: {DETAILS[code]}").strip()
    return described
