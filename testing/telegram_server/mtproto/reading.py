"""Reading what clients send as TL: whatever is wrong with it ends as one error, and an unknown constructor says where it stood.

A query is read from the outside in: its wrappers (https://core.telegram.org/api/invoking) are whole even where the method that they hold
is not known, so that its layer is known before anything is said of it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl import functions
from telethon.tl.alltlobjects import tlobjects

GZIPPED = 0x3072CFA1
_MAX_UNPACKED = 16 << 20
_EITHER_HEADER = zlib.MAX_WBITS | 32  # gzip or zlib, told by the first bytes: clients send both
_WRAPPERS = {
    request.CONSTRUCTOR_ID
    for request in (
        functions.InvokeWithLayerRequest,
        functions.InitConnectionRequest,
        functions.InvokeWithoutUpdatesRequest,
        functions.InvokeAfterMsgRequest,
        functions.InvokeAfterMsgsRequest,
    )
}
_MALFORMED = (BufferError, ValueError, OverflowError, RuntimeError, struct.error)  # RuntimeError: Telethon's, for booleans and vectors


class UnreadableError(ValueError):
    """These bytes are no TL object."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A constructor that is not in the schema: in place of a method, or inside the one that `method` names."""

    constructor: int
    method: type | None = None


def read_object(data: bytes) -> tuple[Any, int]:
    """Return the object that `data` begins with, and its length; an unknown constructor is unreadable."""
    return _read(BinaryReader(data))


def read_query(data: bytes) -> Any:
    """Return the object in a client's message. An unknown constructor becomes `Unknown`, inside its wrappers."""
    return _read(_QueryReader(data))[0]


def unzipped(packed: bytes) -> bytes:
    """Undo gzip_packed, whose data is in gzip or zlib format (https://core.telegram.org/mtproto/service_messages#packed-object)."""
    inflating = zlib.decompressobj(_EITHER_HEADER)
    try:
        unpacked = inflating.decompress(packed, _MAX_UNPACKED)
    except zlib.error as error:
        raise UnreadableError("gzip_packed is neither gzip nor zlib") from error
    if not inflating.eof:
        raise UnreadableError("gzip_packed is cut off or too large")
    return unpacked


def _read(reader: BinaryReader) -> tuple[Any, int]:
    try:
        return reader.tgread_object(), reader.tell_position()
    except TypeNotFoundError as error:
        raise UnreadableError(f"unknown constructor {error.invalid_constructor_id:08x}") from error
    except _MALFORMED as error:
        raise UnreadableError(f"no TL object: {type(error).__name__}") from error


class _QueryReader(BinaryReader):  # type: ignore[misc]  # Telethon has no types
    """Knows whether it stands where a method may be: at the beginning and inside wrappers."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._expects_method = True

    def tgread_object(self) -> Any:
        if not self._expects_method:
            return super().tgread_object()
        (constructor,) = struct.unpack_from("<I", self.stream, self.position)
        if constructor == GZIPPED:
            self.position += 4
            return _QueryReader(unzipped(self.tgread_bytes())).tgread_object()
        return super().tgread_object() if constructor in _WRAPPERS else self._method(constructor)

    def _method(self, constructor: int) -> Any:
        self._expects_method = False
        try:
            return super().tgread_object()
        except TypeNotFoundError as error:
            return Unknown(error.invalid_constructor_id, tlobjects.get(constructor))
        finally:
            self._expects_method = True
