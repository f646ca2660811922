"""Waits for the answer to one request, with a deadline, and notices when the connection ends."""

from __future__ import annotations

import asyncio
from typing import Any

from listener.telegram.requests.errors import BROKEN


async def answer_of(answer: asyncio.Future[Any], over: asyncio.Future[Any], deadline_s: float) -> Any:
    """Return Telegram's answer; `over` is done when the connection has ended.

    Raises Telethon's RPCError, ConnectionError if the connection broke before an answer, TimeoutError after the deadline.
    """
    try:
        await asyncio.wait((answer, over), timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done() and not over.done():
            raise TimeoutError
        if not answer.done() or answer.cancelled():  # on a disconnect Telethon forgets unsent requests and cancels sent ones
            raise ConnectionError("disconnected")
        error = answer.exception()
        if isinstance(error, BROKEN):  # or fails them with whatever ended the connection, such as the kernel's ETIMEDOUT
            raise ConnectionError("disconnected") from error
        return answer.result()
    finally:
        drop(answer)
        drop(over)


def drop(future: asyncio.Future[Any]) -> None:
    """Stop waiting for a future, and mark its exception as seen."""
    if not future.cancel() and not future.cancelled():
        future.exception()
