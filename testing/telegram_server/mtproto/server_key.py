"""The server's RSA key: clients encrypt the first step of the key exchange with its public half."""

from __future__ import annotations

import struct
from hashlib import sha1

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from telethon.tl import TLObject


class ServerKey:
    """A 2048-bit RSA key, its PKCS#1 public PEM and its fingerprint as Telegram computes it."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        numbers = key.private_numbers()
        self._p, self._q, self._dp, self._dq, self._inverse = numbers.p, numbers.q, numbers.dmp1, numbers.dmq1, numbers.iqmp
        public = numbers.public_numbers
        encoded = TLObject.serialize_bytes(public.n.to_bytes(256, "big")) + TLObject.serialize_bytes(public.e.to_bytes(3, "big"))
        self.fingerprint: int = struct.unpack("<q", sha1(encoded).digest()[-8:])[0]  # noqa: S324  the protocol says SHA-1
        self.public_pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.PKCS1).decode().strip()

    @classmethod
    def generate(cls) -> ServerKey:
        """Return a new key whose fingerprint has 16 hexadecimal digits.

        mtcute 0.30 compares the digits as text and leaves out leading zeros on one side alone, so it finds no key with a shorter one.
        """
        while True:
            key = cls(rsa.generate_private_key(public_exponent=65537, key_size=2048))
            if len(f"{key.fingerprint & 0xFFFF_FFFF_FFFF_FFFF:x}") == 16:
                return key

    @classmethod
    def load(cls, private_pem: bytes) -> ServerKey:
        key = serialization.load_pem_private_key(private_pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return cls(key)

    def private_pem(self) -> bytes:
        """Return the private key for the state file."""
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())

    def decrypt(self, cipher_text: bytes) -> bytes:
        """Undo raw RSA (no padding scheme: MTProto brings its own) and return 256 bytes."""
        value = int.from_bytes(cipher_text, "big")
        at_p, at_q = pow(value % self._p, self._dp, self._p), pow(value % self._q, self._dq, self._q)
        plain = at_q + self._q * ((self._inverse * (at_p - at_q)) % self._p)
        return plain.to_bytes(256, "big")
