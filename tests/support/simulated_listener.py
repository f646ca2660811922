"""Simulated listener processes: the real ownership code without threads, network or real time, over a table in memory.

Each process has a clock with its own rate, and an event loop that runs only when the fleet lets it, so that a paused process stops in the
middle of its work. The test decides when and how calls to the table are applied and answered. No account is logged in, so that none needs
Telegram.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import io
import math
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, ParamSpec, TypeVar
from uuid import uuid4

from aws_lambda_powertools import Logger
from pydantic import SecretStr

from listener.core.account_context import AccountContext, WorkerServices
from listener.core.ownership.heartbeat import Lapsed
from listener.core.ownership.lease import Lease
from listener.core.ownership.ownership import Ownership, Rows
from listener.core.runtime.offload import Offload
from listener.telegram.channel import TelegramDriver
from shared.errors import AvioError
from shared.model.account import Account
from shared.model.ids import WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store.fenced import Superseded
from shared.store.peers import PeerStore
from shared.store.table import StoreUnavailable
from tests.support.fake_stores import OwnershipStores

P = ParamSpec("P")
T = TypeVar("T")
START_AGAIN_S = 3.0
TICKS_PER_S = 1024  # a power of two: sums and differences of times are exact
_SILENT = Logger(service=f"fleet-{uuid4()}", stream=io.StringIO(), level="CRITICAL")
_NONE: Any = None  # services that only a logged-in account needs


class TrueTime:
    """Holds the true time, from which every clock drifts."""

    now = 0.0


class DriftingClock:
    """A clock with its own rate and offset from the true time. `set_by`: the seconds by which its wall clock was set."""

    def __init__(self, true_time: TrueTime, rate: float = 1.0, offset: float = 0.0) -> None:
        self._true_time = true_time
        self._rate = rate
        self._offset = offset
        self.set_by = 0.0

    def boottime(self) -> float:
        """Return seconds since boot."""
        return math.floor((self._offset + self._rate * self._true_time.now) * TICKS_PER_S) / TICKS_PER_S

    def now(self) -> datetime:
        """Return the wall time."""
        return datetime(2026, 3, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=self.boottime() + self.set_by)

    def true_time(self, boottime: float) -> float:
        """Return the true time at which the clock will show `boottime`, or just after."""
        return (boottime - self._offset) / self._rate + 1e-6


class SteppedLoop(asyncio.SelectorEventLoop):
    """An event loop on a process's clock. `run_due` runs the work that is ready or due; `idle_until` is its next timer."""

    def __init__(self, clock: DriftingClock) -> None:
        self._clock = clock
        self.idle_until: float | None = None
        super().__init__(_NeverWaitingSelector(self))

    def time(self) -> float:
        """Return the process's time."""
        return self._clock.boottime()

    def run_due(self) -> None:
        """Run until the loop would wait."""
        self.run_forever()


