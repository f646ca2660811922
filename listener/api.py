"""The private interface: functions call their accounts' owner here (port 9000, TLS with the certificate of the worker's row).

    GET  /health            {"ok": true, "worker": id, "accounts": n}
    POST /<command>         X-Admin-Token: the rpc_key of the worker's row; {"tenant", "channel", ...} -> the command's answer, or an error

An error's body is `AvioError.to_json()`; its status only tells answers from errors (421 is "not mine"), the HTTP functions have the table.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from aws_lambda_powertools import Logger
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from listener import commands
from listener.ownership import Ownership
from shared.errors import AvioError, Code

MAX_BODY_BYTES = 1 << 20


class Api:
    """The routes, over whichever worker this process is at present."""

    def __init__(self, worker: Callable[[], Ownership], rpc_key: SecretStr, logger: Logger) -> None:
        self._worker = worker
        self._rpc_key = rpc_key.get_secret_value().encode()
        self._logger = logger

    def app(self) -> Starlette:
        """Return the ASGI app."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/{command:path}", self._command, methods=["POST"]),
            ]
        )

    async def _health(self, _: Request) -> JSONResponse:
        worker = self._worker()
        held = worker.lease.held()
        return JSONResponse({"ok": held, "worker": worker.me.id, "accounts": worker.held}, 200 if held else 503)

    async def _command(self, request: Request) -> JSONResponse:
        try:
            self._authenticate(request)
            return JSONResponse(await commands.run(self._worker(), request.path_params["command"], await _json(request)))
        except AvioError as error:
            return _error(error)
        except Exception as error:  # the edge of the interface: a fault becomes an answer without internals
            self._logger.error(
                "command failed", extra={"command": request.path_params["command"], "fault": type(error).__name__}, exc_info=error
            )
            return _error(AvioError(Code.INTERNAL_ERROR))

    def _authenticate(self, request: Request) -> None:
        presented = request.headers.get("x-admin-token", "").encode("latin-1", "replace")
        if not hmac.compare_digest(presented, self._rpc_key):
            raise AvioError(Code.INVALID_CREDENTIALS)


async def _json(request: Request) -> Any:
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise AvioError(Code.REQUEST_TOO_LARGE)
    try:
        return json.loads(body)
    except ValueError as error:
        raise AvioError(Code.INVALID_REQUEST) from error


def _error(error: AvioError) -> JSONResponse:
    status = {Code.NOT_MINE: 421, Code.INVALID_CREDENTIALS: 401}.get(error.code, 400)
    return JSONResponse(error.to_json(), status)


class Server(uvicorn.Server):
    """uvicorn, leaving signals to the process's own composition root."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def server(app: Starlette, host: str, port: int, context: ssl.SSLContext) -> Server:
    """Return a server, not started."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        ssl_context_factory=lambda _, __: context,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
        backlog=512,
    )
    return Server(config)
