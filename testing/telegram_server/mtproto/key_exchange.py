"""The key exchange, from req_pq_multi to dh_gen_ok (https://core.telegram.org/mtproto/auth_key).

    client                      server
    req_pq_multi           ->   resPQ                 pq, our key's fingerprint
    req_DH_params          ->   server_DH_params_ok   inner data under RSA; g_a under a key made of both nonces
                                server_DH_params_fail when pq was factored wrongly
    set_client_DH_params   ->   dh_gen_ok             both know g^ab: the authorisation key

I/O-free. A client may start again at any time on the same connection; Telethon does so when a step fails.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from telethon import helpers
from telethon.crypto import AES
from telethon.tl import functions, types

from testing.telegram_server.mtproto import primes
from testing.telegram_server.mtproto.inner_data import InnerDataError, open_inner_data
from testing.telegram_server.mtproto.reading import UnreadableError, read_object
from testing.telegram_server.mtproto.server_key import ServerKey

# Small enough that a client factors a product in milliseconds, and large enough that Telethon's way of doing so seldom
# fails (once in 400 at 20 bits, in thousands at 28). Telegram only promises less than 2^63.
_PRIMES = (268435459, 268435463, 268435493, 268435523, 268435537, 268435561, 268435577, 268435579, 268435597, 268435631)


class KeyExchangeError(Exception):
    """The client broke the protocol; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A finished exchange: the 256-byte key, its first salt, and for how long it is good where it is a temporary one."""

    key: bytes
    salt: int
    expires_in_s: int | None = None


class KeyExchange:
    """One connection's key exchange: `answer` takes a client's plain message and gives the reply, `made` the key at the end."""

    def __init__(self, server_key: ServerKey) -> None:
        self._server_key = server_key
        self._nonce = self._server_nonce = self._new_nonce = self._secret = 0
        self._factors = (0, 0)
        self._expires_in_s: int | None = None
        self.made: NewKey | None = None

    def answer(self, request: Any) -> Any:
        """Return the reply to one step, as a TL object."""
        self.made = None
        step = _STEPS.get(type(request))
        if step is None:
            raise KeyExchangeError(f"not a step of the key exchange: {type(request).__name__}")
        try:
            return step(self, request)
        except (InnerDataError, UnreadableError) as error:
            raise KeyExchangeError(str(error)) from error

    def _offer_pq(self, request: Any) -> Any:
        self._nonce, self._new_nonce = request.nonce, 0
        self._server_nonce = int.from_bytes(os.urandom(16), "little", signed=True)
        first = secrets.randbelow(len(_PRIMES) - 1)
        self._factors = (_PRIMES[first], _PRIMES[first + 1 + secrets.randbelow(len(_PRIMES) - first - 1)])
        pq = (self._factors[0] * self._factors[1]).to_bytes(8, "big")
        return types.ResPQ(self._nonce, self._server_nonce, pq, [self._server_key.fingerprint])

    def _offer_dh(self, request: Any) -> Any:
        self._check_nonces(request)
        inner = self._open_inner(request)
        self._check_nonces(inner)
        if (int.from_bytes(inner.p, "big"), int.from_bytes(inner.q, "big")) != self._factors:
            return types.ServerDHParamsFail(self._nonce, self._server_nonce, _nonce_hash(inner.new_nonce))
        self._new_nonce, self._expires_in_s = inner.new_nonce, getattr(inner, "expires_in", None)
        self._secret, g_a = primes.new_secret()
        answer = bytes(
            types.ServerDHInnerData(
                self._nonce, self._server_nonce, primes.G, primes.PRIME_BYTES, g_a.to_bytes(256, "big"), int(time.time())
            )
        )
        plain = _sha1(answer) + answer
        sealed = AES.encrypt_ige(plain + os.urandom(-len(plain) % 16), *self._temporary_key())
        return types.ServerDHParamsOk(self._nonce, self._server_nonce, sealed)

    def _open_inner(self, request: Any) -> Any:
        if request.public_key_fingerprint != self._server_key.fingerprint or len(request.encrypted_data) != 256:
            raise KeyExchangeError("encrypted for another RSA key")
        return open_inner_data(self._server_key.decrypt(request.encrypted_data))

    def _finish(self, request: Any) -> Any:
        self._check_nonces(request)
        if not self._new_nonce or len(request.encrypted_data) % 16:
            raise KeyExchangeError("set_client_DH_params out of turn")
        plain = AES.decrypt_ige(request.encrypted_data, *self._temporary_key())
        inner, size = read_object(plain[20:])
        if not isinstance(inner, types.ClientDHInnerData) or _sha1(plain[20 : 20 + size]) != plain[:20]:
            raise KeyExchangeError("client_DH_inner_data does not match its hash")
        self._check_nonces(inner)
        g_b = int.from_bytes(inner.g_b, "big")
        if not primes.in_safe_range(g_b):
            raise KeyExchangeError("g_b is out of range")
        key = pow(g_b, self._secret, primes.PRIME).to_bytes(256, "big")
        new_nonce = self._new_nonce.to_bytes(32, "little", signed=True)
        self.made = NewKey(key, _first_salt(new_nonce, self._server_nonce), self._expires_in_s)
        confirmation = _sha1(new_nonce + b"\x01" + _sha1(key)[:8])[4:20]
        self._new_nonce = 0
        return types.DhGenOk(self._nonce, self._server_nonce, int.from_bytes(confirmation, "little", signed=True))

    def _temporary_key(self) -> tuple[bytes, bytes]:
        key, iv = helpers.generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        return key, iv

    def _check_nonces(self, message: Any) -> None:
        if (message.nonce, message.server_nonce) != (self._nonce, self._server_nonce):
            raise KeyExchangeError("nonces do not match")


def _sha1(data: bytes) -> bytes:
    return sha1(data).digest()  # noqa: S324  the protocol says SHA-1


def _nonce_hash(new_nonce: int) -> int:
    return int.from_bytes(_sha1(new_nonce.to_bytes(32, "little", signed=True))[4:20], "little", signed=True)


def _first_salt(new_nonce: bytes, server_nonce: int) -> int:
    theirs = server_nonce.to_bytes(16, "little", signed=True)
    return int.from_bytes(bytes(a ^ b for a, b in zip(new_nonce[:8], theirs[:8], strict=True)), "little", signed=True)


_STEPS: dict[type, Any] = {
    functions.ReqPqMultiRequest: KeyExchange._offer_pq,
    functions.ReqPqRequest: KeyExchange._offer_pq,
    functions.ReqDHParamsRequest: KeyExchange._offer_dh,
    functions.SetClientDHParamsRequest: KeyExchange._finish,
}
