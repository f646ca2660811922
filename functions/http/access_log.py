"""The outermost layer of every HTTP function: the request's id, HEAD, and one line in the log for each request.

    {"message": "request", "request_id": "<UUID>", "method": "POST", "route": "/tenants/{tenant}/messages/send", "tenant": "<UUID>",
     "status": 200, "ms": 31}

`route` is the route's template, and `tenant` is set only after its caller was authenticated, so a stranger writes nothing into the line.
Both are null if there is no such route or the caller was refused. The listener logs the same id with each command that it runs for the
request (listener/core/api.py).
"""

from __future__ import annotations

import time
import uuid
from typing import Any

from aws_lambda_powertools import Logger
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import request_id as ids


class AccessLog:
    """An ASGI layer. HEAD is served as GET, without the body: https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2"""

    def __init__(self, app: ASGIApp, logger: Logger) -> None:
        self._app = app
        self._logger = logger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = getattr(scope.get("aws.context"), "aws_request_id", None) or str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        method, started_s, status = scope["method"], time.perf_counter(), 0
        if method == "HEAD":
            scope["method"] = "GET"

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update({ids.HEADER: request_id, **scope["state"].get("headers", {})})
            elif method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        with ids.serving(request_id):
            await self._app(scope, receive, send_on)
        self._logger.info("request", extra=_line(scope, method, status, round((time.perf_counter() - started_s) * 1000)))


def _line(scope: Scope, method: str, status: int, ms: int) -> dict[str, Any]:
    state, route = scope["state"], getattr(scope.get("route"), "path_format", None)
    known = {"request_id": state["request_id"], "method": method if method.isalpha() else "?", "route": route}
    return {**known, "tenant": state.get("tenant"), "status": status, "ms": ms}
