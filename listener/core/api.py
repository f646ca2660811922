"""The private interface: functions call their accounts' owner here (port 9000, TLS with the certificate of the worker's row).

    GET  /health            {"ok": true, "worker": id, "accounts": n}; 503 without a lease
    GET  /live              {"ok": true}; 503 until the process has registered a worker
    POST /<command>         X-Admin-Token: the rpc_key of the worker's row; the command's result, or an error (shared/rpc/wire.py)

X-Request-Id names the request that a command is run for. Each command leaves one line in the log, with that id, the tenant, the outcome and
how long it took, and nothing of what it was about. Functions older than the header get an id that is made here.

An error's body is `AvioError.to_json()`; its status only tells answers from errors (421 is "not mine"), the HTTP functions have the table.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import re
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from aws_lambda_powertools import Logger
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from listener.core import commands
from listener.core.ownership.ownership import Ownership
from shared import request_id
from shared.errors import AvioError, Code
from shared.rpc.wire import answer_of, read_command

MAX_BODY_BYTES = 8 << 20  # Lambda takes 6 MB, and functions pass files on
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Api:
    """The routes, over whichever worker this process is at present."""

    def __init__(self, worker: Callable[[], Ownership], registered: Callable[[], bool], rpc_key: SecretStr, logger: Logger) -> None:
        """`registered`: whether this process has ever registered a worker."""
        self._worker = worker
        self._registered = registered
        self._rpc_key = rpc_key.get_secret_value().encode()
        self._logger = logger

    def app(self) -> Starlette:
        """Return the ASGI app."""
        return Starlette(
            routes=[
                Route("/health", self._health),
                Route("/live", self._live),
                Route("/{command:path}", self._command, methods=["POST"]),
            ]
        )

    async def _health(self, _: Request) -> JSONResponse:
        worker = self._worker()
        held = worker.lease.held()
        return JSONResponse({"ok": held, "worker": worker.me.id, "accounts": worker.held}, 200 if held else 503)

    async def _live(self, _: Request) -> JSONResponse:
        """Answer the container's health check: the event loop runs, and this process has reached DynamoDB once.

        The lease is not asked for: while DynamoDB is away no worker has one, and replacing all of them would mend nothing.
        """
        live = self._registered()
        return JSONResponse(
            {"ok": live} if live else {"ok": False, "detail": "not registered yet: DynamoDB did not answer"}, 200 if live else 503
        )

    async def _command(self, request: Request) -> JSONResponse:
        command, started_s = request.path_params["command"], time.perf_counter()
        known = {"request_id": request_id.received(request.headers.get(request_id.HEADER)) or str(uuid.uuid4()), "command": command}
        try:
            self._authenticate(request)
        except AvioError as error:
            return _error(error)
        outcome: dict[str, Any] = {}
        try:
            body = await _json(request)
            outcome["tenant"] = _tenant_of(body)
            worker = self._worker()
            asked = read_command(command, body, commands.known(worker.handlers))
            return JSONResponse(answer_of(asked.command, await commands.run(worker, asked)))
        except AvioError as error:
            outcome["error"] = error.code.value
            return _error(error)
        except Exception as error:  # the edge of the interface: a fault becomes an answer without internals
            outcome["error"] = Code.INTERNAL_ERROR.value
            self._logger.error("command failed", extra={**known, "fault": type(error).__name__}, exc_info=error)
            return _error(AvioError(Code.INTERNAL_ERROR))
        finally:
            ms = round((time.perf_counter() - started_s) * 1000)
            self._logger.info("command", extra={**known, **outcome, "ms": ms})

    def _authenticate(self, request: Request) -> None:
        presented = request.headers.get("x-admin-token", "").encode("latin-1", "replace")
        if not hmac.compare_digest(presented, self._rpc_key):
            raise AvioError(Code.INVALID_CREDENTIALS)


def _tenant_of(body: Any) -> str | None:
    """Return the tenant that a command is for; its id is a UUID, and nothing else goes to the log."""
    tenant = body.get("tenant") if isinstance(body, dict) else None
    return tenant if isinstance(tenant, str) and _UUID.fullmatch(tenant) else None


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
        http="httptools",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        backlog=512,
    )
    return Server(config)
