"""A good tenant beside hostile ones, in virtual time: what each endpoint does to a POST, how often events come, and how late they arrive.

How long each kind of endpoint takes, and what becomes of the attempt, is what the poster makes of a real one
(tests/functions/callback_delivery/test_neighbours.py holds the two together).
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

from functions.callback_delivery.queue import Entry
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.model.ids import TenantId
from tests.support.event_source import Run, feed
from tests.support.fault_injection import Killed, Process
from tests.support.in_memory_delivery import Accepted, InMemoryDelivery, accepted
from tests.support.virtual_time import VirtualClock, run

CALL_S = 0.005
"""What a call to storage or queue takes."""


@dataclass(frozen=True)
class Kind:
    """What an endpoint does with a POST: this, after so long."""

    takes_s: float
    outcome: Outcome


GOOD = Kind(0.05, Answered(200))
HANGS = Kind(8.0, Failed("timed out"))
HOSTILE: dict[str, tuple[Kind, ...]] = {
    "never answers": (HANGS,),
    "drips its head": (HANGS,),
    "drips its body": (Kind(2.0, Answered(200)),),
    "slow": (Kind(7.5, Answered(200)),),
    "hangs now and then": (GOOD, HANGS),
    "endless body": (Kind(0.1, Answered(200)),),
    "huge headers": (Kind(0.1, Failed("connection broken")),),
    "certificate": (Kind(0.1, Failed("certificate refused")),),
    "resets": (Kind(0.02, Failed("connection broken")),),
    "500": (Kind(0.05, Answered(500)),),
}
"""By name; of several kinds one after the other."""


@dataclass
class Simulation:
    """Tenants with an endpoint each, their traffic, and how late each event arrived.

    `seed` decides on which chat an event comes and, with `killing` (the mean number of steps that a process does before it dies, 0: none
    does), when processes die. `excused` counts the POSTs that an endpoint had taken and a process had not recorded when it died.
    """

    clock: VirtualClock
    seed: int = 0
    killing: int = 0
    taken: list[Accepted] = field(default_factory=list)
    late_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = InMemoryDelivery(self.clock)
        self.kinds: dict[str, Callable[[], Kind]] = {}
        self.sent_s: dict[str, float] = {}
        self.under_way: list[tuple[Process, float]] = []
        self.processes: list[Process] = []
        self._random = Random(self.seed)
        self._chats = 0
        self.begun_s = self.clock.boottime()

    @property
    def excused(self) -> int:
        """POSTs that were in flight when their process died."""
        return sum(len(process.flying) for process in self.processes if process.dead)

    @property
    def deaths(self) -> int:
        """Processes that died."""
        return sum(process.dead for process in self.processes)

    def tenant(self, name: str, kinds: Sequence[Kind] | Callable[[], Kind]) -> TenantId:
        """Make a tenant whose endpoint does these in turn, or what it is told."""
        url = f"https://{name.replace(' ', '-')}.example/"
        self.kinds[url] = kinds if callable(kinds) else partial(next, itertools.cycle(kinds))
        return self.world.new_tenant(url).id

    def runs_kept(self, longer_than_s: float) -> int:
        """Count the processes that wait for an answer for longer than this."""
        return len({process for process, since_s in self.under_way if self.clock.boottime() - since_s > longer_than_s})

    async def traffic(self, tenant_id: TenantId, every_s: float, chats: int, count: int) -> list[str]:
        """Have events come; return their ids."""
        random = Random(f"{self.seed} {chats} {every_s}")
        self._chats += 1000
        first, ids = self._chats, list[str]()  # no two tenants have a chat of one number, and so no event of one id
        for number in range(1, count + 1):
            event = self.world.send(tenant_id, first + random.randrange(chats), number)
            self.sent_s[event.id] = self.clock.boottime()
            ids.append(event.id)
            await asyncio.sleep(every_s * random.uniform(0.5, 1.5))
        return ids

    async def pollers(self, count: int) -> None:
        """Feed the function until cancelled."""

        def start() -> Run:
            process = self._process()
            function = self.world.function(partial(self._post, process), process)

            async def one(entries: Sequence[Entry]) -> list[str]:
                return (await function.run(entries))[0]

            return one

        await feed(self.world.source, start, count)

    @contextlib.asynccontextmanager
    async def at_work(self, pollers: int) -> AsyncIterator[None]:
        """Have so many pollers and the sweeper at work meanwhile."""
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
                await self.world.sweeper(partial(self._post, process), process).run(ahead=True)
            except BaseExceptionGroup as group:
                if group.split(Killed)[1] is not None:
                    raise

    def _process(self) -> Process:
        process = Process(self._random.randrange(1, 2 * self.killing) if self.killing else 0)
        self.processes.append(process)
        return process

    async def _post(self, process: Process, _: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Do to a POST what its endpoint does: take it half-way, if it does, and answer at the end."""
        process.step()
        kind = self.kinds[url]()
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

    def _take(self, process: Process, one: Accepted) -> None:
        self.taken.append(one)
        process.flying.add(one.webhook_id)
        self.late_s.setdefault(one.webhook_id, self.clock.boottime() - self.sent_s[one.webhook_id])


def good_ones_lateness(hostile: dict[str, tuple[Kind, ...]], *, pollers: int, seconds: int, seed: int = 0) -> list[float]:
    """Return how late each of the good tenant's events arrived, in seconds."""

    async def program(clock: VirtualClock) -> list[float]:
        street = Simulation(clock, seed)
        good = street.tenant("good", (GOOD,))
        bad = [street.tenant(name, kinds) for name, kinds in hostile.items()]
        async with street.at_work(pollers):
            async with asyncio.TaskGroup() as sending:
                ours = sending.create_task(street.traffic(good, 0.1, 20, seconds * 10))
                for tenant_id in bad:
                    sending.create_task(street.traffic(tenant_id, 0.5, 10, seconds * 2))
            await asyncio.sleep(60)
        return [street.late_s.get(event_id, math.inf) for event_id in ours.result()]

    return run(program, CALL_S)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile, by nearest rank."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]