class _NeverWaitingSelector(selectors.SelectSelector):
    """Stops its loop instead of waiting."""

    def __init__(self, loop: SteppedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return no events. If the loop would wait, stop it."""
        if timeout is None or timeout > 0:
            self._loop.idle_until = None if timeout is None else self._loop.time() + timeout
            self._loop.stop()
        return []


class CallFate(StrEnum):
    """Says how a call to the table ends."""

    ANSWERED = "answered"
    LOST = "lost"  # never applied; its caller times out
    UNANSWERED = "unanswered"  # applied; its caller times out
    HELD = "held"  # applied and answered when the test lets it, its caller may long have timed out
    ANSWER_HELD = "answer held"  # applied now, answered when the test lets it
    REPEATED = "repeated"  # the SDK sent it again: applied twice, the second answer counts
    ECHOED = "echoed"  # answered, and its first try applied once more when the test lets it
    REFUSED = "refused"  # not applied, and an error says so
    FAILED = "failed"  # applied, but an error says that perhaps it was not
    BROKEN = "broken"  # raises an unexpected exception


class FaultyOffload(Offload):
    """Runs a process's calls to the table inline, each with the fate that the test drew for it."""

    def __init__(self, held: list[Callable[[], None]]) -> None:
        self.fates: deque[CallFate] = deque()
        self.cut = False
        self.closed = False
        self._held = held

    async def within(self, deadline_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Send a call; raises TimeoutError after the deadline."""
        if self.closed:
            raise TimeoutError
        return await asyncio.wait_for(self._send(partial(call, *args, **kwargs)), deadline_s)

    def close(self) -> None:
        """Let no more calls through."""
        self.closed = True

    def _send(self, call: Callable[[], T]) -> asyncio.Future[T]:
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        call_fate = CallFate.LOST if self.cut else self.fates.popleft() if self.fates else CallFate.ANSWERED
        match call_fate:
            case CallFate.LOST:
                pass
            case CallFate.HELD:
                self._held.append(lambda: _apply(call)(answer))
            case CallFate.ANSWER_HELD:
                self._held.append(partial(_apply(call), answer))
            case CallFate.UNANSWERED:
                _apply(call)
            case CallFate.REFUSED:
                answer.set_exception(StoreUnavailable("refused"))
            case CallFate.FAILED:
                _apply(call)
                answer.set_exception(StoreUnavailable("failed"))
            case CallFate.BROKEN:
                answer.set_exception(RuntimeError("broken"))
            case CallFate.ECHOED:
                _apply(call)(answer)
                self._held.append(lambda: (_apply(call), None)[1])
            case CallFate.REPEATED:
                _apply(call)
                _apply(call)(answer)
            case _:
                _apply(call)(answer)
        return answer


def _apply(call: Callable[[], T]) -> Callable[[asyncio.Future[T]], None]:
    """Make a call. Return a function that passes its result or error to a waiting caller."""
    try:
        result = call()
    except Exception as error:  # it is the caller's
        failure = error
        return lambda answer: None if answer.done() else answer.set_exception(failure)
    return lambda answer: None if answer.done() else answer.set_result(result)


class ListenerProcess:
    """A listener process: one worker after another, as in listener/__main__.py."""

    def __init__(self, stores: OwnershipStores, clock: DriftingClock, held: list[Callable[[], None]], names: Iterator[int]) -> None:
        self.stores = stores
        self.clock = clock
        self.loop = SteppedLoop(clock)
        self.paused = False
        self.crashed = False
        self.beats, self.rows, self.account_rows = self.lines = [FaultyOffload(held) for _ in range(3)]
        self.contexts: list[tuple[Ownership, AccountContext]] = []
        self._names = names
        self.stopping = False
        self.worker = self._new_worker()
        self._services = WorkerServices(
            table=stores.table,
            accounts=stores.accounts,
            peers=PeerStore(stores.table),
            fenced=stores.fenced,
            envelope=_NONE,
            offload=self.account_rows,
            writer=_NONE,
            clock=clock,
            logger=_SILENT,
            files=_NONE,
        )
        self.main = self.loop.create_task(self._run())

    @property
    def runs(self) -> bool:
        """Whether it is neither paused nor crashed."""
        return not (self.paused or self.crashed)

    def do(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run a task in the process. Expected errors are for the task's caller, and are ignored here."""
        self.loop.create_task(_suppress_expected(work))

    def stop(self) -> None:
        """Have it hand over and end, as SIGTERM does."""
        self.stopping = True
        self.loop.call_soon(self.worker.stop)

    def crash(self) -> None:
        """End as by kill -9. Calls that are under way to the table stay under way."""
        self.crashed = True

    def look(self) -> None:
        """Have it look at its peers now, as after a nudge."""
        self.loop.call_soon(self.worker.beats.news.set)

    def could_send(self) -> list[AccountContext]:
        """Return the accounts for which the process could send a frame now, if it ran.

        This checks a copy of the lease, because a check may end the lease.
        """
        if self.crashed:
            return []
        return [context for worker, context in self.contexts if not context.guard._closed and copy.copy(worker.lease).held()]

    def close(self) -> None:
        """Cancel its tasks, and close its loop."""
        for line in self.lines:
            line.close()
        while tasks := asyncio.all_tasks(self.loop):
            for task in tasks:
                task.cancel()
            self.loop.run_due()
        self.loop.close()

    async def _run(self) -> None:
        while not self.stopping:
            try:
                await self.worker.run()
                self.stopping = True
            except (Lapsed, StoreUnavailable, TimeoutError):
                self.worker = self._new_worker()
                await asyncio.sleep(START_AGAIN_S)

    def _new_worker(self) -> Ownership:
        lease = Lease(self.clock)
        me = Worker(
            id=WorkerId(f"w{next(self._names)}"),
            state=WorkerState.LIVE,
            beat=0,
            address="127.0.0.1:1",
            certificate="pem",
            rpc_key=SecretStr("k"),
        )
        stores = self.stores
        rows = Rows(stores.accounts, stores.workers, stores.workers, self.rows, self.beats)

        def open_context(row: Account, worker_id: WorkerId) -> AccountContext:
            context = AccountContext(row, worker_id, lease.guard(), self._services)
            self.contexts.append((ownership, context))
            return context

        ownership = Ownership(me, lease, rows, open_context, [TelegramDriver(_NONE)], self.clock, _SILENT)
        return ownership


async def _suppress_expected(work: Callable[[], Coroutine[Any, Any, object]]) -> None:
    with contextlib.suppress(AvioError, StoreUnavailable, TimeoutError, Superseded, RuntimeError):
        await work()
