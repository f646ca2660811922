"""Bytes in place of a TL object: what a client does not know, as it happens with each new layer."""

from __future__ import annotations

import struct
from typing import Any

from telethon.tl import TLObject

UNKNOWN = struct.pack("<I", 0x0BADF00D)
"""A constructor that is in no layer."""


class Raw(TLObject):  # type: ignore[misc]  # Telethon has no types
    """An object that is written as these bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def to_dict(self) -> dict[str, Any]:
        return {"_": "Raw", "data": self.data}

    def _bytes(self) -> bytes:
        return self.data


def with_unknown(answer: Any) -> Any:
    """Return an answer whose first list ends with a constructor that nobody knows; where it has no list, it is one itself."""
    for items in vars(answer).values() if isinstance(answer, TLObject) else ():
        if isinstance(items, list) and items:
            items[-1] = Raw(UNKNOWN)
            return answer
    return Raw(UNKNOWN)
