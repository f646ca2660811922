"""A fixed-latency AWS: it stands before the emulator, pads every call to the same time, and counts calls by what they are for.

So a row measures us and not the emulator, and can say which calls were made meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shared.store import keys
from testing.telegram_server.control.http import serving

LATENCY_S = 0.010
TIMEOUT_S = 30
NOT_PASSED_ON = {"connection", "content-length", "transfer-encoding", "content-encoding"}


class PaddedAws:
    """What it has counted so far; `url` is set while it runs."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.url = ""

    @asynccontextmanager
    async def running(self, upstream: str, latency_s: float = LATENCY_S) -> AsyncIterator[PaddedAws]:
        """Serve on a free port of 127.0.0.1 while the block lasts."""
        async with httpx.AsyncClient(base_url=upstream, timeout=TIMEOUT_S, trust_env=False) as client:

            async def pass_on(request: Request) -> Response:
                loop = asyncio.get_running_loop()
                due = loop.time() + latency_s
                body = await request.body()
                self.calls[purpose(request.headers.get("x-amz-target", request.url.path), body)] += 1
                answer = await client.request(request.method, request.url.path, content=body, headers=_kept(request.headers.items()))
                await asyncio.sleep(max(0.0, due - loop.time()))  # the latency itself
                return Response(answer.content, answer.status_code, headers=_kept(answer.headers.items()))

            app = Starlette(routes=[Route("/{path:path}", pass_on, methods=["GET", "POST", "PUT", "DELETE"])])
            async with serving(app, "127.0.0.1", 0) as port:
                self.url = f"http://127.0.0.1:{port}"
                yield self


def purpose(target: str, body: bytes) -> str:
    """Return an operation and what it was about: "UpdateItem WORKERS", "Query by_owner", "PutItem PEER", "SendMessageBatch".

    What it was about is an index, the partition of workers, or the kind of item.
    """
    operation = target.rpartition(".")[2]
    try:
        request = json.loads(body)
    except ValueError:
        request = None
    about = _about(request) if isinstance(request, dict) else None
    return f"{operation} {about}" if about else operation


def _about(request: dict[str, Any]) -> str | None:
    if "IndexName" in request:
        return str(request["IndexName"])
    key = request.get("Key") or request.get("Item") or {}
    pk = key.get("pk", {}).get("S") or request.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S")
    if pk == keys.WORKERS:
        return keys.WORKERS
    sk = key.get("sk", {}).get("S")
    return str(sk).partition("#")[0] if sk else None


def _kept(headers: Any) -> dict[str, str]:
    return {name: value for name, value in headers if name.lower() not in NOT_PASSED_ON}
