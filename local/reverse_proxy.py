"""The front: a reverse proxy that serves the emulator's API at the root of a port, with the phone page beside it.

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
"""A header of all answers of the API. Answers that its gateway makes do not have it."""
# A connection's own headers, which end at this hop: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
FORWARDED_PROTO = "x-forwarded-proto"
"""How the request came to the front: the gateway on AWS says so too."""
# API Gateway ends an integration after 30 s, so a longer wait is useless.
DEADLINE_S = 35
START_DEADLINE_S = 30
RECEIVER = "/dev/callback-receiver"
_ADDRESS = re.compile(rb"/(?!/)")
"""A path with one slash at its beginning. The form of requests to proxies has none, and the emulator would drop a second slash."""
_DOT_SEGMENT = re.compile(rb"/(\.|%2e){1,2}(/|$)", re.IGNORECASE)
"""A segment `.` or `..`. httpx resolves it, and so a request could leave the API's prefix: RFC 3986, 5.2.4."""


Preflight = Callable[[Request], Awaitable[Response]]


def create_app(
    api_url: str,
    pages: Sequence[BaseRoute] = (),
    preflight: Preflight | None = None,
    shown: Mapping[str, str] | None = None,
    hosts: Collection[str] = (),
    limit: Callable[[], RequestLimit] = RequestLimit,
) -> Starlette:
    """Compose the front: `pages` come first, all other requests go to the API at `api_url`, which has no slash at its end.

    `preflight` answers OPTIONS in the API's place (see `preflight`). `shown` are headers that the gateway at `api_url` asks for. Requests
    under other host names than this machine's and `hosts` are refused (see `loopback`).
    """
    target = httpx.URL(api_url)
    # A callback to the receiver may come while its sender has a slot, so callbacks have slots of their own.
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
        await request.body()  # before the slot, which a slow sender must not hold
        try:
            async with (receiving if request.url.path == RECEIVER else calling).slot():
                if await request.is_disconnected():  # nobody would read the answer
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
    """The route of all requests that no page takes. A pattern would not match all bytes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Take any request."""
        return (Match.FULL if scope["type"] == "http" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it on."""
        await self._app(scope, receive, send)


def _refusal(request: Request) -> Response | None:
    """Return the error for a request that must not be forwarded, or None. The body is not read."""
    raw_path, query = request.scope["raw_path"], request.scope["query_string"]
    if not _ADDRESS.match(raw_path) or _DOT_SEGMENT.search(raw_path) or b"#" in raw_path + query:
        return proxy_errors.refused(AvioError(Code.NOT_FOUND))
    if {"content-length", "transfer-encoding"} <= set(request.headers):  # https://www.rfc-editor.org/rfc/rfc9112#section-6.1: smuggling
        return proxy_errors.refused(AvioError(Code.MALFORMED, "A request has `Content-Length` or `Transfer-Encoding`, not both."))
    return None


async def _forward(request: Request, client: httpx.AsyncClient, target: httpx.URL, shown: Mapping[str, str]) -> Response:
    """Forward a request with its path and query unchanged, and return the answer."""
    base = target.raw_path.removesuffix(b"/")  # httpx gives a URL without a path the path "/"
    raw_path, query = base + request.scope["raw_path"], request.scope["query_string"]
    dropped = HOP_BY_HOP | shown.keys() | {FORWARDED_PROTO}
    headers = [(name, value) for name, value in request.headers.raw if name.decode().lower() not in dropped]
    headers.append((FORWARDED_PROTO.encode(), request.url.scheme.encode()))
    headers += [(name.encode(), value.encode()) for name, value in shown.items()]
    try:
        url = target.copy_with(raw_path=raw_path + b"?" + query if query else raw_path)
        if not url.raw_path.startswith(base + b"/"):  # the emulator's own pages are beside the API
            return proxy_errors.refused(AvioError(Code.NOT_FOUND))
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
    """Serve `app` on 127.0.0.1 in a thread until the block ends. Yield its URL. Raises `StartError` if the port is taken."""
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
