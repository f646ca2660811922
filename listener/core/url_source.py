"""Reads a file from an address that a caller names: from public addresses only, bounded in size and time, as it comes.

A name is resolved once, its addresses are checked, and the connection goes to one of them; each redirect is checked the same way. Checking
the address as written is not enough: a name can resolve to a private address, or to another one each time (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Callable
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.errors import AvioError, Code
from shared.public_addresses import is_public
from shared.reserved_ports import OwnPorts
from shared.settings import CallbackSettings

REDIRECTS = 5
CONNECT_S = 10.0
SILENCE_S = 20.0
DEADLINE_S = 1800.0
SLOW_AFTER_S = 30.0
SLOWEST = 4096
"""Bytes a second, on average after half a minute: what comes more slowly only keeps a place occupied."""
CHUNK_BYTES = 256 * 1024
_REDIRECTED = {301, 302, 303, 307, 308}


class _Refused(OSError):
    """A name resolves to an address where nothing is fetched from. aiohttp tells it as a connection's error."""


class _CheckedResolver(AbstractResolver):
    """Resolves names, and refuses a name of which any address is not allowed."""

    def __init__(self, allowed: CallbackSettings) -> None:
        self._allowed = allowed
        self._own = OwnPorts(allowed.own_ports_file)

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found))
        for address in addresses:
            self.check(address, port)
        return [_result(host, address, port) for address in addresses]

    def check(self, address: str, port: int) -> None:
        """Raise _Refused for an address that is not allowed."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            raise _Refused("an address in a form of its own") from None
        if not self._allowed.allow_private_callbacks and not is_public(parsed):
            raise _Refused("a private address")
        if self._own.refuse(parsed, port, ""):
            raise _Refused("a port of this system")

    async def close(self) -> None:
        """Hold nothing."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)


class UrlSource:
    """Reads from addresses. `allowed` says whether http and private addresses may be read, as for callbacks; `now_s` is a clock."""

    def __init__(
        self,
        allowed: CallbackSettings,
        trust: ssl.SSLContext | None = None,
        *,
        now_s: Callable[[], float] = time.monotonic,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._allowed = allowed
        self._resolver = _CheckedResolver(allowed)
        self._trust = trust or ssl.create_default_context()
        self._now_s = now_s
        self._silence_s = silence_s

    async def read(self, url: str, max_bytes: int) -> AsyncGenerator[bytes, None]:
        """Yield a file in chunks. Raises `attachment_refused`, `attachment_unreachable`, `attachment_too_large`."""
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S, sock_connect=CONNECT_S, sock_read=self._silence_s)
        connector = aiohttp.TCPConnector(
            resolver=self._resolver, use_dns_cache=False, ssl=self._trust, force_close=True, socket_factory=self._socket
        )
        headers = {"Accept-Encoding": "identity", "User-Agent": "Avio"}
        try:
            async with aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                headers=headers,
                auto_decompress=False,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as session:
                answer = await self._follow(session, url)
                async with answer:
                    async for chunk in self._read(answer, max_bytes):
                        yield chunk
        except aiohttp.InvalidURL as error:
            raise _refused("It is no address.") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _told(error) from error

    def _socket(self, target: Any) -> socket.socket:
        """Return a socket for an address that is about to be connected to; whoever has found it, it is checked here as well."""
        family, kind, protocol, _, sockaddr = target
        self._resolver.check(sockaddr[0], sockaddr[1])
        return socket.socket(family, kind, protocol)

    async def _follow(self, session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
        for _ in range(REDIRECTS + 1):
            self._check(url)
            answer = await session.get(url, allow_redirects=False)
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTED or not location:
                return answer
            answer.close()
            url = urljoin(url, location)
        raise AvioError(Code.ATTACHMENT_UNREACHABLE, "An attachment's address redirects too often. Nothing was sent.")

    async def _read(self, answer: aiohttp.ClientResponse, max_bytes: int) -> AsyncGenerator[bytes, None]:
        _check_answer(answer, max_bytes)
        began, size = self._now_s(), 0
        async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise AvioError(Code.ATTACHMENT_TOO_LARGE)
            took_s = self._now_s() - began
            if took_s > SLOW_AFTER_S and size < SLOWEST * took_s:
                raise AvioError(Code.ATTACHMENT_UNREACHABLE, "An attachment's address answers too slowly. Nothing was sent.")
            yield chunk

    def _check(self, url: str) -> None:
        """Refuse what an address as written shows. Of a literal address no resolver is asked, so it is checked here."""
        parts = _split(url)
        schemes = {"http", "https"} if self._allowed.allow_http_callbacks else {"https"}
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
            raise _refused(f"It begins with {' or '.join(f'{one}://' for one in sorted(schemes))}, and has no user name.")
        try:
            ip_address(parts.hostname)
        except ValueError:
            return
        self._resolver.check(parts.hostname, parts.port or (443 if parts.scheme == "https" else 80))


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for what is no port
    except ValueError as error:
        raise _refused("It is no address.") from error
    return parts


def _check_answer(answer: aiohttp.ClientResponse, max_bytes: int) -> None:
    """Refuse what an answer's head shows."""
    if answer.status != 200:
        raise AvioError(
            Code.ATTACHMENT_UNREACHABLE, f"An attachment's address answered {answer.status}. Nothing was sent.", status=answer.status
        )
    if answer.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise _refused("It answers with a compressed body, though none was asked for.")
    if (answer.content_length or 0) > max_bytes:
        raise AvioError(Code.ATTACHMENT_TOO_LARGE)


def _told(error: Exception) -> AvioError:
    """Return what the caller hears: why, and never where it is."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, _Refused):
            return _refused(f"It is {cause}.")
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    return AvioError(Code.ATTACHMENT_UNREACHABLE, fault=type(error).__name__)


def _refused(why: str) -> AvioError:
    return AvioError(Code.ATTACHMENT_REFUSED, f"An attachment's address cannot be used. {why} Nothing was sent.")
