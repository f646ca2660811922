"""One POST to a callback: bounded in time and size, no redirects, to allowed addresses only. Every way it can go is a value."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import ssl
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit

import h11

from functions.callback_delivery.connection import Connection, ConnectionBroken, UnsolicitedData
from functions.callback_delivery.exchange import Exchange
from functions.callback_delivery.idle_connections import IdleConnections
from functions.callback_delivery.network import AddressNotAllowed, Dial, GuardedConnector, OwnPort, Resolve, Unreachable, Unresolvable, dial
from functions.callback_delivery.own_ports import OwnPorts
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared import callback_url
from shared.clock import Clock
from shared.errors import AvioError
from shared.model.ids import TenantId
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
# None is final: names and certificates are mended, and an outage of DNS may say anything.
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
    """Posts; keeps connections open for the same tenant's next event. Belongs to one event loop."""

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
        self._guard = GuardedConnector(resolve, trust, allow_private=allowed.allow_private_callbacks, own=own, dial=dial)
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
        """Close what is open."""
        await self._idle.close()

    async def _answer(self, owner: tuple[TenantId, str], request: h11.Request, body: bytes) -> Answered:
        end_s = asyncio.get_running_loop().time() + self._attempt_s
        wire: Connection | None = None
        try:
            async with asyncio.timeout_at(end_s):
                wire = await self._idle.take(owner) or await self._guard.connect(urlsplit(owner[1]))
                exchange = Exchange(wire)
                answer = await exchange.ask(request, body)
            if wire.early and 200 <= answer.status_code < 300:
                raise UnsolicitedData
            text = await self._beginning(exchange, end_s)
            if exchange.over and wire.rest():
                self._idle.keep(owner, wire)
                wire = None
        finally:
            if wire:
                wire.end()
        asked = next((value for name, value in answer.headers if name == b"retry-after"), None)
        return Answered(answer.status_code, None if asked is None else self._seconds(asked.decode("latin-1")), text)

    async def _beginning(self, exchange: Exchange, end_s: float) -> str:
        """Return how an answer's body begins; what comes late, too long or not at all changes nothing about its status."""
        kept, read = b"", 0
        with contextlib.suppress(TimeoutError, ConnectionBroken, h11.RemoteProtocolError):
            async with asyncio.timeout_at(min(end_s, asyncio.get_running_loop().time() + self._body_s)):
                while read <= BODY_BYTES and (piece := await exchange.piece()) is not None:
                    kept += piece[: TEXT_BYTES - len(kept)]
                    read += len(piece)
        return codecs.getincrementaldecoder("utf-8")("replace").decode(kept)  # a character that was cut off at the end is left out

    def _seconds(self, retry_after: str) -> float | None:
        """Return how long a Retry-After asks to wait, from its seconds or its date; None where it is neither."""
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
