"""An endpoint is down for an hour while 5,000 events come for it, in virtual time, without and with processes that die."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from functions.callback_delivery.retry import Failed
from tests.support.in_memory_delivery import out_of_order, repeats
from tests.support.noisy_neighbours import CALL_S, GOOD, EndpointBehaviour, Simulation, p99
from tests.support.virtual_time import VirtualClock, run

HOUR_S = 3600
pytestmark = pytest.mark.timeout(600)  # seconds of work, and a machine may be busy
AWAY = EndpointBehaviour(0.02, Failed("connect failed"))
EVENTS = 5000
OTHERS = 2250
CHATS = 60
POLLERS = 10


@dataclass(frozen=True)
class OutageResult:
    """The result: the ids of the events for the endpoint that was down, and how late the other tenant's events were."""

    simulation: Simulation
    ids: list[str]
    others_s: list[float]


def outage(*, seed: int = 0, killing: int = 0, events: int = EVENTS) -> OutageResult:
    """Let an endpoint be away for an hour, then an hour pass in which processes still die, and one in which none does.

    Another tenant has an event every two seconds during the first hour and a quarter of the second.
    """

    async def program(clock: VirtualClock) -> OutageResult:
        simulation = Simulation(clock, seed, killing)
        back_s = clock.boottime() + HOUR_S
        away = simulation.tenant("away", lambda: AWAY if clock.boottime() < back_s else GOOD)
        other = simulation.tenant("other", (GOOD,))
        async with asyncio.TaskGroup() as group:
            machines = [group.create_task(simulation.pollers(POLLERS)), group.create_task(simulation.schedule())]
            ours = group.create_task(simulation.traffic(away, HOUR_S / EVENTS, CHATS, events))
            others = group.create_task(simulation.traffic(other, 2.0, 20, OTHERS))
            await asyncio.sleep(2 * HOUR_S)
            simulation.killing = 0
            await asyncio.sleep(HOUR_S)
            for machine in machines:
                machine.cancel()
        return OutageResult(simulation, ours.result(), [simulation.late_s[event_id] for event_id in others.result()])

    return run(program, CALL_S)


def test_after_an_outage_5000_events_arrive_in_order_and_nobody_else_notices() -> None:
    """Each once, in order per chat and within a quarter of an hour, while another tenant's events are as late as they are without it."""
    quiet, ended = outage(events=0), outage()
    simulation = ended.simulation
    assert len(simulation.taken) == len({one.webhook_id for one in simulation.taken}) == EVENTS + OTHERS
    assert out_of_order(simulation.taken) == []
    assert (simulation.system.unsettled(), simulation.system.queue.left) == ([], 0)
    assert max(simulation.sent_s[event_id] + simulation.late_s[event_id] for event_id in ended.ids) < simulation.begun_s + HOUR_S + 15 * 60
    assert p99(ended.others_s) <= 1.5 * p99(quiet.others_s)
    assert max(ended.others_s) <= 1.5 * max(quiet.others_s)


@pytest.mark.parametrize("seed", [1, 2])
def test_whoever_dies_nothing_is_lost_and_no_more_is_repeated_than_was_in_flight(seed: int) -> None:
    """Dozens of functions and sweepers die at random; repeats have the same id, and only events in a batch that died are late."""
    ended = outage(seed=seed, killing=1000)
    simulation = ended.simulation
    assert simulation.deaths > 40
    assert {one.webhook_id for one in simulation.taken} == set(simulation.sent_s)
    assert len({(one.tenant, one.chat, one.message) for one in simulation.taken}) == len(simulation.sent_s) == EVENTS + OTHERS
    assert out_of_order(simulation.taken) == []
    assert 0 < repeats(simulation.taken) <= simulation.excused
    assert (simulation.system.unsettled(), simulation.system.queue.left) == ([], 0)
    assert sum(late_s > 1.0 for late_s in ended.others_s) <= 10 * simulation.deaths
