"""What the commands that read a list have in common."""

from __future__ import annotations

from pydantic import BaseModel, Field

MOST = 100
"""Entries of a page at most: an answer has to pass the private interface and a function, which takes 6 MB."""


class Paged(BaseModel):
    """A page of a list: up to `limit` entries, from where the page before ended. Only the owner reads its own cursors."""

    limit: int = Field(50, ge=1, le=MOST)
    cursor: str | None = Field(None, max_length=200)
