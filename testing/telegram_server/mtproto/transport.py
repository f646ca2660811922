"""MTProto transports: how a payload is framed on a TCP stream (https://core.telegram.org/mtproto/mtproto-transports).

    full          length seq payload crc32       no tag: told by its first packet, whose sequence number is 0
    abridged      length/4 in 1 or 4 bytes       tag ef
    intermediate  length payload                 tag ee ee ee ee
    padded        length payload 0-15 random     tag dd dd dd dd

I/O-free: bytes go in, payloads come out. A server's error is a payload of four bytes, e.g. -404 for an unknown key.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from zlib import crc32

MAX_PAYLOAD = 1_100_000  # a container of 1,044,456 bytes is the most that Telegram takes; beyond it the connection closes
UNKNOWN_KEY_CODE = -404
_PLAIN_HEAD, _SEALED_HEAD = 20, 24  # bytes: key id 0, message id and length; key id and message key


class TransportError(Exception):
    """The stream is not what its transport says; the connection cannot go on."""


class Framing:
    """Cut a stream into payloads, and frame payloads for it; the transport is recognised by the first bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._take: Callable[[], bytes | None] | None = None
        self._frame: Callable[[bytes], bytes] = self._frame_full
        self._sent = self._received = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the payloads that `data` completes."""
        self._buffer += data
        payloads: list[bytes] = []
        if self._take is None and not self._recognise():
            return payloads
        assert self._take is not None
        while (payload := self._take()) is not None:
            payloads.append(payload)
        return payloads

    def frame(self, payload: bytes) -> bytes:
        """Return `payload` as it goes on the wire, in the transport that the client chose."""
        return self._frame(payload)

    def _recognise(self) -> bool:
        if self._buffer[:1] == b"\xef":
            self._take, self._frame = self._take_abridged, self._frame_abridged
            del self._buffer[:1]
        elif len(self._buffer) < 4:
            return False
        elif self._buffer[:4] in (b"\xee" * 4, b"\xdd" * 4):
            padded = self._buffer[:1] == b"\xdd"
            self._take, self._frame = self._take_padded if padded else self._take_intermediate, self._frame_intermediate
            del self._buffer[:4]
        else:
            self._take = self._take_full
        return True

    def _cut(self, head: int, length: int) -> bytes | None:
        if length < 0 or length > MAX_PAYLOAD:
            raise TransportError(f"a payload of {length} bytes")
        if len(self._buffer) < head + length:
            return None
        payload = bytes(self._buffer[head : head + length])
        del self._buffer[: head + length]
        return payload

    def _take_full(self) -> bytes | None:
        if len(self._buffer) < 4:
            return None
        (length,) = struct.unpack_from("<i", self._buffer)
        if length < 12:
            raise TransportError(f"a frame of {length} bytes")
        packet = self._cut(0, length)
        if packet is None:
            return None
        if struct.unpack_from("<i", packet, 4)[0] != self._received:
            raise TransportError("a frame out of sequence")
        if crc32(packet[:-4]) != struct.unpack_from("<I", packet, length - 4)[0]:
            raise TransportError("a frame with a wrong checksum")
        self._received += 1
        return packet[8:-4]

    def _take_abridged(self) -> bytes | None:
        if not self._buffer or (self._buffer[0] & 0x7F == 0x7F and len(self._buffer) < 4):
            return None
        first = self._buffer[0] & 0x7F
        if first < 0x7F:
            return self._cut(1, first * 4)
        return self._cut(4, int.from_bytes(self._buffer[1:4], "little") * 4)

    def _take_intermediate(self) -> bytes | None:
        return self._cut(4, int.from_bytes(self._buffer[:4], "little")) if len(self._buffer) >= 4 else None

    def _take_padded(self) -> bytes | None:
        payload = self._take_intermediate()
        return payload[: _size_within(payload)] if payload is not None else None

    def _frame_full(self, payload: bytes) -> bytes:
        packet = struct.pack("<ii", len(payload) + 12, self._sent) + payload
        self._sent += 1
        return packet + struct.pack("<I", crc32(packet))

    def _frame_abridged(self, payload: bytes) -> bytes:
        words = len(payload) // 4
        return (bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")) + payload

    def _frame_intermediate(self, payload: bytes) -> bytes:
        return struct.pack("<I", len(payload)) + payload


def _size_within(padded: bytes) -> int:
    """Return how much of a payload is no padding: a plain message names its length, what is encrypted comes in blocks of 16 bytes."""
    if len(padded) < _PLAIN_HEAD:
        return len(padded)
    if any(padded[:8]):
        return len(padded) - (len(padded) - _SEALED_HEAD) % 16
    return _PLAIN_HEAD + int.from_bytes(padded[16:20], "little")


def transport_error(code: int) -> bytes:
    """Return the payload of a transport error, e.g. -404 or -429."""
    return struct.pack("<i", code)
