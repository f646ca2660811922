"""One POST to a callback: bounded in time and size, no redirects, to allowed addresses only. Every way it can go is a value."""

from __future__ import annotations

import asyncio
import ssl
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpcore

from functions.callback_delivery.network import AddressNotAllowed, CheckedBackend, Resolve, Unresolvable
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared import callback_url
from shared.clock import Clock
from shared.errors import AvioError
from shared.settings import CallbackSettings
from shared.version import VERSION

ATTEMPT_S = 8.0
"""One attempt, from the name's resolution to the answer's last byte that we read."""
ANSWER_BYTES = 64 << 10
"""How much of an answer is read; nothing in it matters, but a connection whose answer was read can serve the next event."""
_ALWAYS = {"Content-Type": "application/json", "User-Agent": f"Avio/{VERSION}", "Accept": "*/*"}


class Poster:
    """Posts; keeps connections open for the next event. Belongs to one event loop."""

    def __init__(
        self, *, allowed: CallbackSettings, resolve: Resolve, trust: ssl.SSLContext, clock: Clock, attempt_s: float = ATTEMPT_S
    ) -> None:
        self._allowed = allowed
        self._attempt_s = attempt_s
        self._clock = clock
        backend = CheckedBackend(resolve, allow_private=allowed.allow_private_callbacks)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=trust, max_connections=20, keepalive_expiry=5.0, network_backend=backend)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Make one attempt. Cancelling it closes its connection."""
        allowed = self._allowed
        try:
            callback_url.check(url, allow_http=allowed.allow_http_callbacks, allow_private=allowed.allow_private_callbacks)
        except AvioError:
            return Failed("url not allowed", final=True)
        try:
            async with asyncio.timeout(self._attempt_s):
                return await self._answer(url, {**_ALWAYS, **headers}, body)
        except AddressNotAllowed:
            return Failed("address not allowed", final=True)
        except Unresolvable:
            return Failed("name not found")
        except (TimeoutError, httpcore.TimeoutException):
            return Failed("timed out")
        except httpcore.ConnectError as error:
            return Failed("certificate refused" if _refused_certificate(error) else "connect failed")
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            return Failed("connection broken")
        except (httpcore.LocalProtocolError, httpcore.UnsupportedProtocol):
            return Failed("url not usable", final=True)

    async def close(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def _answer(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        where = httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)
        named = [("Host", parts.netloc), *headers.items()]
        async with self._pool.stream("POST", where, headers=named, content=body) as answer:
            read = 0
            async for chunk in answer.aiter_stream():
                read += len(chunk)
                if read > ANSWER_BYTES:
                    break
            asked = next((value for name, value in answer.headers if name.lower() == b"retry-after"), None)
            return Answered(answer.status, None if asked is None else self._seconds(asked.decode("latin-1")))

    def _seconds(self, retry_after: str) -> float | None:
        """Return how long a Retry-After asks to wait, from its seconds or its date; None where it is neither."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            return (parsedate_to_datetime(retry_after) - self._clock.now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None


def _refused_certificate(error: BaseException | None) -> bool:
    while error and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
