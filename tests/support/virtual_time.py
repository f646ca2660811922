"""A loop whose time is its own: it jumps to the next timer instead of waiting, so an hour takes as long as what is done in it.

Nothing here depends on how fast the machine is: the same program has the same times each run. What is meant for threads runs on the loop,
`call_s` after it was asked for. Nothing from outside (sockets, threads) may be waited for.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs without waiting. `call_s`: how long a call to storage or queue takes."""

    def __init__(self, call_s: float = 0.0) -> None:
        self._now_s = 1000.0
        super().__init__(_Jumping(self))
        self.set_default_executor(_OnTheLoop(self, call_s))

    def time(self) -> float:
        """Return the loop's own time."""
        return self._now_s

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds


class VirtualClock:
    """Wall time and boot time of a loop."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        """Return the wall time."""
        return BEGIN + timedelta(seconds=self._loop.time())

    def boottime(self) -> float:
        """Return seconds since boot."""
        return self._loop.time()


def run(program: Callable[[VirtualClock], Coroutine[Any, Any, T]], call_s: float = 0.0) -> T:
    """Run a program to its end on a loop of its own."""
    loop = VirtualLoop(call_s)
    try:
        return loop.run_until_complete(program(VirtualClock(loop)))
    finally:
        loop.close()


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Jump where nothing is ready."""
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everything waits, and nothing will ever happen")
            self._loop.jump(max(timeout, 0.0))
        return ready


class _OnTheLoop(ThreadPoolExecutor):
    def __init__(self, loop: VirtualLoop, call_s: float) -> None:
        super().__init__(max_workers=1)
        self._loop = loop
        self._call_s = call_s

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call on the loop, after a while."""
        future: Future[Any] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return  # nobody waits for it any more
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # as a thread hands it on
                future.set_exception(error)

        self._loop.call_later(self._call_s, run)
        return future
