"""The layers of the API that the server speaks, and what differs among them (https://core.telegram.org/api/layers).

It reads and writes in Telethon's layer. Of all that it writes, two constructors are others in an older layer that it speaks; they differ by
a field at the end that is never set here, so their bytes are the same but for the number in front.
"""

from __future__ import annotations

import struct
from typing import Any

from telethon.tl import types
from telethon.tl.alltlobjects import LAYER as LAYER

SPOKEN = frozenset({227, 228, 229})


class _User227(types.User):  # type: ignore[misc]  # Telethon has no types
    CONSTRUCTOR_ID = 0x31774388

    def _bytes(self) -> bytes:
        return _renumbered(self, super()._bytes())


class _Channel227(types.Channel):  # type: ignore[misc]
    CONSTRUCTOR_ID = 0x1C32B11C

    def _bytes(self) -> bytes:
        return _renumbered(self, super()._bytes())


def user_type(layer: int) -> Any:
    """Return what makes a `user` of a layer."""
    return _User227 if layer <= 227 else types.User


def channel_type(layer: int) -> Any:
    """Return what makes a `channel` of a layer."""
    return _Channel227 if layer <= 227 else types.Channel


def _renumbered(written: Any, data: bytes) -> bytes:
    if written.linked_community_id is not None:
        raise ValueError(f"layer 227 has no linked community: {type(written).__name__}")
    return struct.pack("<I", written.CONSTRUCTOR_ID) + data[4:]
