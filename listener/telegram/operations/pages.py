"""Pages of lists: filling one from Telegram's answers, and the cursor that says where it ended.

A cursor is text that fits into an address; callers give it back unchanged. It is no secret and is not signed: any of its form is only a
place in a list that its caller may read anyway.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pydantic import BaseModel

from listener.telegram.requests.unreadable import Unreadable
from shared.errors import AvioError, Code
from shared.rpc.paging import MOST_BYTES, size_of

P = TypeVar("P")
E = TypeVar("E", bound=BaseModel)
MOST_PARTS = 20
"""Parts of which a page is made at most; then it is shorter. One or two are enough unless much is passed over or cannot be read."""

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


async def filled(start: P, limit: int, part: Callable[[P, int], Awaitable[tuple[list[E], P | None]]]) -> tuple[list[E], P | None]:
    """Return up to `limit` entries from a place on, and the place behind them, None at the end of the list.

    `part` returns up to so many entries from a place on, and where they end. It may return fewer, and raises Unreadable for several of
    which one cannot be read: then fewer are asked for. So are they where the page would be too large.
    """
    found: list[E] = []
    place: P | None = start
    most, size = limit, 0
    for _ in range(MOST_PARTS):
        count = min(most, limit - len(found))
        if place is None or not count:
            break
        try:
            some, following = await part(place, count)
        except Unreadable:
            most = count // 2
            continue
        size += size_of(some)
        if size > MOST_BYTES and count > 1:
            if found:
                break
            most, size = count // 2, 0
            continue
        found += some
        place, most = following, most * 2
    return found, place
