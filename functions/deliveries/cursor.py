"""Where a page of the log goes on: a place in the index, told to callers as one word. Pure.

It is no secret and needs no signature: whatever a caller makes of it, it only says where in the tenant's own log to go on.
"""

from __future__ import annotations

import re

FORM = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}~[A-Za-z0-9_]{1,64}"
_CURSOR = re.compile(FORM)


def cursor_of(place: str) -> str:
    """Return the word for a place: without the `#`, which ends a URL's query."""
    return place.replace("#", "~", 1)


def place_at(cursor: str) -> str:
    """Return the place that a word stands for; raises ValueError where it is none of ours."""
    if not _CURSOR.fullmatch(cursor):
        raise ValueError("This is no cursor: take it from the page before, unchanged.")
    return cursor.replace("~", "#", 1)
