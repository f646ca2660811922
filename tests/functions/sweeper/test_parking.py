"""Parking and draining step by step: an outage, a poison message, a moved endpoint, a deleted tenant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.sweeper import schedule
from shared.model.backlog import CallbackHealth
from shared.model.delivery import DeliveryStatus
from tests.support.delivery_scenario import DeliveryScenario
from tests.support.in_memory_delivery import Accepted, out_of_order


async def test_after_an_outage_everything_arrives_in_order(scene: DeliveryScenario) -> None:
    """What failed, what followed it, and what came while it was parked; then nothing is left of the lot."""
    scene.endpoint.says = lambda _: 500
    scene.send(1, 1, 2)
    await scene.deliver()
    scene.send(1, 3)
    scene.send(2, 10, 11)
    await scene.deliver()
    assert scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.PAUSED
    scene.endpoint.says = lambda _: 200
    await scene.sweep()
    assert sorted(scene.messages) == [1, 2, 3, 10, 11]
    assert out_of_order(scene.endpoint.taken) == []
    assert scene.world.unsettled() == []
    assert {scene.status(event) for event in scene.world.sent} == {DeliveryStatus.DELIVERED}


async def test_an_open_callback_is_delivered_hot_again(scene: DeliveryScenario) -> None:
    """Once the lot is empty the sweeper has nothing to do with it."""
    scene.endpoint.says = lambda _: 500
    scene.send(1, 1)
    await scene.deliver()
    scene.endpoint.says = lambda _: 200
    await scene.sweep()
    scene.send(1, 2)
    await scene.deliver()
    assert scene.messages == [1, 2]


async def test_a_parked_callback_costs_fewer_and_fewer_probes(scene: DeliveryScenario) -> None:
    """After half a minute, then in twice the time, every quarter of an hour in the end."""
    scene.endpoint.says = lambda _: 500
    scene.send(1, 1)
    await scene.deliver()
    before = len(scene.endpoint.posted)
    await scene.sweep(timedelta(hours=6))
    probes = len(scene.endpoint.posted) - before
    assert 24 <= probes <= 32
    assert scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.PAUSED


async def test_after_five_days_the_callback_is_disabled_and_its_events_are_dead(scene: DeliveryScenario) -> None:
    """The tenant can read why, and replay them."""
    scene.endpoint.says = lambda _: 500
    events = scene.send(1, 1, 2) + scene.send(2, 3)
    await scene.deliver()
    for _ in range(600):
        scene.clock.advance(15 * 60)
        await scene.world.sweeper(scene.endpoint.post).run()
    tenant = scene.world.tenants.get(scene.tenant.id)
    assert tenant
    assert "five days" in (tenant.callback_disabled or "")
    assert {scene.status(event) for event in events} == {DeliveryStatus.DEAD}
    assert scene.world.unsettled() == []


async def test_a_poison_message_is_dead_after_an_hour_and_its_chat_goes_on(scene: DeliveryScenario) -> None:
    """Others are taken all the while; the poison is tried again on a widening schedule and then given up."""
    scene.endpoint.says = lambda one: 500 if one.message == 1 else 200
    poison, *_ = scene.send(1, 1, 2, 3)
    for minute in range(80):
        scene.send(2, 100 + minute)
        await scene.deliver()
        await scene.sweep()
    assert scene.status(poison) is DeliveryStatus.DEAD
    assert [message for message in scene.messages if message < 100] == [2, 3]
    assert len([message for message in scene.messages if message >= 100]) == 80
    assert scene.world.unsettled() == [] or scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.HEALTHY
    tried = [one for one in scene.endpoint.posted if one.message == 1]
    assert 8 <= len(tried) <= 20


async def test_parked_events_go_to_the_url_that_was_set_meanwhile(scene: DeliveryScenario) -> None:
    """The tenant moved its endpoint because the old one was broken: what waits is not lost with it."""
    scene.endpoint.says = lambda _: 500
    scene.send(1, 1, 2)
    await scene.deliver()
    scene.endpoint.says = lambda _: 200
    scene.change(callback_url="https://shop.example/new", callback_since=scene.clock.now())
    await scene.sweep()
    assert scene.messages == [1, 2]
    assert set(scene.endpoint.urls[-2:]) == {"https://shop.example/new"}


async def test_a_moved_endpoint_is_probed_as_soon_as_an_event_comes(scene: DeliveryScenario) -> None:
    """The next probe of the old one may have been a quarter of an hour away."""
    scene.endpoint.says = lambda _: 500
    scene.send(1, 1)
    await scene.deliver()
    await scene.sweep(timedelta(hours=2))
    scene.change(callback_url="https://shop.example/new")
    scene.endpoint.says = lambda _: 200
    scene.clock.advance(11)
    scene.send(1, 2)
    await scene.deliver()
    await scene.sweep()
    assert scene.messages == [1, 2]


async def test_of_a_deleted_tenant_nothing_stays(scene: DeliveryScenario) -> None:
    """Nothing is posted any more, and its records and its lot are erased."""
    scene.endpoint.says = lambda _: 500
    scene.send(1, 1, 2)
    await scene.deliver()
    posted = len(scene.endpoint.posted)
    scene.world.tenants.end(scene.tenant.id, (), scene.world.clock.now())
    await scene.sweep()
    assert len(scene.endpoint.posted) == posted
    assert scene.world.table.addresses() == []


async def test_a_callback_taken_away_ends_what_is_parked(scene: DeliveryScenario) -> None:
    """Its events are dropped, with the reason, and can be replayed."""
    scene.endpoint.says = lambda _: 500
    events = scene.send(1, 1, 2)
    await scene.deliver()
    scene.change(callback_url=None)
    await scene.sweep()
    assert {scene.status(event) for event in events} == {DeliveryStatus.DROPPED}
    assert scene.world.unsettled() == []


async def test_410_to_a_probe_disables_the_callback(scene: DeliveryScenario) -> None:
    """The endpoint's owner said that it is gone: what waits for it is dead."""
    scene.endpoint.says = lambda _: 500
    events = scene.send(1, 1, 2)
    await scene.deliver()
    scene.endpoint.says = lambda _: 410
    await scene.sweep()
    tenant = scene.world.tenants.get(scene.tenant.id)
    assert tenant
    assert "410" in (tenant.callback_disabled or "")
    assert {scene.status(event) for event in events} == {DeliveryStatus.DEAD}
    assert scene.world.unsettled() == []


