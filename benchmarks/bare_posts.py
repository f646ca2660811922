"""What cannot be saved: a bare httpx client that posts the same bodies with the same headers, and keeps no record of it.

`python -m benchmarks.bare_posts SOCKET`; asked with batches of chats of posts, it works as the function does: a batch's chats side by side,
each in order, on kept connections.
"""

from __future__ import annotations

import asyncio
import sys
import time

import httpx

from benchmarks.child import answer_all

TIMEOUT_S = 8
Chat = list[tuple[str, dict[str, str], str]]
runner = asyncio.Runner()
client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)


def _run(batches: list[list[Chat]]) -> dict[str, list[float]]:
    took_s = []
    for batch in batches:
        began = time.perf_counter()
        runner.run(_post_all(batch))
        took_s.append(time.perf_counter() - began)
    return {"took_s": took_s}


async def _post_all(batch: list[Chat]) -> None:
    async with asyncio.TaskGroup() as group:
        for chat in batch:
            group.create_task(_post(chat))


async def _post(chat: Chat) -> None:
    for url, headers, body in chat:
        (await client.post(url, headers=headers, content=body)).raise_for_status()


if __name__ == "__main__":
    answer_all(sys.argv[1], _run)
