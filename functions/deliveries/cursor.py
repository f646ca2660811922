"""Cursors: a position in the index of deliveries, in a form that fits into a URL. Pure.

A cursor is no secret and is not signed: any value of its form is only a position in the tenant's own log.
"""

from __future__ import annotations

import re

FORM = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}~[A-Za-z0-9_]{1,64}"
_CURSOR = re.compile(FORM)


def cursor_of(position: str) -> str:
    """Return the cursor of a position. It has no `#`, which would end a URL's query."""
    return position.replace("#", "~", 1)


def position_of(cursor: str) -> str:
    """Return the position of a cursor; raises ValueError if it does not have the form of a cursor."""
    if not _CURSOR.fullmatch(cursor):
        raise ValueError("Invalid cursor. Take it unchanged from the page before.")
    return cursor.replace("~", "#", 1)
