"""Doing the same for many things, some of them at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 16


async def for_each(things: Iterable[T], do: Callable[[T], Awaitable[object]], at_once: int = AT_ONCE) -> None:
    """Do something with each. After a failure no more are begun, those under way finish, and the first failure is raised.

    Cancelling cancels those under way.
    """
    left, failures = deque(things), list[Exception]()

    async def work() -> None:
        while left and not failures:
            try:
                await do(left.popleft())
            except Exception as error:  # the edge of one thing: it becomes a value, so that the others are not cut off
                failures.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(min(at_once, len(left))):
            tasks.create_task(work())
    if failures:
        raise failures[0]
