"""Parking and draining in any interleaving of delivery functions and sweepers, with deaths in the middle of any step, endpoints that fail,
recover or answer 410, events that are always refused, callbacks that are moved, removed, set again and woken, and deleted tenants. All
processes of an example share what a warm function could remember of a tenant.

In each of them: a chat's events are accepted in order; an event is accepted twice only if a process died between its 2xx and its record;
and no event is lost that came after its callback had been set or woken for good. An event that came while its callback was disabled is in
the log. `AVIO_PROTOCOL_EXAMPLES` sets the number of examples.
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
from functions.callback_delivery.callback_wake import CallbackWaker
from functions.callback_delivery.queue import entries_of
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.model.backlog import CallbackHealth
from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from tests.support.clock import FakeClock
from tests.support.fault_injection import Killed, SeededExecutor, SimulatedProcess
from tests.support.in_memory_delivery import Accepted, InMemoryDelivery, accepted, out_of_order, repeats

EXAMPLES = int(os.environ.get("AVIO_PROTOCOL_EXAMPLES", "40"))
TENANTS = st.integers(0, 1)
CHATS = st.integers(1, 2)
DEATHS = st.integers(0, 60).map(lambda step: step if step <= 40 else 0)
KINDS = st.sampled_from(["deliver", "sweep", "listen", "settings"])
PROCESSES = st.lists(st.tuples(KINDS, DEATHS), min_size=1, max_size=5)
SEEDS = st.integers(0, 10_000)


class DeliveryMachine(RuleBasedStateMachine):
    """Two tenants with an endpoint each, and processes that are started as the rules say."""

    @initialize()
    def begin(self) -> None:
        """Two endpoints accept everything."""
        self.clock = FakeClock()
        self.system = InMemoryDelivery(self.clock)
        self.tenants = [self.system.new_tenant(f"https://shop-{number}.example/") for number in range(2)]
        self.down: set[int] = set()
        self.away: set[int] = set()
        self.gone: set[int] = set()
        self.disabled: set[int] = set()
        self.owed: set[str] = set()
        self.waker = CallbackWaker(self.system.tenants, self.system.callbacks, self.system.backlog, self.clock, self.system.log.logger)
        self.poison: set[str] = set()
        self.deleted: set[int] = set()
        self.taken: list[Accepted] = []
        self.excused = 0
        self.last = 0

    @rule(tenant=TENANTS, chat=CHATS, count=st.integers(1, 4), poison=st.integers(0, 9))
    def send(self, tenant: int, chat: int, count: int, poison: int) -> None:
        """Queue events of a chat; in one of ten series the endpoint never accepts the first event."""
        for _ in range(count):
            event = self._send(tenant, chat)
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
        processes = [SimulatedProcess(dies_at) for _, dies_at in started]

        async def all_() -> None:
            loop = asyncio.get_running_loop()
            loop.set_default_executor(SeededExecutor(loop, random))
            running = zip(started, processes, strict=True)
            await asyncio.gather(*(self._survived(self._one(kind, process, random)) for (kind, _), process in running))

        asyncio.run(all_())
        self.excused += sum(len(process.unrecorded) for process in processes)

    @rule(tenant=TENANTS, same=st.booleans())
    def set(self, tenant: int, same: bool) -> None:
        """A tenant sets another URL, or the first one again."""
        self.last += 1
        url = f"https://shop-{tenant}{'' if same else f'-{self.last}'}.example/"
        self.system.tenants.change(self.tenants[tenant].id, {"callback_url": url, "callback_since": self.clock.now()})
        self.away.discard(tenant)
        self.disabled.discard(tenant)

    @rule(tenant=TENANTS)
    def take_away(self, tenant: int) -> None:
        """A tenant removes its callback: from now on nothing is owed to it, not even earlier events."""
        self.system.tenants.change(self.tenants[tenant].id, {"callback_url": None})
        self.away.add(tenant)
        self._owe_nothing(tenant)

    @rule(tenant=TENANTS)
    def wake(self, tenant: int) -> None:
        """A tenant has its callback tried now."""
        before = self.system.tenants.get(self.tenants[tenant].id)
        self.waker.wake(self.tenants[tenant].id)
        if before and before.callback_disabled:  # else a 410 to an attempt under way may disable it yet
            self.disabled.discard(tenant)

    @rule(tenant=TENANTS)
    def say_gone(self, tenant: int) -> None:
        """An endpoint begins or stops to answer 410: its callback may then be disabled until it is set or woken."""
        if tenant in self.gone:
            self.disabled.add(tenant)
        else:
            self._owe_nothing(tenant)
        self.gone ^= {tenant}

    def _send(self, tenant: int, chat: int) -> Event:
        self.last += 1
        event = self.system.send(self.tenants[tenant].id, chat, self.last)
        if tenant not in self.away | self.gone | self.disabled:
            self.owed.add(event.id)
        return event

    def _owe_nothing(self, tenant: int) -> None:
        self.owed -= {event.id for event in self.system.sent if event.tenant_id == self.tenants[tenant].id}

    @precondition(lambda self: not self.deleted)
    @rule(rarely=st.integers(0, 9))
    def delete(self, rarely: int) -> None:
        """A tenant is deleted."""
        if rarely == 9:
            self.deleted.add(1)
            self.system.tenants.end(self.tenants[1].id, (), self.system.clock.now())

    @invariant()
    def every_chat_is_in_order(self) -> None:
        """No event is accepted after a later event of its chat."""
        assert out_of_order(self.taken) == []

    @invariant()
    def only_deaths_repeat(self) -> None:
        """Only events between a 2xx and its record, when a process died, are accepted twice."""
        assert repeats(self.taken) <= self.excused

    def teardown(self) -> None:
        """Once the endpoints accept everything, everything arrives, and the backlog is empty."""
        if not hasattr(self, "system"):
            return
        self.down.clear()
        self.poison.clear()
        self.gone.clear()
        for tenant in range(2):
            self.wake(tenant)
        for _ in range(60):
            self.run([("deliver", 0), ("sweep", 0), ("deliver", 0)], 0)
            self.clock.advance(61)
            if not self.system.queue.left and not self._parked():
                break
        assert (self.system.queue.left, self._parked()) == (0, [])
        self.every_chat_is_in_order()
        self.only_deaths_repeat()
        for event in self.system.sent:
            if not (event.tenant_id == self.tenants[1].id and self.deleted):
                self._check(event)

    def _check(self, event: Event) -> None:
        """An owed event has arrived, or was refused for an hour while others were accepted; any other event has a final record, or none."""
        record = self.system.deliveries.get(event.tenant_id, event.id)
        if record is None:
            assert event.id not in self.owed, event.id
            return
        given_up = record.status is DeliveryStatus.DEAD and record.quick >= 5
        assert record.status is DeliveryStatus.DELIVERED or given_up or (event.id not in self.owed and record.status.final), record
        if record.status is DeliveryStatus.DELIVERED:
            assert event.id in {one.webhook_id for one in self.taken}

    def _parked(self) -> list[str]:
        """Return what is parked."""
        left = [sk for sk in self.system.unsettled() if sk != "CALLBACK"]
        return left + [tenant.id for tenant in self.tenants if self.system.callbacks.get(tenant.id).state is not CallbackHealth.HEALTHY]

    async def _one(self, kind: str, process: SimulatedProcess, random: Random) -> None:
        if kind == "sweep":
            await self.system.sweeper(self._post(process, random), process).run()
            return
        if kind == "listen":
            await self._listen(random)
            return
        if kind == "settings":
            await self._settings(random)
            return
        function = self.system.function(self._post(process, random), process)
        for _ in range(20):
            batch = self.system.source.receive()
            if not batch["Records"]:
                await _turns(random.randrange(20))
                continue
            failed, _ = await function.run(entries_of(batch))
            self.system.source.delete(record for record in batch["Records"] if record["messageId"] not in failed)

    async def _listen(self, random: Random) -> None:
        for _ in range(random.randrange(8)):
            await _turns(random.randrange(60))
            self._send(random.randrange(2), random.randrange(1, 3))

    async def _settings(self, random: Random) -> None:
        """Remove a callback, or have its endpoint answer 410, and then set or wake it, with events before and after."""
        tenant = random.randrange(2)
        for act in random.choice(
            [(self.take_away, self.set), (self.say_gone, self.say_gone, self.set), (self.say_gone, self.say_gone, self.wake)]
        ):
            await _turns(random.randrange(60))
            self._send(tenant, random.randrange(1, 3))
            act(tenant, *([random.random() < 0.5] if act == self.set else []))
        self._send(tenant, random.randrange(1, 3))

    async def _survived(self, running: Coroutine[Any, Any, None]) -> None:
        try:
            await running
        except Killed:
            return
        except BaseExceptionGroup as group:
            if group.split(Killed)[1] is not None:
                raise

    def _post(self, process: SimulatedProcess, random: Random) -> Post:
        async def post(_: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
            process.step()
            one = accepted(body, headers)
            if one.tenant - 1 in self.gone:
                await _turns(random.randrange(60))
                process.step()
                return Answered(410)
            await _turns(random.randrange(6))
            if one.tenant in self.down or one.webhook_id in self.poison:
                process.step()
                return Failed("timed out") if one.message % 2 else Answered(503)
            self.taken.append(one)
            process.unrecorded.add(one.webhook_id)
            process.step()
            return Answered(200)

        return post


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


TestDeliveries = DeliveryMachine.TestCase
TestDeliveries.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
