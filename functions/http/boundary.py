"""The outermost layer of every HTTP function: request ids, a bound on bodies, and the last net under faults."""

from __future__ import annotations

import uuid

from aws_lambda_powertools import Logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.http.errors import response
from shared.errors import AvioError, Code

MAX_BODY_BYTES = 1 << 20


class Boundary:
    """An ASGI layer. API Gateway hands a function whole bodies, so their length is known before anything is read."""

    def __init__(self, app: ASGIApp, logger: Logger) -> None:
        self._app = app
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; whatever goes wrong below becomes the one error body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = getattr(scope.get("aws.context"), "aws_request_id", None) or str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        if _length(scope) > MAX_BODY_BYTES:
            too_large = AvioError(Code.REQUEST_TOO_LARGE, f"A body is at most {MAX_BODY_BYTES} bytes.")
            await response(too_large, request_id)(scope, receive, send_with_id)
            return
        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            self._logger.error(
                "request failed", extra={"request_id": request_id, "fault": type(error).__name__, "path": scope.get("path")}, exc_info=error
            )
            if not started:
                await response(AvioError(Code.INTERNAL_ERROR), request_id)(scope, receive, send_with_id)


def _length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0
