"""The `Idempotency-Key` of a request (contract G7): a route that takes one declares `IdempotencyKey`; other writes refuse it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request, Response

from functions.http.callers import Caller
from functions.http.request_checks import WRITES, takes_header
from shared.errors import AvioError, Code
from shared.model.tenant import Tenant

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes the request repeatable: up to 255 visible ASCII characters.",
    ),
]


def refuse_unheeded_key(request: Request, _: Caller, __: Tenant | None) -> None:
    """Raise `not_supported` for a key that the route would ignore: its sender counts on it."""
    if request.method in WRITES and HEADER in request.headers and not takes_header(request, HEADER):
        detail = "This route takes no Idempotency-Key yet: leave the header out. A repeated request is carried out again."
        raise AvioError(Code.NOT_SUPPORTED, detail)


def mark_replayed(response: Response) -> None:
    """Say in an answer's headers that it repeats the answer to an earlier request."""
    response.headers[REPLAYED] = "true"
