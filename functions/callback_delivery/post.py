"""One POST to a callback: bounded in time and size, no redirects, to allowed addresses only. Every way it can go is a value."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
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
BODY_S = 2.0
"""How long an answer's body may take of that. The status came first and decides alone; but what was read to its end can serve again."""
BODY_BYTES = 64 << 10
TEXT_BYTES = 1024
"""How much of an answer's body is kept, for people who wonder why their endpoint refused."""
_ALWAYS = {"Content-Type": "application/json", "User-Agent": f"Avio/{VERSION}", "Accept": "*/*"}


class Poster:
    """Posts; keeps connections open for the next event. Belongs to one event loop."""

    def __init__(
        self,
        *,
        allowed: CallbackSettings,
        resolve: Resolve,
        trust: ssl.SSLContext,
        clock: Clock,
        attempt_s: float = ATTEMPT_S,
        body_s: float = BODY_S,
        dial: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._allowed = allowed
        self._attempt_s = attempt_s
        self._body_s = body_s
        self._clock = clock
        backend = CheckedBackend(resolve, allow_private=allowed.allow_private_callbacks, inner=dial)
        self._pool = httpcore.AsyncConnectionPool(ssl_context=trust, max_connections=20, keepalive_expiry=5.0, network_backend=backend)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Make one attempt. Cancelling it closes its connection."""
        allowed = self._allowed
        try:
            callback_url.check(url, allow_http=allowed.allow_http_callbacks, allow_private=allowed.allow_private_callbacks)
        except AvioError:
            return Failed("url not allowed", final=True)
        try:
            return await self._answer(_request(url, {**_ALWAYS, **headers}, body))
        except AddressNotAllowed:
            return Failed("address not allowed")  # not final: names are mended, and an outage of DNS may say anything
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

    async def _answer(self, request: httpcore.Request) -> Answered:
        end_s = asyncio.get_running_loop().time() + self._attempt_s
        async with asyncio.timeout_at(end_s):
            answer = await self._pool.handle_async_request(request)
        try:
            text = await self._beginning(answer, end_s)
        finally:
            await answer.aclose()
        asked = next((value for name, value in answer.headers if name.lower() == b"retry-after"), None)
        return Answered(answer.status, None if asked is None else self._seconds(asked.decode("latin-1")), text)

    async def _beginning(self, answer: httpcore.Response, end_s: float) -> str:
        """Return how an answer's body begins; what comes late, too long or not at all changes nothing about its status."""
        kept, read = b"", 0
        with contextlib.suppress(TimeoutError, httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
            async with asyncio.timeout_at(min(end_s, asyncio.get_running_loop().time() + self._body_s)):
                async for chunk in answer.aiter_stream():
                    kept += chunk[: TEXT_BYTES - len(kept)]
                    read += len(chunk)
                    if read > BODY_BYTES:
                        break
        return codecs.getincrementaldecoder("utf-8")("replace").decode(kept)  # a character that was cut off at the end is left out

    def _seconds(self, retry_after: str) -> float | None:
        """Return how long a Retry-After asks to wait, from its seconds or its date; None where it is neither."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            return (parsedate_to_datetime(retry_after) - self._clock.now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None


def _request(url: str, headers: dict[str, str], body: bytes) -> httpcore.Request:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    where = httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)
    content = {"Content-Length": str(len(body))}
    return httpcore.Request("POST", where, headers=[("Host", parts.netloc), *headers.items(), *content.items()], content=body)


def _refused_certificate(error: BaseException | None) -> bool:
    while error and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None
