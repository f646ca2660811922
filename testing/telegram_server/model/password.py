"""Two-step verification by SRP: the server knows a verifier, never the password (https://core.telegram.org/api/srp)."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from telethon import password as telethon_password
from telethon.tl import types

from testing.telegram_server.model.records import BYTES_AS_TEXT
from testing.telegram_server.mtproto.primes import PRIME, PRIME_BYTES, G, new_secret

_G_BYTES = G.to_bytes(256, "big")


@dataclass(frozen=True, slots=True)
class Verifier:
    """What is stored of a password: two salts, v = g^x, and the hint shown to whoever logs in."""

    __pydantic_config__ = BYTES_AS_TEXT

    salt1: bytes
    salt2: bytes
    v: bytes
    hint: str = ""

    @classmethod
    def of(cls, password: str, hint: str = "") -> Verifier:
        return cls(*_salted(password), hint)

    def algorithm(self) -> Any:
        return _algorithm(self.salt1, self.salt2)


@lru_cache(maxsize=16)
def _salted(password: str) -> tuple[bytes, bytes, bytes]:
    """Return salts and v. People with the same password share them here: v takes 0.1 s of processor time, and no client can tell."""
    salt1, salt2 = os.urandom(40), os.urandom(16)
    return salt1, salt2, telethon_password.compute_digest(_algorithm(salt1, salt2), password)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One account.getPassword answer that waits for its auth.checkPassword."""

    srp_id: int
    secret: int
    public: bytes

    @classmethod
    def to(cls, verifier: Verifier) -> Challenge:
        """Make B = kv + g^b."""
        secret, power = new_secret()
        public = (_k() * int.from_bytes(verifier.v, "big") + power) % PRIME
        return cls(secrets.randbits(62), secret, public.to_bytes(256, "big"))

    def passes(self, verifier: Verifier, a_bytes: bytes, proof: bytes) -> bool:
        """Check the client's M1, which only the right password can make."""
        a = int.from_bytes(a_bytes, "big")
        if not 0 < a < PRIME:
            return False
        a_bytes = a.to_bytes(256, "big")
        u = int.from_bytes(_hash(a_bytes, self.public), "big")
        v = int.from_bytes(verifier.v, "big")
        shared = _hash(pow(a * pow(v, u, PRIME) % PRIME, self.secret, PRIME).to_bytes(256, "big"))
        mixed = bytes(x ^ y for x, y in zip(_hash(PRIME_BYTES), _hash(_G_BYTES), strict=True))
        expected = _hash(mixed, _hash(verifier.salt1), _hash(verifier.salt2), a_bytes, self.public, shared)
        return secrets.compare_digest(expected, proof)


def new_algorithm() -> Any:
    """Return fresh salts for a password to be set."""
    return _algorithm(os.urandom(8), os.urandom(16))


def _algorithm(salt1: bytes, salt2: bytes) -> Any:
    return types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(salt1, salt2, G, PRIME_BYTES)


def _k() -> int:
    return int.from_bytes(_hash(PRIME_BYTES, _G_BYTES), "big")


def _hash(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()
