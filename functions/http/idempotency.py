"""The `Idempotency-Key` of a request (contract G7): a route that takes one declares `IdempotencyKey`; other writes refuse it."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import AfterValidator

from functions.http.callers import Caller
from functions.http.request_checks import WRITES, takes_header
from shared.errors import AvioError, Code
from shared.model.tenant import Tenant

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_FORM = re.compile(r"[\x21-\x7e]{1,255}")


def _checked(key: str) -> str:
    if not _FORM.fullmatch(key):
        raise ValueError("This should be 1 to 255 visible ASCII characters, without blanks.")
    return key


IdempotencyKey = Annotated[
    Annotated[str, AfterValidator(_checked)] | None,
    Header(
        description="Makes the request repeatable for 24 hours: a repeat with the same key gets the first answer. 1 to 255 visible ASCII "
        "characters, without blanks.",
        json_schema_extra={"minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
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
