"""One POST to a callback: limited in time and size, without redirects, to allowed addresses only. Every outcome is a value."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import ssl
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

import h11

from functions.callback_delivery.connection import ConnectionBroken, EndpointConnection, UnsolicitedData
from functions.callback_delivery.exchange import Exchange
from functions.callback_delivery.idle_connections import IdleConnections
from functions.callback_delivery.network import AddressNotAllowed, Dial, GuardedConnector, OwnPort, Resolve, Unreachable, Unresolvable, dial
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared import callback_url
from shared.clock import Clock
from shared.errors import AvioError
from shared.model.ids import TenantId
from shared.reserved_ports import OwnPorts
from shared.settings import CallbackSettings
from shared.version import VERSION

ATTEMPT_S = 8.0
"""The time-out of an attempt, from resolving the name to the last byte that is read."""
BODY_S = 2.0
"""The part of it that the answer's body may take. The status alone decides; the body is read so that the connection can be used again."""
BODY_BYTES = 64 << 10
TEXT_BYTES = 1024
"""How much of the body is kept, to show why the endpoint refused."""
_ALWAYS = {"Content-Type": "application/json", "User-Agent": f"Avio/{VERSION}", "Accept": "*/*"}
# None of these is final: names and certificates get repaired, and an outage of DNS may give any answer.
_FAULTS: dict[type[Exception], str] = {
    AddressNotAllowed: "address not allowed",
    OwnPort: "address not allowed: a part of Avio listens there",
    Unresolvable: "name not found",
    TimeoutError: "timed out",
    ssl.SSLCertVerificationError: "certificate refused",
    Unreachable: "connect failed",
    UnsolicitedData: "answered before it was asked",
    ConnectionBroken: "connection broken",
    h11.RemoteProtocolError: "answer not understood",
}


class Poster:
    """Posts, and keeps connections open for the same tenant's next event. Belongs to one event loop."""

    def __init__(
        self,
        *,
        allowed: CallbackSettings,
        resolve: Resolve,
        trust: ssl.SSLContext,
        clock: Clock,
        attempt_s: float = ATTEMPT_S,
        body_s: float = BODY_S,
        dial: Dial = dial,
    ) -> None:
        trust.set_alpn_protocols(["http/1.1"])
        self._allowed = allowed
        self._attempt_s = attempt_s
        self._body_s = body_s
        self._clock = clock
        own = OwnPorts(allowed.own_ports_file)
        self._connector = GuardedConnector(resolve, trust, allow_private=allowed.allow_private_callbacks, own=own, dial=dial)
        self._idle = IdleConnections()

    async def post(self, tenant_id: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Make one attempt. Cancelling it closes its connection."""
        allowed = self._allowed
        try:
            callback_url.check(url, allow_http=allowed.allow_http_callbacks, allow_private=allowed.allow_private_callbacks)
            request = _request(urlsplit(url), {**_ALWAYS, **headers}, body)
        except AvioError:
            return Failed("url not allowed", final=True)
        except h11.LocalProtocolError:
            return Failed("url not usable", final=True)
        try:
            return await self._answer((tenant_id, url), request, body)
        except tuple(_FAULTS) as error:
            return Failed(next(fault for kind, fault in _FAULTS.items() if isinstance(error, kind)))

    async def close(self) -> None:
        """Close the kept connections."""
        await self._idle.close()

    async def _answer(self, owner: tuple[TenantId, str], request: h11.Request, body: bytes) -> Answered:
        end_s = asyncio.get_running_loop().time() + self._attempt_s
        connection: EndpointConnection | None = None
        try:
            async with asyncio.timeout_at(end_s):
                connection = await self._idle.take(owner) or await self._connector.connect(urlsplit(owner[1]))
                exchange = Exchange(connection)
                answer = await exchange.send(request, body)
            if connection.early and 200 <= answer.status_code < 300:
                raise UnsolicitedData
            text = await self._beginning(exchange, end_s)
            if exchange.over and connection.rest():
                self._idle.keep(owner, connection)
                connection = None
        finally:
            if connection:
                connection.end()
        retry_after = next((value for name, value in answer.headers if name == b"retry-after"), None)
        return Answered(answer.status_code, None if retry_after is None else self._seconds(retry_after.decode("latin-1")), text)

    async def _beginning(self, exchange: Exchange, end_s: float) -> str:
        """Return the beginning of an answer's body. A body that is late, too long or missing does not change the outcome."""
        kept, read = b"", 0
        with contextlib.suppress(TimeoutError, ConnectionBroken, h11.RemoteProtocolError):
            async with asyncio.timeout_at(min(end_s, asyncio.get_running_loop().time() + self._body_s)):
                while read <= BODY_BYTES and (piece := await exchange.piece()) is not None:
                    kept += piece[: TEXT_BYTES - len(kept)]
                    read += len(piece)
        return codecs.getincrementaldecoder("utf-8")("replace").decode(kept)  # a character that is cut off at the end is left out

    def _seconds(self, retry_after: str) -> float | None:
        """Return the seconds of a Retry-After, given as seconds or as a date; None if it is neither."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            return (parsedate_to_datetime(retry_after) - self._clock.now()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None


def _request(url: SplitResult, headers: dict[str, str], body: bytes) -> h11.Request:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    named = {"Host": url.netloc, **headers, "Content-Length": str(len(body))}
    return h11.Request(method="POST", target=target, headers=list(named.items()))
