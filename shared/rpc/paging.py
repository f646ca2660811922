"""What the commands that read a list have in common."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, Field

MOST = 100
"""Entries of a page at most."""
MOST_BYTES = 2_000_000
"""A page's JSON in UTF-8 at most, unless one entry is larger. Lambda answers 6 MB at most, and its own JSON may double the page:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class Paged(BaseModel):
    """A page of a list: up to `limit` entries, from where the page before ended. Only the owner reads its own cursors."""

    limit: int = Field(50, ge=1, le=MOST)
    cursor: str | None = Field(None, max_length=200)


def size_of(entries: Iterable[BaseModel]) -> int:
    """Return the bytes of entries as they are answered."""
    return sum(len(entry.model_dump_json().encode()) for entry in entries)
