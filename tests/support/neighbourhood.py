"""A good tenant beside hostile ones, in virtual time: what each endpoint does to a POST, how often events come, and how late they arrive.

How long each kind of endpoint takes, and what becomes of the attempt, is what the poster makes of a real one
(tests/functions/callback_delivery/test_neighbours.py holds the two together).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random

from functions.callback_delivery.queue import Entry
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.model.ids import TenantId
from tests.support.delivery_world import Accepted, World, accepted
from tests.support.event_source import Run, feed
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
class Street:
    """Tenants with an endpoint each, their traffic, and the good one's delays. `seed` decides on which chat an event comes."""

    clock: VirtualClock
    seed: int = 0
    taken: list[Accepted] = field(default_factory=list)
    late_s: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = World(self.clock)
        self.kinds: dict[str, Callable[[], Kind]] = {}
        self.sent_s: dict[str, float] = {}
        self.under_way: list[tuple[object, float]] = []

    def tenant(self, name: str, kinds: Sequence[Kind]) -> TenantId:
        """Make a tenant whose endpoint does this."""
        url = f"https://{name.replace(' ', '-')}.example/"
        turns = 0

        def next_kind() -> Kind:
            nonlocal turns
            turns += 1
            return kinds[turns % len(kinds)]

        self.kinds[url] = next_kind
        return self.world.new_tenant(url).id

    def runs_kept(self, longer_than_s: float) -> int:
        """Count the processes that wait for an answer for longer than this."""
        return len({process for process, since_s in self.under_way if self.clock.boottime() - since_s > longer_than_s})

    async def post_from(self, process: object, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Post as one of the processes that are counted."""
        mine = (process, self.clock.boottime())
        self.under_way.append(mine)
        try:
            return await self.post(url, headers, body)
        finally:
            self.under_way.remove(mine)

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Do to a POST what its endpoint does."""
        kind = self.kinds[url]()
        await asyncio.sleep(kind.takes_s)
        if isinstance(kind.outcome, Answered) and kind.outcome.status == 200:
            self.taken.append(accepted(body, headers))
            event_id = headers["webhook-id"]
            self.late_s.setdefault(event_id, self.clock.boottime() - self.sent_s[event_id])
        return kind.outcome

    async def traffic(self, tenant_id: TenantId, every_s: float, chats: int, count: int) -> list[str]:
        """Have events come; return their ids."""
        random = Random(f"{self.seed} {chats} {every_s}")
        ids: list[str] = []
        for number in range(1, count + 1):
            event = self.world.send(tenant_id, 1 + random.randrange(chats), number)
            self.sent_s[event.id] = self.clock.boottime()
            ids.append(event.id)
            await asyncio.sleep(every_s * random.uniform(0.5, 1.5))
        return ids

    async def pollers(self, count: int) -> None:
        """Feed the function until cancelled."""

        def start() -> Run:
            function = self.world.function(partial(self.post_from, object()))

            async def one(entries: Sequence[Entry]) -> list[str]:
                return (await function.run(entries))[0]

            return one

        await feed(self.world.source, start, count)

    async def schedule(self) -> None:
        """Start the sweeper each minute, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await asyncio.sleep(60)
                group.create_task(self.world.sweeper(self.post).run())


def good_ones_lateness(hostile: dict[str, tuple[Kind, ...]], *, pollers: int, seconds: int, seed: int = 0) -> list[float]:
    """Return how late each of the good tenant's events arrived, in seconds."""

    async def program(clock: VirtualClock) -> list[float]:
        street = Street(clock, seed)
        good = street.tenant("good", (GOOD,))
        bad = [street.tenant(name, kinds) for name, kinds in hostile.items()]
        async with asyncio.TaskGroup() as group:
            machines = [group.create_task(street.pollers(pollers)), group.create_task(street.schedule())]
            async with asyncio.TaskGroup() as sending:
                ours = sending.create_task(street.traffic(good, 0.1, 20, seconds * 10))
                for tenant_id in bad:
                    sending.create_task(street.traffic(tenant_id, 0.5, 10, seconds * 2))
            await asyncio.sleep(60)
            for machine in machines:
                machine.cancel()
        return [street.late_s.get(event_id, math.inf) for event_id in ours.result()]

    return run(program, CALL_S)


def p99(values: Sequence[float]) -> float:
    """Return the 99th percentile, by nearest rank."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]
