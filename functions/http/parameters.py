"""Parameters that several routes take. Each accepts exactly the form that the OpenAPI document gives."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, Field

T = TypeVar("T")
UUID_FORM = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
NUMBER_FORM = "[1-9][0-9]{0,8}"
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)  # https://www.rfc-editor.org/rfc/rfc3339#section-5.6
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)

TenantReference = Annotated[
    str,
    Path(
        description="The tenant, by its `id` (a UUID) or its `number`.",
        json_schema_extra={"pattern": f"^({NUMBER_FORM}|{UUID_FORM})$"},  # documented, not checked: any other text is 404 tenant_not_found
        openapi_examples={"number": {"value": "1"}},
    ),
]

TenantInQuery = Annotated[
    str,
    Query(
        description="The tenant, by its `number` or its `id` (a UUID).",
        json_schema_extra={"pattern": f"^({NUMBER_FORM}|{UUID_FORM})$"},
        openapi_examples={"number": {"value": "1"}},
    ),
]


def _rfc3339(value: Any) -> str:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError(_A_TIME)
    return value.replace(":60", ":59", 1) if value[17:19] == "60" else value  # a leap second counts as the end of its minute


def _in_utc(at: datetime) -> datetime:
    try:
        return max(at.astimezone(UTC), _EARLIEST)
    except OverflowError:
        return _EARLIEST if at.year < _EARLIEST.year else datetime.max.replace(tzinfo=UTC)


_A_TIME = "This should be a time in ISO 8601 with its offset, like 2026-03-01T00:00:00Z."
Since = Annotated[datetime, BeforeValidator(_rfc3339), AfterValidator(_in_utc), Field(examples=["2026-03-01T00:00:00Z"])]


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("This should be a whole number, in digits.")
    return value


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
"""A whole number in JSON; `1.0` is one too: https://json-schema.org/draft/2020-12/json-schema-core#section-4.2.3"""


EXACT = (1 << 53) - 1
"""The largest integer that every JSON parser reads as it is (RFC 8259, section 6)."""


def each_once(values: list[T]) -> list[T]:
    """Return the list; raises ValueError if it contains a value twice."""
    if len(set(values)) < len(values):
        raise ValueError("Each should be given once.")
    return values


Digits = BeforeValidator(_digits)
Limit = Annotated[Annotated[int, Field(ge=1, le=100)], Digits, Query(description="How many to return at most.")]
OpaqueCursor = Annotated[
    Annotated[str, Field(pattern="^[a-z0-9_-]{1,200}$")] | None,
    Query(description="Where the page begins, from the `Link` header of the page before. Give it back unchanged."),
]