async def test_a_refused_probe_does_not_open_the_callback(scene: DeliveryScenario) -> None:
    """A proxy that answers 404 for everything must not cost all that is parked."""
    scene.endpoint.says = lambda _: 500
    events = scene.send(1, *range(1, 8))
    await scene.deliver()
    scene.endpoint.says = lambda _: 404
    await scene.sweep()
    assert {scene.status(event) for event in events} == {DeliveryStatus.PARKED}


async def test_a_callback_that_refuses_again_while_it_is_drained_is_parked_again(scene: DeliveryScenario) -> None:
    """What was taken stays taken, the rest waits, and in the end all is there in order."""
    scene.endpoint.says = lambda _: 500
    for chat in range(12):
        scene.send(chat + 1, 1, 2)
    await scene.deliver()
    scene.endpoint.says = lambda _: 200 if len(scene.endpoint.taken) < 7 else 500
    await scene.sweep()
    assert len(scene.endpoint.taken) == 7
    assert scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.PAUSED
    scene.endpoint.says = lambda _: 200
    await scene.sweep(timedelta(minutes=20))
    assert len(scene.endpoint.taken) == 24
    assert out_of_order(scene.endpoint.taken) == []
    assert scene.world.unsettled() == []


def test_the_schedule_widens_up_to_a_quarter_of_an_hour() -> None:
    """30 s, doubled each time."""
    assert [schedule.delay(tried).total_seconds() for tried in range(7)] == [30, 60, 120, 240, 480, 900, 900]


async def test_what_comes_after_a_callback_was_set_again_arrives_whatever_was_decided_before(scene: DeliveryScenario) -> None:
    """Taken away and back within a minute, a message in each second: what came meanwhile is counted, and the rest arrives in order."""
    for second in range(60):
        if second == 15:
            scene.change(callback_url=None)
        if second == 38:
            scene.change(callback_url="https://shop.example/in", callback_since=scene.clock.now())
        scene.send(1, second)
        await scene.deliver()
        scene.clock.advance(1)
    assert scene.messages == [*range(15), *range(38, 60)]
    dropped = scene.world.deliveries.dropped(scene.tenant.id)
    assert dropped
    assert (dropped.count, dropped.last_at - dropped.since) == (23, timedelta(seconds=22))


async def test_a_drain_stops_at_a_tenants_end_and_at_a_callbacks(scene: DeliveryScenario) -> None:
    """A drain lasts for a minute: what it posts, and where, is decided anew each second."""
    scene.endpoint.says = lambda _: 500
    events = scene.send(1, *range(1, 9))
    await scene.deliver()

    def taken(_: Accepted) -> int:
        scene.clock.advance(0.5)
        if len(scene.endpoint.taken) == 3:
            scene.change(callback_url="https://shop.example/new")
        if len(scene.endpoint.taken) == 5:
            scene.change(callback_url=None)
        return 200

    scene.endpoint.says = taken
    await scene.sweep()
    assert scene.messages == [1, 2, 3, 4, 5, 6, 7][: len(scene.messages)]
    assert len(scene.messages) in (6, 7)
    assert scene.endpoint.urls[-1] == "https://shop.example/new"
    assert {scene.status(event) for event in events[len(scene.messages) :]} == {DeliveryStatus.DROPPED}
    assert scene.world.unsettled() == []


async def test_a_clock_that_is_set_back_costs_no_event() -> None:
    """What comes after a callback was set is delivered, though by the clock it came before; also what is parked meanwhile."""
    scene = DeliveryScenario()
    scene.change(callback_url=None)
    scene.change(callback_url="https://shop.example/in", callback_since=scene.clock.now())
    scene.clock.jump(-3600)
    scene.send(1, 1, 2)
    await scene.deliver()
    assert scene.messages == [1, 2]
    scene.endpoint.says = lambda _: 503
    scene.send(1, 3)
    await scene.deliver()
    scene.endpoint.says = lambda _: 200
    scene.clock.jump(7200)
    await scene.sweep(timedelta(minutes=30))
    assert scene.messages == [1, 2, 3]


@pytest.mark.parametrize("jump", [3600, -3600])
async def test_a_clock_that_is_set_while_events_are_parked_loses_none(jump: int) -> None:
    """They come in order and once; by a clock that went back they come at the latest when it is past where it had been."""
    scene = DeliveryScenario()
    scene.endpoint.says = lambda _: 503
    for number in range(1, 7):
        scene.send(1, number)
        scene.send(2, number)
    await scene.deliver()
    scene.clock.jump(jump)
    scene.endpoint.says = lambda _: 200
    await scene.sweep(timedelta(minutes=90))
    assert len(scene.messages) == 12
    assert [one.message for one in scene.endpoint.taken if one.chat == 1] == [1, 2, 3, 4, 5, 6]
    assert scene.world.unsettled() == []
