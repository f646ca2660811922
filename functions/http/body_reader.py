"""Reads request bodies before the routes do, up to a limit."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.http import json_body
from functions.http.errors import response
from shared.errors import AvioError, Code

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True)
class RequestBody:
    """A request's body as sent, and what is wrong with it as JSON."""

    content: bytes
    fault: AvioError | None


class BodyReader:
    """An ASGI layer that puts the body into the request's state.

    API Gateway hands a function whole bodies, so reading one never waits. A body that is not JSON is refused only after its caller is
    authenticated (see request_checks.py); until then the route has `null` in its place.
    """

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        content = await _read(scope, receive, self._max_bytes)
        if content is None:
            too_large = AvioError(Code.REQUEST_TOO_LARGE, f"A body is at most {self._max_bytes} bytes.")
            await response(too_large, scope["state"]["request_id"])(scope, receive, send)
            return
        fault = json_body.fault_of(Headers(scope=scope), content) if content else None
        scope["state"]["body"] = RequestBody(content, fault)
        await self._app(scope, _replaying(b"null" if fault else content, receive), send)


async def _read(scope: Scope, receive: Receive, max_bytes: int) -> bytes | None:
    """Return the body, or None if it is longer than the limit."""
    length = Headers(scope=scope).get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length[:20]) > max_bytes:
        return None
    content, more = bytearray(), True
    while more and len(content) <= max_bytes:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return None if len(content) > max_bytes else bytes(content)


def _replaying(content: bytes, receive: Receive) -> Receive:
    """Return a `receive` that first gives a body that was already read."""
    unread: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return unread.pop() if unread else await receive()

    return replay
