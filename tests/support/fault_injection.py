"""Processes that die in the middle of a step, and an executor whose interleaving is repeatable from its seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import Any


class Killed(BaseException):
    """The process died: it does nothing more."""


class SimulatedProcess:
    """A process that dies before or after its `dies_at`th step (0: never). A step is a call to storage or queue, or a POST.

    `unrecorded`: what it posted and has not recorded yet.
    """

    def __init__(self, dies_at: int = 0) -> None:
        self._left = dies_at
        self.dead = False
        self.unrecorded: set[str] = set()

    def step(self) -> None:
        """Continue, or die by raising Killed."""
        if self._left:
            self._left -= 1
            self.dead = self._left == 0 or self.dead
        if self.dead:
            raise Killed


class CrashingClient:
    """A client of a process that may die: the process can die before a call is applied, or before it is answered."""

    def __init__(self, inner: Any, process: SimulatedProcess) -> None:
        self._inner = inner
        self._process = process

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*args: Any, **options: Any) -> Any:
            self._process.step()
            answer = method(*args, **options)
            self._process.step()
            return answer

        return call


class SeededExecutor(ThreadPoolExecutor):
    """Runs calls meant for threads on the event loop, each after a number of turns that the seed decides."""

    def __init__(self, loop: asyncio.AbstractEventLoop, random: Random) -> None:
        super().__init__(max_workers=1)
        self._loop = loop
        self._random = random

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a call later on this loop."""
        future: Future[Any] = Future()

        def run(turns: int) -> None:
            if turns:
                self._loop.call_soon(run, turns - 1)
                return
            if not future.set_running_or_notify_cancel():
                return  # nobody waits for it any more, and it had not begun
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # as a thread hands it on
                future.set_exception(error)

        self._loop.call_soon(run, self._random.randrange(4))
        return future
