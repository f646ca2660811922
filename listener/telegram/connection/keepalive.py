"""What a connection needs while nothing happens on it: pings, so that a dead link is noticed within a minute; comparing states, so that a
stall is noticed at all; and, once after a log-in, reading the dialogs.

There is a task only while one of these is at it, since an idle account is to cost little: a task that sleeps costs 2 kB.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telethon import errors
from telethon.tl import functions

from listener.telegram.connection.stall_detector import PATIENCE_S, check

if TYPE_CHECKING:
    from listener.telegram.connection.client import Client
    from listener.telegram.updates.update_receiver import UpdateReceiver

DROP_AFTER_S = 60  # Telegram closes the connection when no ping came for so long: also that of a paused process
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pace:
    """How often it is pinged and compared, how long an answer to a ping may take, and how long what is missing may."""

    ping_every_s: float = 30.0
    ping_deadline_s: float = 20.0
    check_every_s: float = 300.0
    patience_s: float = PATIENCE_S


PACE = Pace()


class Keepalive:
    """One connection's. Whatever fails ends the connection; `stop` it afterwards."""

    __slots__ = ("_check_at", "_client", "_pace", "_ping_at", "_tasks")

    def __init__(self, client: Client, pace: Pace) -> None:
        self._client = client
        self._pace = pace
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ping_at = self._check_at = 0.0
        self._plan_ping()
        self._plan_check()
        if client.intake and not client.intake.taken.seeded:
            self._do("seed", self._seed, client.intake)

    @property
    def due_s(self) -> float:
        """In how many seconds something is to be begun."""
        return max(0.0, min(self._ping_at, self._check_at) - _now())

    def begin(self) -> None:
        """Begin what is due. What has been begun before and is still under way is not begun again."""
        if self._ping_at <= _now():
            self._plan_ping()
            self._do("ping", self._ping)
        if self._check_at <= _now():
            self._plan_check()
            if self._client.intake:
                self._do("check", check, self._client, self._client.intake, self._pace.patience_s)

    async def stop(self) -> None:
        """Give up what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _plan_ping(self) -> None:
        self._ping_at = _now() + self._pace.ping_every_s

    def _plan_check(self) -> None:
        self._check_at = _now() + self._pace.check_every_s * random.uniform(0.8, 1.2)  # noqa: S311  jitter

    def _do(self, name: str, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._or_give_up(name, work, *arguments))

    async def _or_give_up(self, name: str, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        try:
            await work(*arguments)
        except Exception as error:  # the edge of a task: it becomes the reason why the connection is over
            await self._client.give_up(error)
        finally:
            del self._tasks[name]

    async def _ping(self) -> None:
        request = functions.PingDelayDisconnectRequest(secrets.randbits(63), DROP_AFTER_S)
        try:
            await self._client.invoke(request, self._pace.ping_deadline_s)
        except (OSError, errors.RPCError, errors.BadMessageError):  # TimeoutError is an OSError
            await self._client.disconnect()

    async def _seed(self, intake: UpdateReceiver) -> None:
        try:
            await intake.seed()
        except (OSError, errors.RPCError) as error:  # the next connection reads them
            _log.warning("dialogs not read", extra={"fault": type(error).__name__})


def _now() -> float:
    return asyncio.get_running_loop().time()
