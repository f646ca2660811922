"""One friendly port: what the API Gateway of the emulator serves under a long path, here at the root, and pages beside it.

http://127.0.0.1:8000/tenants  -->  http://127.0.0.1:<emulator>/_aws/execute-api/avio/tenants
http://127.0.0.1:8000/phone    -->  one of `pages`, which come first
"""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from local import proxy_errors
from local.child_process import StartError, is_listening
from local.loopback import own_host
from local.request_limit import RETRY_AFTER_S, RequestLimit, TooManyRequestsError
from shared.errors import AvioError, Code

OURS = "x-request-id"
"""A header that every answer of the API has, and none that its gateway makes."""
# A connection's own headers, which end at this hop: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
# API Gateway ends an integration after 30 s; whoever waits longer waits for nothing.
DEADLINE_S = 35
START_DEADLINE_S = 30
RECEIVER = "/dev/callback-receiver"
_ADDRESS = re.compile(rb"/(?!/)")
"""Not a proxy's form of a request; and the emulator passes over a second slash, which makes it another address."""


Preflight = Callable[[Request], Awaitable[Response]]


def create_app(
    api_url: str,
    pages: Sequence[BaseRoute] = (),
    preflight: Preflight | None = None,
    shown: Mapping[str, str] | None = None,
    hosts: Collection[str] = (),
    limit: Callable[[], RequestLimit] = RequestLimit,
) -> Starlette:
    """Compose the front: `pages` first, everything else to the API at `api_url`, which ends without a slash.

    `preflight` answers OPTIONS in the API's place (see `preflight`); `shown` are headers that the gateway behind `api_url` asks for;
    under other names than this machine's and `hosts` nothing is answered (see `loopback`).
    """
    target = httpx.URL(api_url)
    # Callbacks to the receiver come while their senders hold a place: they have places of their own.
    receiving, calling = limit(), limit()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(timeout=DEADLINE_S, trust_env=False, follow_redirects=False) as client:
            app.state.client = client
            yield

    async def answered(request: Request) -> Response:
        if not own_host(request.headers, hosts):
            return _foreign(request.headers.get("host", ""))
        if refused := _refusal(request):
            return refused
        await request.body()  # who sends slowly holds no place
        try:
            async with (receiving if request.url.path == RECEIVER else calling).slot():
                if await request.is_disconnected():  # nobody would see what was done
                    return Response(status_code=499)
                if preflight and request.method == "OPTIONS":
                    return await preflight(request)
                return await _forward(request, app.state.client, target, shown or {})
        except TooManyRequestsError:
            return _crowded()

    async def forward(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await answered(Request(scope, receive))
        await answer(scope, receive, send)

    app = Starlette(
        routes=[*pages, _Everything(forward)],
        lifespan=lifespan,
        exception_handlers={HTTPException: proxy_errors.http_exception, Exception: proxy_errors.fault},
    )
    return app


def _foreign(host: str) -> Response:
    detail = (
        f"This is 127.0.0.1 and localhost, not {host!r}: a web page could have its own name point here. "
        "If it is a tunnel or a proxy of yours, set APP_BASE_URL to its address."
    )
    return proxy_errors.refused(AvioError(Code.FORBIDDEN, detail))


class _Everything(BaseRoute):
    """What no page takes, by address and method, whatever bytes are in it: a pattern would pass over some."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Take any request."""
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it on."""
        await self._app(scope, receive, send)


def _refusal(request: Request) -> Response | None:
    """Return the answer for a request that is not sent on, and of which no body is waited for."""
    raw_path, query = request.scope["raw_path"], request.scope["query_string"]
    if not _ADDRESS.match(raw_path) or b"#" in raw_path + query:
        return proxy_errors.refused(AvioError(Code.NOT_FOUND))
    if {"content-length", "transfer-encoding"} <= set(request.headers):  # https://www.rfc-editor.org/rfc/rfc9112#section-6.1: smuggling
        return proxy_errors.refused(AvioError(Code.MALFORMED, "A request has `Content-Length` or `Transfer-Encoding`, not both."))
    return None


async def _forward(request: Request, client: httpx.AsyncClient, target: httpx.URL, shown: Mapping[str, str]) -> Response:
    """Send a request on as it came (path and query in their own bytes) and answer what comes back."""
    base = target.raw_path.removesuffix(b"/")  # an address without a path has "/" for one
    raw_path, query = base + request.scope["raw_path"], request.scope["query_string"]
    headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in HOP_BY_HOP | shown.keys()]
    headers += [(name.encode(), value.encode()) for name, value in shown.items()]
    try:
        url = target.copy_with(raw_path=raw_path + b"?" + query if query else raw_path)
        answer = await client.send(client.build_request(request.method, url, headers=headers, content=await request.body()))
    except httpx.InvalidURL:
        return proxy_errors.refused(AvioError(Code.NOT_FOUND))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        return proxy_errors.unreachable("The local API cannot be reached: its emulator has ended, or is starting.")
    except httpx.TransportError:
        return proxy_errors.unanswered(request.method)
    if answer.status_code >= 400 and OURS not in answer.headers:
        return proxy_errors.translated(request.method, answer.status_code)
    response = Response(answer.content, answer.status_code)
    length = answer.headers.get("content-length", "0") if request.method == "HEAD" else str(len(answer.content))
    response.raw_headers = [
        (name, value)
        for name, value in answer.headers.raw
        if name.decode().lower() not in HOP_BY_HOP | {"content-encoding", "content-length"}
    ] + [(b"content-length", length.encode())]
    return response


def _crowded() -> Response:
    detail = "Too many requests wait for the local system. Nothing was done; send it again in a few seconds."
    return proxy_errors.refused(AvioError(Code.UNAVAILABLE, detail, retry_after_s=RETRY_AFTER_S))


@contextmanager
def running(app: Starlette, port: int) -> Iterator[str]:
    """Serve `app` on 127.0.0.1 in a thread until the block ends; answers its URL. Raises `StartError` if the port is taken."""
    if is_listening(port):
        raise StartError(f"port {port} is taken; stop what listens there, or choose another: make up PORT=8080")
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=proxy_errors.OneErrorBodyProtocol,
        log_level="warning",
        timeout_graceful_shutdown=2,
        server_header=False,
        date_header=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="front", daemon=True)
    thread.start()
    try:
        _wait_until_started(server, thread)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(START_DEADLINE_S)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    for _ in range(START_DEADLINE_S * 100):
        if server.started:
            return
        thread.join(0.01)
        if not thread.is_alive():
            break
    raise StartError("the front did not start; is its port taken?")
