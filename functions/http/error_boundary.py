"""Turns every exception that no handler took into the error body of a 500."""

from __future__ import annotations

from aws_lambda_powertools import Logger
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from functions.http.errors import response
from shared.errors import AvioError, Code


class ErrorBoundary:
    """An ASGI layer. The log gets the exception, the caller gets `internal_error` without a word of it."""

    def __init__(self, app: ASGIApp, logger: Logger) -> None:
        self._app = app
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id, started = scope["state"]["request_id"], False

        async def send_on(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        if any(character < " " for character in scope["path"]):  # `$` in a route's pattern matches before a line feed
            await response(AvioError(Code.NOT_FOUND), request_id)(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            route = getattr(scope.get("route"), "path", None)
            self._logger.error(
                "request failed", extra={"request_id": request_id, "fault": type(error).__name__, "route": route}, exc_info=error
            )
            if not started:
                await response(AvioError(Code.INTERNAL_ERROR), request_id)(scope, receive, send)
