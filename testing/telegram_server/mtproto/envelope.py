"""What a client's message holds: one query, or a container of them, each perhaps gzipped.

https://core.telegram.org/mtproto/service_messages#containers. Each inner message is read by itself, so that one of an
unknown constructor spoils nothing but itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from telethon.extensions import BinaryReader

from testing.telegram_server.mtproto.reading import GZIPPED, read_query, unzipped

CONTAINER = 0x73F1F8DC
MAX_MESSAGES = 1020  # in one container; Telegram answers bad_msg_notification 64 beyond


class BadContainerError(Exception):
    """A container in a container, too many messages, or lengths that do not add up (error 64)."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One message of a client; `content` is a TL object or `Unknown`."""

    msg_id: int
    seq_no: int
    content: Any


def unpack(msg_id: int, seq_no: int, body: bytes) -> tuple[bool, list[Incoming]]:
    """Return whether the message was a container, and the messages in it in their order."""
    body = _unzip(body)
    if _constructor(body) != CONTAINER:
        return False, [Incoming(msg_id, seq_no, read_query(body))]
    return True, [Incoming(*parts[:2], read_query(_inner(parts[2]))) for parts in _split(body)]


def _split(body: bytes) -> list[tuple[int, int, bytes]]:
    try:
        (count,) = struct.unpack_from("<i", body, 4)
        parts, position = [], 8
        for _ in range(count if 0 <= count <= MAX_MESSAGES else -1):
            msg_id, seq_no, length = struct.unpack_from("<qii", body, position)
            position += 16 + length
            parts.append((msg_id, seq_no, body[position - length : position]))
    except struct.error:
        raise BadContainerError from None
    if len(parts) != count or position > len(body) or any(not part[2] for part in parts):
        raise BadContainerError
    return parts


def _inner(body: bytes) -> bytes:
    body = _unzip(body)
    if _constructor(body) == CONTAINER:
        raise BadContainerError
    return body


def _unzip(body: bytes) -> bytes:
    if _constructor(body) != GZIPPED:
        return body
    return unzipped(BinaryReader(body[4:]).tgread_bytes())


def _constructor(body: bytes) -> int:
    return int.from_bytes(body[:4], "little")
