"""What a listener does while its settings lack Telegram's application: it holds nothing, says what is missing, and ends after a while.

To the container's health check it lives (`/live`): with an empty secret a first deployment must come to its end.

On Fargate the secret's values are those of the task's start. So whoever fills them in has only to wait: the next task has them.
"""

from __future__ import annotations

import asyncio

from aws_lambda_powertools import Logger
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from listener.core.api import server
from listener.core.runtime.certificate import Certificate
from listener.core.runtime.signals import Waitable, wait_for

ENDS_AFTER_S = 300.0


def health_of(missing: list[str]) -> Starlette:
    """Return an app that says on every path but /live what is missing."""

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"ok": False, "worker": None, "accounts": 0, "missing": missing}, 503)

    async def live(_: Request) -> JSONResponse:
        return JSONResponse({"ok": True})

    return Starlette(routes=[Route("/live", live), Route("/{path:path}", health, methods=["GET", "POST"])])


async def say_what_is_missing(
    missing: list[str], host: str, port: int, certificate: Certificate, logger: Logger, stopping: Waitable, for_s: float = ENDS_AFTER_S
) -> None:
    """Serve `/health` until told to stop, or for some minutes, and return: the process ends, and its supervisor starts another."""
    logger.error("settings missing, holding nothing", extra={"missing": missing, "next_start_in_s": for_s})
    http = server(health_of(missing), host, port, certificate.context)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(http.serve())
        await wait_for(stopping, for_s)
        http.should_exit = True
