"""Parking and draining in any interleaving: hot lane against drain, two drainers, deaths in the middle of any step, endpoints that come and
go, poison messages, URLs that change and tenants that are deleted meanwhile.

Whatever happens: a chat's events are taken in order, nothing is lost, and an event is taken twice only where a process died between its
2xx and its record. `AVIO_PROTOCOL_EXAMPLES` makes it long.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.callback_delivery.attempt import Post
from functions.callback_delivery.queue import entries_of
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.model.delivery import DeliveryStatus
from shared.model.ids import TenantId
from shared.model.parking import Lane
from tests.support.clock import FakeClock
from tests.support.delivery_world import Accepted, World, accepted, out_of_order, repeats
from tests.support.mortal import Interleaved, Killed, Process

EXAMPLES = int(os.environ.get("AVIO_PROTOCOL_EXAMPLES", "40"))
TENANTS = st.integers(0, 1)
CHATS = st.integers(1, 2)
DEATHS = st.integers(0, 60).map(lambda step: step if step <= 40 else 0)
KINDS = st.sampled_from(["deliver", "sweep", "listen"])
PROCESSES = st.lists(st.tuples(KINDS, DEATHS), min_size=1, max_size=5)
SEEDS = st.integers(0, 10_000)


class Deliveries(RuleBasedStateMachine):
    """Two tenants with an endpoint each, and processes that are started as the rules say."""

    @initialize()
    def begin(self) -> None:
        """Two endpoints that take everything."""
        self.clock = FakeClock()
        self.world = World(self.clock)
        self.tenants = [self.world.new_tenant(f"https://shop-{number}.example/") for number in range(2)]
        self.down: set[int] = set()
        self.poison: set[str] = set()
        self.deleted: set[int] = set()
        self.taken: list[Accepted] = []
        self.excused = 0
        self.last = 0

    @rule(tenant=TENANTS, chat=CHATS, count=st.integers(1, 4), poison=st.integers(0, 9))
    def send(self, tenant: int, chat: int, count: int, poison: int) -> None:
        """Queue events of a chat; one in ten runs of them begins with one that its endpoint never takes."""
        for _ in range(count):
            self.last += 1
            event = self.world.send(self.tenants[tenant].id, chat, self.last)
            if poison == 9:
                self.poison.add(event.id)
                poison = 0

    @rule(tenant=TENANTS)
    def turn(self, tenant: int) -> None:
        """An endpoint goes down, or comes up again."""
        self.down ^= {self.tenants[tenant].number}

    @rule(seconds=st.sampled_from([1, 8, 31, 91, 400, 1000]))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.clock.advance(seconds)

    @rule(tenant=TENANTS, count=st.integers(1, 3), started=PROCESSES, seed=SEEDS)
    def outage(self, tenant: int, count: int, started: list[tuple[str, int]], seed: int) -> None:
        """An endpoint is down until what comes is parked; then two sweepers at once find it up, and events come all the while."""
        self.down.add(self.tenants[tenant].number)
        for chat in (1, 2):
            self.send(tenant, chat, count, 0)
        for _ in range(5):
            self.run([("deliver", 0)], seed)
            self.clock.advance(9)
        self.down.discard(self.tenants[tenant].number)
        self.clock.advance(901)
        self.run([("sweep", 0), ("sweep", 0), ("listen", 0), ("deliver", 0), *started], seed)

    @rule(started=PROCESSES, seed=SEEDS)
    def run(self, started: list[tuple[str, int]], seed: int) -> None:
        """Some processes run side by side, and some of them die."""
        random = Random(seed)
        processes = [Process(dies_at) for _, dies_at in started]

        async def all_() -> None:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(Interleaved(loop, random))
            running = zip(started, processes, strict=True)
            await asyncio.gather(*(self._survived(self._one(kind, process, random)) for (kind, _), process in running))

        asyncio.run(all_())
        self.excused += sum(len(process.flying) for process in processes)

    @rule(tenant=TENANTS)
    def move(self, tenant: int) -> None:
        """A tenant sets another URL."""
        self.last += 1
        self.world.tenants.change(self.tenants[tenant].id, {"callback_url": f"https://shop-{tenant}-{self.last}.example/"})

    @precondition(lambda self: not self.deleted)
    @rule(rarely=st.integers(0, 9))
    def delete(self, rarely: int) -> None:
        """A tenant is deleted."""
        if rarely == 9:
            self.deleted.add(1)
            self.world.tenants.mark_deleting(self.tenants[1].id)

    @invariant()
    def every_chat_is_in_order(self) -> None:
        """No event is taken after a later one of its chat."""
        assert out_of_order(self.taken) == []

    @invariant()
    def only_deaths_repeat(self) -> None:
        """No more is taken twice than was between 2xx and record when a process died."""
        assert repeats(self.taken) <= self.excused

    def teardown(self) -> None:
        """Once the endpoints take everything, everything arrives, and the lot is empty."""
        if not hasattr(self, "world"):
            return
        self.down.clear()
        self.poison.clear()
        for _ in range(60):
            self.run([("deliver", 0), ("sweep", 0), ("deliver", 0)], 0)
            self.clock.advance(61)
            if not self.world.source.left and not self._parked():
                break
        assert (self.world.source.left, self._parked()) == (0, [])
        self.every_chat_is_in_order()
        self.only_deaths_repeat()
        for event in self.world.sent:
            record = self.world.deliveries.get(event.tenant_id, event.id)
            if event.tenant_id == self.tenants[1].id and self.deleted:
                continue
            assert record, event.id
            given_up = record.status is DeliveryStatus.DEAD and record.quick >= 5
            assert record.status is DeliveryStatus.DELIVERED or given_up, record
            if not given_up:
                assert event.id in {one.webhook_id for one in self.taken}

    def _parked(self) -> list[str]:
        """Return what is parked."""
        left = [sk for sk in self.world.unsettled() if sk != "CALLBACK"]
        return left + [tenant.id for tenant in self.tenants if self.world.parking.callback(tenant.id).state is not Lane.OPEN]

    async def _one(self, kind: str, process: Process, random: Random) -> None:
        if kind == "sweep":
            await self.world.sweeper(self._post(process, random), process).run()
            return
        if kind == "listen":
            await self._listen(random)
            return
        function = self.world.function(self._post(process, random), process)
        for _ in range(20):
            batch = self.world.source.receive()
            if not batch["Records"]:
                await _turns(random.randrange(20))
                continue
            failed, _ = await function.run(entries_of(batch))
            done = [one["receiptHandle"] for one in batch["Records"] if one["messageId"] not in failed]
            self.world.source.delete_message_batch(Entries=[{"Id": receipt, "ReceiptHandle": receipt} for receipt in done])

    async def _listen(self, random: Random) -> None:
        for _ in range(random.randrange(8)):
            await _turns(random.randrange(60))
            self.last += 1
            self.world.send(self.tenants[random.randrange(2)].id, random.randrange(1, 3), self.last)

    async def _survived(self, running: Coroutine[Any, Any, None]) -> None:
        try:
            await running
        except Killed:
            return
        except BaseExceptionGroup as group:
            if group.split(Killed)[1] is not None:
                raise

    def _post(self, process: Process, random: Random) -> Post:
        async def post(_: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
            process.step()
            await _turns(random.randrange(6))
            one = accepted(body, headers)
            if one.tenant in self.down or one.webhook_id in self.poison:
                process.step()
                return Failed("timed out") if one.message % 2 else Answered(503)
            self.taken.append(one)
            process.flying.add(one.webhook_id)
            process.step()
            return Answered(200)

        return post


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
