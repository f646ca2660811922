"""The layer around the routes: bodies are bounded and read here, and what goes wrong below becomes the one error body."""

from __future__ import annotations

from dataclasses import dataclass

from aws_lambda_powertools import Logger
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.http import json_body
from functions.http.errors import response
from shared.errors import AvioError, Code

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True)
class Body:
    """A request's body as it came, and what is wrong with it as JSON."""

    content: bytes
    fault: AvioError | None


class Boundary:
    """An ASGI layer.

    API Gateway hands a function whole bodies, so reading one waits for nobody. What is no JSON is told only once the caller was let in
    (see `form`): the routes get `null` in its place, and do not get to see it.
    """

    def __init__(self, app: ASGIApp, logger: Logger) -> None:
        self._app = app
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, started = scope["state"], False
        request_id = state["request_id"]

        async def send_on(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        if any(character < " " for character in scope["path"]):  # `$` in a route's pattern would pass over a line's end
            await response(AvioError(Code.NOT_FOUND), request_id)(scope, receive, send)
            return
        content = await _read(scope, receive)
        if content is None:
            too_large = AvioError(Code.REQUEST_TOO_LARGE, f"A body is at most {MAX_BODY_BYTES} bytes.")
            await response(too_large, request_id)(scope, receive, send)
            return
        body = state["body"] = Body(content, json_body.fault_of(Headers(scope=scope), content) if content else None)
        try:
            await self._app(scope, _replaying(b"null" if body.fault else content, receive), send_on)
        except Exception as error:
            route = getattr(scope.get("route"), "path", None)
            self._logger.error(
                "request failed", extra={"request_id": request_id, "fault": type(error).__name__, "route": route}, exc_info=error
            )
            if not started:
                await response(AvioError(Code.INTERNAL_ERROR), request_id)(scope, receive, send)


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Return the body, or None where it is longer than it may be."""
    length = Headers(scope=scope).get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length[:20]) > MAX_BODY_BYTES:
        return None
    content, more = bytearray(), True
    while more and len(content) <= MAX_BODY_BYTES:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return None if len(content) > MAX_BODY_BYTES else bytes(content)


def _replaying(content: bytes, receive: Receive) -> Receive:
    """Return a `receive` that gives a body that was read already, then what follows it."""
    waiting: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay
