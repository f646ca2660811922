"""Blocking AWS calls on threads, each with a deadline.

Cancelling or missing the deadline abandons the wait, not the call: a write may still be applied afterwards. Every conditional write in
shared/store is made for that; the SDK's own time-outs end the thread soon after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
DEADLINE_S = 20.0


class Offload:
    """A bounded pool of threads."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def __call__(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call on a thread and return what it returns; raises TimeoutError after the deadline."""
        return await self.within(DEADLINE_S, call, *args, **kwargs)

    async def within(self, deadline_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same with a deadline of its own, in seconds."""
        work = asyncio.get_running_loop().run_in_executor(self._pool, lambda: call(*args, **kwargs))
        async with asyncio.timeout(deadline_s):  # `wait_for` swallows a cancellation that arrives just as the call ends (Python 3.11)
            return await work

    def close(self) -> None:
        """Take no more calls; those running end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)
