"""Cursors of lists: where a page ended, as text that fits into an address. Callers give them back unchanged.

A cursor is no secret and is not signed: any of its form is only a place in a list that its caller may read anyway.
"""

from __future__ import annotations

import re

from shared.errors import AvioError, Code

NUMBER = (0, (1 << 31) - 1)
"""The bounds of Telegram's message ids, dates and offsets."""
_FORM = re.compile(r"([a-z]+)((?:_-?[0-9]{1,19})+)")


def cursor_of(name: str, *place: int) -> str:
    """Return the cursor of a place in the list of this name (lower-case letters)."""
    return "_".join([name, *map(str, place)])


def place_of(cursor: str, name: str, *bounds: tuple[int, int]) -> tuple[int, ...]:
    """Return the place of a cursor: a number within each of the bounds. Raise `invalid_request` for one that is none of this list's."""
    found = _FORM.fullmatch(cursor)
    place = tuple(map(int, found[2].split("_")[1:])) if found and found[1] == name else ()
    if len(place) != len(bounds) or not all(least <= number <= most for number, (least, most) in zip(place, bounds, strict=True)):
        problem = "This is no cursor of this list. Take it unchanged from the `Link` header of the page before."
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "query.cursor", "problem": problem}])
    return place
