"""Where a page of the log goes on: a place in the index, told to callers as one opaque word. Pure.

It is no secret and needs no signature: whatever a caller makes of it, it only says where in the tenant's own log to go on.
"""

from __future__ import annotations

import base64
import binascii
import re

_PLACE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}#[A-Za-z0-9_]{1,64}")


def cursor_of(place: str) -> str:
    """Return the word for a place."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def place_at(cursor: str) -> str:
    """Return the place that a word stands for; raises ValueError where it is none of ours."""
    try:
        place = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("This is no cursor.") from error
    if not _PLACE.fullmatch(place):
        raise ValueError("This is no cursor.")
    return place
