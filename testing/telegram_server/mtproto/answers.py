"""The bytes of what a server says: RPC results and errors (https://core.telegram.org/mtproto/service_messages).

Telethon's TL layer writes objects, but neither `rpc_result` nor bare vectors and booleans; those are here.
"""

from __future__ import annotations

import gzip
import struct
from typing import Any

from telethon.tl import TLObject, types

_RESULT = struct.Struct("<Iq")
_RPC_RESULT = 0xF35C6D01
_VECTOR = struct.pack("<I", 0x1CB5C415)
_TRUE, _FALSE = struct.pack("<I", 0x997275B5), struct.pack("<I", 0xBC799737)
_GZIPPED = struct.pack("<I", 0x3072CFA1)
_ZIP_FROM = 4096  # below it the client's unzipping costs more than the bytes


def serialized(value: Any) -> bytes:
    """Return a method's result as TL: an object, a boolean, or a vector of objects or of longs."""
    if value is True or value is False:
        return _TRUE if value else _FALSE
    if isinstance(value, list):
        return _VECTOR + struct.pack("<i", len(value)) + b"".join(_item(item) for item in value)
    data: bytes = value._bytes()
    return data


def _item(item: Any) -> bytes:
    return struct.pack("<q", item) if isinstance(item, int) else bytes(item)


def rpc_result(msg_id: int, value: Any) -> bytes:
    """Return the answer to the query `msg_id`, gzipped when that helps."""
    data = serialized(value)
    if len(data) > _ZIP_FROM and not isinstance(value, types.upload.File):
        zipped = gzip.compress(data, compresslevel=1)
        if len(zipped) < len(data):
            data = _GZIPPED + TLObject.serialize_bytes(zipped)
    return _RESULT.pack(_RPC_RESULT, msg_id) + data


def rpc_error(msg_id: int, code: int, message: str) -> bytes:
    """Return an error as the answer to the query `msg_id` (https://core.telegram.org/api/errors)."""
    return _RESULT.pack(_RPC_RESULT, msg_id) + bytes(types.RpcError(code, message))
