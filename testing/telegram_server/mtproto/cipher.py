"""MTProto 2.0 encryption (https://core.telegram.org/mtproto/description): AES-256-IGE under a key made of key and message.

payload   = auth_key_id:8  msg_key:16  encrypted
encrypted = salt:8 session_id:8 msg_id:8 seq_no:4 length:4 body padding(12-1024)
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from hashlib import sha1, sha256

from telethon.crypto import AES

_HEAD = struct.Struct("<qqqii")


class CipherError(Exception):
    """The payload was not made with this key."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A decrypted message of a client."""

    salt: int
    session_id: int
    msg_id: int
    seq_no: int
    body: bytes


def key_id(key: bytes) -> bytes:
    """Return the 8 bytes that name a key on the wire."""
    return sha1(key).digest()[-8:]  # noqa: S324  the protocol says SHA-1


def decrypt(key: bytes, payload: bytes) -> Plain:
    """Open a payload from the client and check its message key and lengths."""
    sealed = payload[24:]
    if not sealed or len(sealed) % 16:
        raise CipherError("not a multiple of 16 bytes")
    msg_key = payload[8:24]
    plain = AES.decrypt_ige(sealed, *_aes(key, msg_key, 0))
    if sha256(key[88:120] + plain).digest()[8:24] != msg_key:
        raise CipherError("the message key does not match")
    salt, session_id, msg_id, seq_no, length = _HEAD.unpack_from(plain)
    if length < 0 or length % 4 or not 12 <= len(plain) - _HEAD.size - length <= 1024:
        raise CipherError("wrong length or padding")
    return Plain(salt, session_id, msg_id, seq_no, plain[_HEAD.size : _HEAD.size + length])


def encrypt(key: bytes, name: bytes, message: Plain) -> bytes:
    """Seal a message of the server; `name` is `key_id(key)`."""
    plain = _HEAD.pack(message.salt, message.session_id, message.msg_id, message.seq_no, len(message.body)) + message.body
    plain += os.urandom(-(len(plain) + 12) % 16 + 12)
    msg_key = sha256(key[96:128] + plain).digest()[8:24]
    sealed: bytes = AES.encrypt_ige(plain, *_aes(key, msg_key, 8))
    return name + msg_key + sealed


def _aes(key: bytes, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
    a = sha256(msg_key + key[x : x + 36]).digest()
    b = sha256(key[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]
