"""A good tenant beside hostile ones: its events are not delayed, and each hostile tenant's use of runs is limited.

The first half is in virtual time, with twenty pollers that never become more, and ten hostile tenants that begin together. The second half
compares the simulated endpoints with real ones, over real sockets.
"""

from __future__ import annotations

import asyncio

import pytest

from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import entries_of
from functions.callback_delivery.retry import Answered
from functions.callback_delivery.slow_attempts import LATE_S
from shared.clock import SystemClock
from shared.model.delivery import DeliveryStatus
from tests.support import hostile_endpoints
from tests.support.callback_network import ANYWHERE, loopback, machine_trust
from tests.support.callback_server import CallbackServer
from tests.support.in_memory_delivery import InMemoryDelivery, out_of_order, repeats
from tests.support.noisy_neighbours import CALL_S, GOOD, HOSTILE, EndpointBehaviour, Simulation, good_tenants_lateness, p99
from tests.support.virtual_time import VirtualClock, run

pytestmark = pytest.mark.timeout(600)  # seconds of work, and a machine may be busy
POLLERS = 20
SECONDS = 120


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_good_tenant_notices_nothing_of_hostile_ones(seed: int) -> None:
    """Ten kinds of endpoints hang, drip, flood, reset and refuse: its p99 is within 1.5 times its p99 alone, and all its events arrive."""
    alone = good_tenants_lateness({}, pollers=POLLERS, seconds=SECONDS, seed=seed)
    beside = good_tenants_lateness(HOSTILE, pollers=POLLERS, seconds=SECONDS, seed=seed)
    assert len(beside) == SECONDS * 10
    assert p99(beside) <= 1.5 * p99(alone)
    assert max(beside) < 1.0


@pytest.mark.parametrize("name", HOSTILE)
def test_five_pollers_are_enough_beside_one_hostile_tenant(name: str) -> None:
    """It does not occupy all of the five pollers that Lambda begins with."""
    alone = good_tenants_lateness({}, pollers=5, seconds=60)
    beside = good_tenants_lateness({name: HOSTILE[name]}, pollers=5, seconds=60)
    assert p99(beside) <= 1.5 * p99(alone)


def test_what_hangs_now_and_then_keeps_one_run_busy_and_not_all() -> None:
    """It accepts events in between, so it is never paused; only the runs that began before the first late answer wait for it."""

    async def program(clock: VirtualClock) -> list[int]:
        simulation = Simulation(clock)
        tenant = simulation.tenant("now and then", HOSTILE["hangs now and then"])
        kept = []
        async with asyncio.TaskGroup() as group:
            pollers = group.create_task(simulation.pollers(POLLERS))
            sending = group.create_task(simulation.traffic(tenant, 1.0, 20, 100))
            while not sending.done():
                await asyncio.sleep(0.5)
                kept.append(simulation.busy_runs(longer_than_s=LATE_S + 1))
            pollers.cancel()
        return kept

    kept = run(program, CALL_S)
    assert 1 <= max(kept) <= 2  # of an event a second; four without the hold


def test_a_slow_callback_is_parked_although_it_takes_everything() -> None:
    """Each answer takes 7.5 s: after five of them the sweeper delivers, in order, nothing twice."""

    async def program(clock: VirtualClock) -> tuple[Simulation, int]:
        simulation = Simulation(clock)
        tenant = simulation.tenant("slow", HOSTILE["slow"])
        async with simulation.at_work(POLLERS):
            await simulation.traffic(tenant, 1.0, 4, 60)
            parked = len(simulation.system.log.said("callback paused"))
            await asyncio.sleep(600)
        return simulation, parked

    simulation, parked = run(program, CALL_S)
    assert parked >= 1
    assert len(simulation.late_s) == len(simulation.system.sent) == 60
    assert (out_of_order(simulation.taken), repeats(simulation.taken), simulation.system.queue.left) == ([], 0, 0)


def test_a_slow_answer_now_and_then_costs_its_tenant_little_more_than_itself() -> None:
    """One answer in fifty takes three seconds: nothing is parked, and other chats wait no longer than that answer."""

    async def program(clock: VirtualClock) -> tuple[Simulation, list[str]]:
        simulation = Simulation(clock)
        tenant = simulation.tenant("hiccups", [*[GOOD] * 49, EndpointBehaviour(3.0, Answered(200))])
        async with asyncio.TaskGroup() as group:
            pollers = group.create_task(simulation.pollers(POLLERS))
            ids = await simulation.traffic(tenant, 0.2, 20, 500)
            await asyncio.sleep(30)
            pollers.cancel()
        return simulation, ids

    simulation, ids = run(program, CALL_S)
    late = [simulation.late_s[event_id] for event_id in ids]
    assert simulation.system.log.said("callback paused") == []
    assert p99(late) < 3.5
    assert sorted(late)[len(late) // 2] < 0.1


def test_a_backlog_behind_a_held_callback_leaves_the_queue() -> None:
    """More events come than one run at a time can deliver; they must not stay in the queue that all tenants share."""

    async def program(clock: VirtualClock) -> tuple[Simulation, int]:
        simulation = Simulation(clock)
        tenant = simulation.tenant("now and then", HOSTILE["hangs now and then"])
        async with simulation.at_work(POLLERS):
            await simulation.traffic(tenant, 0.2, 50, 1500)
            left = simulation.system.queue.left
        return simulation, left

    simulation, left = run(program, CALL_S)
    assert simulation.system.log.said("callback paused")
    assert left < 60 / 0.2 + 50, left


@pytest.mark.parametrize("behaviour", hostile_endpoints.EVERY, ids=lambda behaviour: behaviour.__name__)
async def test_a_real_hostile_endpoint_holds_up_no_other_chat_of_its_batch(
    behaviour: hostile_endpoints.Behaviour, receiver: CallbackServer
) -> None:
    """Over real sockets, with a deadline of minutes: the good tenant's event is recorded and out of the queue while the other hangs."""
    system = InMemoryDelivery(SystemClock())
    poster = Poster(allowed=ANYWHERE, resolve=loopback, trust=machine_trust(), clock=system.clock, attempt_s=300.0, body_s=300.0)
    async with hostile_endpoints.endpoint(behaviour) as port:
        bad = system.new_tenant(f"http://bad.example:{port}/")
        good = system.new_tenant(f"http://good.example:{receiver.port}/")
        system.send(bad.id, 1, 1)
        wanted = system.send(good.id, 1, 2)
        run = asyncio.create_task(system.function(poster.post).run(entries_of(system.source.receive())))
        while wanted.group in system.queue.groups and not run.done():  # noqa: ASYNC110  it goes in a thread
            await asyncio.sleep(0.01)
        stays = run.result()[0] if run.done() else []  # what ended by itself leaves taking messages out to the mapping
        run.cancel()
        await asyncio.wait({run})
    await poster.close()
    record = system.deliveries.get(good.id, wanted.id)
    assert record
    assert record.status is DeliveryStatus.DELIVERED
    assert "2" not in stays
