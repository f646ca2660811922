"""What a connection does while nothing else happens on it: pings, stall checks, and once after a log-in reading the dialogs.

Pings show a dead link within a minute; stall checks show updates that no longer arrive. A task exists only while one of these runs, to
keep an idle account cheap: a task that sleeps costs 2 kB.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from telethon import errors
from telethon.tl import functions

from listener.telegram.connection.stall_detector import PATIENCE_S, Watched, detect_stall
from listener.telegram.updates.update_receiver import UpdateReceiver

DROP_AFTER_S = 60  # Telegram closes the connection after so long without a ping, also that of a paused process
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeepaliveTimings:
    """How often to ping and to check for a stall, how long a ping's answer may take, and how long missing updates may."""

    ping_every_s: float = 30.0
    ping_deadline_s: float = 20.0
    check_every_s: float = 300.0
    patience_s: float = PATIENCE_S


TIMINGS = KeepaliveTimings()


class KeptAlive(Watched, Protocol):
    """A connection that is kept alive. A log-in's has no `receiver`."""

    receiver: UpdateReceiver | None

    async def invoke(self, request: Any, deadline_s: float = ...) -> Any:
        """Send one request and return Telegram's answer, or raise TimeoutError after the deadline."""

    async def disconnect(self) -> None:
        """End the connection."""

    async def give_up(self, error: BaseException) -> None:
        """End the connection, for this reason."""


class Keepalive:
    """Keeps one connection alive. Any failure ends the connection. Call `stop` afterwards."""

    __slots__ = ("_check_at", "_connection", "_ping_at", "_tasks", "_timings")

    def __init__(self, connection: KeptAlive, timings: KeepaliveTimings) -> None:
        self._connection = connection
        self._timings = timings
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ping_at = self._check_at = 0.0
        self._plan_ping()
        self._plan_check()
        if connection.receiver and not connection.receiver.state.seeded:
            self._start("seed", self._seed, connection.receiver)

    @property
    def due_s(self) -> float:
        """The seconds until the next ping or check."""
        return max(0.0, min(self._ping_at, self._check_at) - _now())

    def start_due(self) -> None:
        """Start the ping and the check that are due, each only if the one before has ended."""
        if self._ping_at <= _now():
            self._plan_ping()
            self._start("ping", self._ping)
        if self._check_at <= _now():
            self._plan_check()
            if self._connection.receiver:
                self._start("check", detect_stall, self._connection, self._connection.receiver, self._timings.patience_s)

    async def stop(self) -> None:
        """Cancel what is still running."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _plan_ping(self) -> None:
        self._ping_at = _now() + self._timings.ping_every_s

    def _plan_check(self) -> None:
        self._check_at = _now() + self._timings.check_every_s * random.uniform(0.8, 1.2)  # noqa: S311  jitter

    def _start(self, name: str, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._or_give_up(name, work, *arguments))

    async def _or_give_up(self, name: str, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        try:
            await work(*arguments)
        except Exception as error:  # the edge of a task: the error becomes the reason why the connection ended
            await self._connection.give_up(error)
        finally:
            del self._tasks[name]

    async def _ping(self) -> None:
        request = functions.PingDelayDisconnectRequest(secrets.randbits(63), DROP_AFTER_S)
        try:
            await self._connection.invoke(request, self._timings.ping_deadline_s)
        except (OSError, errors.RPCError, errors.BadMessageError):  # TimeoutError is an OSError
            await self._connection.disconnect()

    async def _seed(self, receiver: UpdateReceiver) -> None:
        try:
            await receiver.seed()
        except (OSError, errors.RPCError) as error:  # the next connection reads them
            _log.warning("dialogs not read", extra={"fault": type(error).__name__})


def _now() -> float:
    return asyncio.get_running_loop().time()
