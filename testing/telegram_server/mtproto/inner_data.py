"""The first secret of a key exchange, p_q_inner_data: it comes under RSA, in one of two paddings.

RSA_PAD    temp_key XOR SHA256(sealed):32  sealed:224      sealed = AES-256-IGE(reversed:192  SHA256(temp_key + padded):32)
the old    zero:1  SHA1(data):20  data  random             what Telethon still sends for keys that it calls new

https://core.telegram.org/mtproto/auth_key#41-rsa-paddata-server-public-key-mentioned-above-is-implemented-as-follows
"""

from __future__ import annotations

from hashlib import sha1, sha256
from typing import Any

from telethon.crypto import AES
from telethon.tl import types

from testing.telegram_server.mtproto.reading import read_object

_KINDS = (types.PQInnerData, types.PQInnerDataDc, types.PQInnerDataTemp, types.PQInnerDataTempDc)


class InnerDataError(ValueError):
    """What was under the encryption is not what belongs there."""


def open_inner_data(plain: bytes) -> Any:
    """Return the p_q_inner_data in 256 bytes that RSA gave: one of its four variants."""
    padded = _unpadded(plain)
    inner, size = read_object(padded if padded is not None else plain[21:])
    if padded is None and (plain[0] or sha1(plain[21 : 21 + size]).digest() != plain[1:21]):  # noqa: S324  the protocol says SHA-1
        raise InnerDataError("p_q_inner_data does not match its hash")
    if not isinstance(inner, _KINDS):
        raise InnerDataError(f"{type(inner).__name__} in place of p_q_inner_data")
    return inner


def _unpadded(plain: bytes) -> bytes | None:
    """Return the 192 bytes that RSA_PAD holds, None when the padding is another."""
    masked, sealed = plain[:32], plain[32:]
    temp_key = bytes(a ^ b for a, b in zip(masked, sha256(sealed).digest(), strict=True))
    opened = AES.decrypt_ige(sealed, temp_key, bytes(32))
    data = opened[:192][::-1]
    return data if sha256(temp_key + data).digest() == opened[192:] else None
