"""A proxy in front of the AWS emulator: every call takes the same time, and calls are counted by name.

So a row measures us and not the emulator, and can say which calls were made meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from testing.fake_aws.call_names import call_name
from testing.fake_aws.server import LATENCY_S
from testing.telegram_server.control.http import serving

TIMEOUT_S = 30
NOT_PASSED_ON = {"connection", "content-length", "transfer-encoding", "content-encoding"}


class AwsLatencyProxy:
    """Counts `calls` by name; `url` is set while it runs."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.url = ""

    @asynccontextmanager
    async def running(self, upstream: str, latency_s: float = LATENCY_S) -> AsyncIterator[AwsLatencyProxy]:
        """Serve on a free port of 127.0.0.1 while the block lasts."""
        async with httpx.AsyncClient(base_url=upstream, timeout=TIMEOUT_S, trust_env=False) as client:

            async def pass_on(request: Request) -> Response:
                loop = asyncio.get_running_loop()
                due = loop.time() + latency_s
                body = await request.body()
                self.calls[call_name(request.headers.get("x-amz-target", request.url.path), body)] += 1
                answer = await client.request(request.method, request.url.path, content=body, headers=_passed_on(request.headers.items()))
                await asyncio.sleep(max(0.0, due - loop.time()))  # the latency itself
                return Response(answer.content, answer.status_code, headers=_passed_on(answer.headers.items()))

            app = Starlette(routes=[Route("/{path:path}", pass_on, methods=["GET", "POST", "PUT", "DELETE"])])
            async with serving(app, "127.0.0.1", 0) as port:
                self.url = f"http://127.0.0.1:{port}"
                yield self


def _passed_on(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in NOT_PASSED_ON}
