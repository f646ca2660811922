"""A simulation of a good tenant beside hostile ones, in virtual time: endpoints' behaviours, traffic, and how late events arrive.

Each behaviour's duration and outcome are those of the poster with such an endpoint: tests/functions/callback_delivery/test_neighbours.py
compares them with real endpoints.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from functions.callback_delivery.queue import QueueEntry
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.model.ids import TenantId
from tests.support.event_source import Run, feed
from tests.support.fault_injection import Killed, SimulatedProcess
from tests.support.in_memory_delivery import Accepted, InMemoryDelivery, accepted
from tests.support.virtual_time import VirtualClock, run

CALL_S = 0.005
"""The duration of a call to storage or queue."""


@dataclass(frozen=True)
class EndpointBehaviour:
    """An endpoint's outcome for a POST, after so many seconds."""

    takes_s: float
    outcome: Outcome


GOOD = EndpointBehaviour(0.05, Answered(200))
HANGS = EndpointBehaviour(8.0, Failed("timed out"))
HOSTILE: dict[str, tuple[EndpointBehaviour, ...]] = {
    "never answers": (HANGS,),
    "drips its head": (HANGS,),
    "drips its body": (EndpointBehaviour(2.0, Answered(200)),),
    "slow": (EndpointBehaviour(7.5, Answered(200)),),
    "hangs now and then": (GOOD, HANGS),
    "endless body": (EndpointBehaviour(0.1, Answered(200)),),
    "huge headers": (EndpointBehaviour(0.1, Failed("connection broken")),),
    "certificate": (EndpointBehaviour(0.1, Failed("certificate refused")),),
    "resets": (EndpointBehaviour(0.02, Failed("connection broken")),),
    "500": (EndpointBehaviour(0.05, Answered(500)),),
}
"""By name. Several behaviours alternate."""


@dataclass
class Simulation:
    """Tenants with an endpoint each, their traffic, and how late each event arrived.

    `seed` decides the chat of each event, and when processes die. `killing`: the mean number of steps before a process dies (0: never).
    """

    clock: VirtualClock
    seed: int = 0
    killing: int = 0
    taken: list[Accepted] = field(default_factory=list)
    late_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.system = InMemoryDelivery(self.clock)
        self.behaviours: dict[str, Callable[[], EndpointBehaviour]] = {}
        self.sent_s: dict[str, float] = {}
        self.under_way: list[tuple[SimulatedProcess, float]] = []
        self.processes: list[SimulatedProcess] = []
        self._random = Random(self.seed)
        self._chats = 0
        self.begun_s = self.clock.boottime()

    @property
    def excused(self) -> int:
        """POSTs that were accepted, and not recorded when their process died."""
        return sum(len(process.unrecorded) for process in self.processes if process.dead)

    @property
    def deaths(self) -> int:
        """Processes that died."""
        return sum(process.dead for process in self.processes)

    def tenant(self, name: str, behaviours: Sequence[EndpointBehaviour] | Callable[[], EndpointBehaviour]) -> TenantId:
        """Make a tenant whose endpoint behaves in these ways in turn, or as a function says."""
        url = f"https://{name.replace(' ', '-')}.example/"
        self.behaviours[url] = behaviours if callable(behaviours) else partial(next, itertools.cycle(behaviours))
        return self.system.new_tenant(url).id

    def busy_runs(self, longer_than_s: float) -> int:
        """Count the processes that have waited longer than this for an answer."""
        return len({process for process, since_s in self.under_way if self.clock.boottime() - since_s > longer_than_s})

    async def traffic(self, tenant_id: TenantId, every_s: float, chats: int, count: int) -> list[str]:
        """Queue events over time; return their ids."""
        random = Random(f"{self.seed} {chats} {every_s}")
        self._chats += 1000
        first, ids = self._chats, list[str]()  # no two tenants have a chat of one number, and so no event of one id
        for number in range(1, count + 1):
            event = self.system.send(tenant_id, first + random.randrange(chats), number)
            self.sent_s[event.id] = self.clock.boottime()
            ids.append(event.id)
            await asyncio.sleep(every_s * random.uniform(0.5, 1.5))
        return ids

    async def pollers(self, count: int) -> None:
        """Deliver from the queue until cancelled."""

        def start() -> Run:
            process = self._process()
            function = self.system.function(partial(self._post, process), process)

            async def one(entries: Sequence[QueueEntry]) -> list[str]:
                return (await function.run(entries))[0]

            return one

        await feed(self.system.source, start, count)

    @contextlib.asynccontextmanager
    async def at_work(self, pollers: int) -> AsyncIterator[None]:
        """Run so many pollers and the sweeper during the context."""
        async with asyncio.TaskGroup() as group:
            machines = [group.create_task(self.pollers(pollers)), group.create_task(self.schedule())]
            yield
            for machine in machines:
                machine.cancel()

    async def schedule(self) -> None:
        """Start the sweeper each minute, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(60)
                group.create_task(self._sweep())

    async def _sweep(self) -> None:
        process = self._process()
        with contextlib.suppress(Killed):
            try:
                await self.system.sweeper(partial(self._post, process), process).run(ahead=True)
            except BaseExceptionGroup as group:
                if group.split(Killed)[1] is not None:
                    raise

    def _process(self) -> SimulatedProcess:
        process = SimulatedProcess(self._random.randrange(1, 2 * self.killing) if self.killing else 0)
        self.processes.append(process)
        return process

    async def _post(self, process: SimulatedProcess, _: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Behave as the endpoint does: accept the POST halfway, if at all, and answer at the end."""
        process.step()
        kind = self.behaviours[url]()
        mine = (process, self.clock.boottime())
        self.under_way.append(mine)
        try:
            await asyncio.sleep(kind.takes_s / 2)
            if isinstance(kind.outcome, Answered) and kind.outcome.status == 200:
                self._take(process, accepted(body, headers))
            await asyncio.sleep(kind.takes_s / 2)
        finally:
            self.under_way.remove(mine)
        process.step()
        return kind.outcome

    def _take(self, process: SimulatedProcess, one: Accepted) -> None:
        self.taken.append(one)
        process.unrecorded.add(one.webhook_id)
        self.late_s.setdefault(one.webhook_id, self.clock.boottime() - self.sent_s[one.webhook_id])


def good_tenants_lateness(hostile: dict[str, tuple[EndpointBehaviour, ...]], *, pollers: int, seconds: int, seed: int = 0) -> list[float]:
    """Return how late each of the good tenant's events arrived, in seconds."""

    async def program(clock: VirtualClock) -> list[float]:
        simulation = Simulation(clock, seed)
        good = simulation.tenant("good", (GOOD,))
        bad = [simulation.tenant(name, behaviours) for name, behaviours in hostile.items()]
        async with simulation.at_work(pollers):
            async with asyncio.TaskGroup() as sending:
                ours = sending.create_task(simulation.traffic(good, 0.1, 20, seconds * 10))
                for tenant_id in bad:
                    sending.create_task(simulation.traffic(tenant_id, 0.5, 10, seconds * 2))
            await asyncio.sleep(60)
        return [simulation.late_s.get(event_id, math.inf) for event_id in ours.result()]

    return run(program, CALL_S)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile, by nearest rank."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]
