"""Parking and draining step by step: an outage, a poison message, a moved endpoint, a deleted tenant."""

from __future__ import annotations

from datetime import timedelta

import pytest

from functions.sweeper import schedule
from shared.model.backlog import CallbackHealth
from shared.model.delivery import DeliveryStatus
from testing.fake_aws.dynamodb import DELIVERIES
from tests.support.delivery_scenario import DeliveryScenario
from tests.support.in_memory_delivery import Accepted, out_of_order


async def test_after_an_outage_everything_arrives_in_order(scenario: DeliveryScenario) -> None:
    """The event that failed, those after it, and those that came while it was parked; then the backlog is empty."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1, 2)
    await scenario.deliver()
    scenario.send(1, 3)
    scenario.send(2, 10, 11)
    await scenario.deliver()
    assert scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.PAUSED
    scenario.endpoint.says = lambda _: 200
    await scenario.sweep()
    assert sorted(scenario.messages) == [1, 2, 3, 10, 11]
    assert out_of_order(scenario.endpoint.taken) == []
    assert scenario.system.unsettled() == []
    assert {scenario.status(event) for event in scenario.system.sent} == {DeliveryStatus.DELIVERED}


async def test_an_open_callback_is_delivered_hot_again(scenario: DeliveryScenario) -> None:
    """Once the backlog is empty, the sweeper is no longer involved."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1)
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 200
    await scenario.sweep()
    scenario.send(1, 2)
    await scenario.deliver()
    assert scenario.messages == [1, 2]


async def test_a_parked_callback_costs_fewer_and_fewer_probes(scenario: DeliveryScenario) -> None:
    """After a minute, then at doubled intervals, in the end every 15 minutes."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1)
    await scenario.deliver()
    before = len(scenario.endpoint.posted)
    await scenario.sweep(timedelta(hours=6))
    probes = len(scenario.endpoint.posted) - before
    assert 24 <= probes <= 32
    assert scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.PAUSED


async def test_after_five_days_the_callback_is_disabled_and_its_events_are_dead(scenario: DeliveryScenario) -> None:
    """The tenant can read why, and replay them."""
    scenario.endpoint.says = lambda _: 500
    events = scenario.send(1, 1, 2) + scenario.send(2, 3)
    await scenario.deliver()
    for _ in range(600):
        scenario.clock.advance(15 * 60)
        await scenario.system.sweeper(scenario.endpoint.post).run()
    tenant = scenario.system.tenants.get(scenario.tenant.id)
    assert tenant
    assert "five days" in (tenant.callback_disabled or "")
    assert {scenario.status(event) for event in events} == {DeliveryStatus.DEAD}
    assert scenario.system.unsettled() == []


async def test_a_poison_message_is_dead_after_an_hour_and_its_chat_goes_on(scenario: DeliveryScenario) -> None:
    """Other events are accepted meanwhile; the refused event is tried at growing intervals, then given up."""
    scenario.endpoint.says = lambda one: 500 if one.message == 1 else 200
    poison, *_ = scenario.send(1, 1, 2, 3)
    for minute in range(80):
        scenario.send(2, 100 + minute)
        await scenario.deliver()
        await scenario.sweep()
    assert scenario.status(poison) is DeliveryStatus.DEAD
    assert [message for message in scenario.messages if message < 100] == [2, 3]
    assert len([message for message in scenario.messages if message >= 100]) == 80
    assert scenario.system.unsettled() == [] or scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.HEALTHY
    tried = [one for one in scenario.endpoint.posted if one.message == 1]
    assert 8 <= len(tried) <= 20


async def test_parked_events_go_to_the_url_that_was_set_meanwhile(scenario: DeliveryScenario) -> None:
    """The tenant moved its endpoint because the old one was broken: parked events go to the new one."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1, 2)
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 200
    scenario.change(callback_url="https://shop.example/new", callback_since=scenario.clock.now())
    await scenario.sweep()
    assert scenario.messages == [1, 2]
    assert set(scenario.endpoint.urls[-2:]) == {"https://shop.example/new"}


async def test_a_moved_endpoint_is_probed_as_soon_as_an_event_comes(scenario: DeliveryScenario) -> None:
    """The next scheduled probe may be 15 minutes away."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1)
    await scenario.deliver()
    await scenario.sweep(timedelta(hours=2))
    scenario.change(callback_url="https://shop.example/new")
    scenario.endpoint.says = lambda _: 200
    scenario.clock.advance(11)
    scenario.send(1, 2)
    await scenario.deliver()
    await scenario.sweep()
    assert scenario.messages == [1, 2]


async def test_of_a_deleted_tenant_nothing_stays(scenario: DeliveryScenario) -> None:
    """Nothing is posted any more, and its records and backlog are erased."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1, 2)
    await scenario.deliver()
    posted = len(scenario.endpoint.posted)
    scenario.system.tenants.end(scenario.tenant.id, (), scenario.system.clock.now())
    await scenario.sweep()
    assert len(scenario.endpoint.posted) == posted
    assert scenario.system.dynamodb.addresses(DELIVERIES) == []


async def test_a_callback_taken_away_ends_what_is_parked(scenario: DeliveryScenario) -> None:
    """Its events are dropped with the reason, and can be replayed."""
    scenario.endpoint.says = lambda _: 500
    events = scenario.send(1, 1, 2)
    await scenario.deliver()
    scenario.change(callback_url=None)
    await scenario.sweep()
    assert {scenario.status(event) for event in events} == {DeliveryStatus.DROPPED}
    assert scenario.system.unsettled() == []


async def test_410_to_a_probe_disables_the_callback(scenario: DeliveryScenario) -> None:
    """The endpoint says that it is gone: its parked events are dead."""
    scenario.endpoint.says = lambda _: 500
    events = scenario.send(1, 1, 2)
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 410
    await scenario.sweep()
    tenant = scenario.system.tenants.get(scenario.tenant.id)
    assert tenant
    assert "410" in (tenant.callback_disabled or "")
    assert {scenario.status(event) for event in events} == {DeliveryStatus.DEAD}
    assert scenario.system.unsettled() == []


async def test_a_refused_probe_does_not_open_the_callback(scenario: DeliveryScenario) -> None:
    """A proxy that answers 404 to everything must not end the parked events."""
    scenario.endpoint.says = lambda _: 500
    events = scenario.send(1, *range(1, 8))
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 404
    await scenario.sweep()
    assert {scenario.status(event) for event in events} == {DeliveryStatus.PARKED}


async def test_a_callback_that_refuses_again_while_it_is_drained_is_parked_again(scenario: DeliveryScenario) -> None:
    """Accepted events stay accepted, the others wait, and in the end all have arrived in order."""
    scenario.endpoint.says = lambda _: 500
    for chat in range(12):
        scenario.send(chat + 1, 1, 2)
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 200 if len(scenario.endpoint.taken) < 7 else 500
    await scenario.sweep()
    assert len(scenario.endpoint.taken) == 7
    assert scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.PAUSED
    scenario.endpoint.says = lambda _: 200
    await scenario.sweep(timedelta(minutes=20))
    assert len(scenario.endpoint.taken) == 24
    assert out_of_order(scenario.endpoint.taken) == []
    assert scenario.system.unsettled() == []


def test_the_schedule_widens_up_to_a_quarter_of_an_hour() -> None:
    """30 s, doubled each time."""
    assert [schedule.delay(tried).total_seconds() for tried in range(7)] == [30, 60, 120, 240, 480, 900, 900]


async def test_what_comes_after_a_callback_was_set_again_arrives_whatever_was_decided_before(scenario: DeliveryScenario) -> None:
    """Removed and set again within a minute, an event each second: those in between are counted, the others arrive in order."""
    for second in range(60):
        if second == 15:
            scenario.change(callback_url=None)
        if second == 38:
            scenario.change(callback_url="https://shop.example/in", callback_since=scenario.clock.now())
        scenario.send(1, second)
        await scenario.deliver()
        scenario.clock.advance(1)
    assert scenario.messages == [*range(15), *range(38, 60)]
    dropped = scenario.system.deliveries.dropped(scenario.tenant.id)
    assert dropped
    assert (dropped.count, dropped.last_at - dropped.since) == (23, timedelta(seconds=22))


async def test_a_drain_stops_at_a_tenants_end_and_at_a_callbacks(scenario: DeliveryScenario) -> None:
    """A drain lasts for a minute: what it posts, and where, is decided again each second."""
    scenario.endpoint.says = lambda _: 500
    events = scenario.send(1, *range(1, 9))
    await scenario.deliver()

    def taken(_: Accepted) -> int:
        scenario.clock.advance(0.5)
        if len(scenario.endpoint.taken) == 3:
            scenario.change(callback_url="https://shop.example/new")
        if len(scenario.endpoint.taken) == 5:
            scenario.change(callback_url=None)
        return 200

    scenario.endpoint.says = taken
    await scenario.sweep()
    assert scenario.messages == [1, 2, 3, 4, 5, 6, 7][: len(scenario.messages)]
    assert len(scenario.messages) in (6, 7)
    assert scenario.endpoint.urls[-1] == "https://shop.example/new"
    assert {scenario.status(event) for event in events[len(scenario.messages) :]} == {DeliveryStatus.DROPPED}
    assert scenario.system.unsettled() == []


async def test_a_clock_that_is_set_back_costs_no_event() -> None:
    """Events that come after a callback was set are delivered, although the clock says that they came before; also parked ones."""
    scenario = DeliveryScenario()
    scenario.change(callback_url=None)
    scenario.change(callback_url="https://shop.example/in", callback_since=scenario.clock.now())
    scenario.clock.jump(-3600)
    scenario.send(1, 1, 2)
    await scenario.deliver()
    assert scenario.messages == [1, 2]
    scenario.endpoint.says = lambda _: 503
    scenario.send(1, 3)
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 200
    scenario.clock.jump(7200)
    await scenario.sweep(timedelta(minutes=30))
    assert scenario.messages == [1, 2, 3]


@pytest.mark.parametrize("jump", [3600, -3600])
async def test_a_clock_that_is_set_while_events_are_parked_loses_none(jump: int) -> None:
    """They arrive in order and once; after a jump back, at the latest when the clock has caught up."""
    scenario = DeliveryScenario()
    scenario.endpoint.says = lambda _: 503
    for number in range(1, 7):
        scenario.send(1, number)
        scenario.send(2, number)
    await scenario.deliver()
    scenario.clock.jump(jump)
    scenario.endpoint.says = lambda _: 200
    await scenario.sweep(timedelta(minutes=90))
    assert len(scenario.messages) == 12
    assert [one.message for one in scenario.endpoint.taken if one.chat == 1] == [1, 2, 3, 4, 5, 6]
    assert scenario.system.unsettled() == []


async def test_a_run_says_by_how_long_it_came_too_late(scenario: DeliveryScenario) -> None:
    """An alarm hangs on it: the sweeper may run and still not get to what is due."""
    scenario.endpoint.says = lambda _: 500
    scenario.send(1, 1)
    await scenario.deliver()
    due_at = scenario.system.callbacks.get(scenario.tenant.id).due_at
    assert due_at is not None
    scenario.clock.advance(600)
    late = scenario.clock.now() - due_at
    assert late > timedelta(minutes=5)
    assert (await scenario.system.sweeper(scenario.endpoint.post).run()).late_s == late.total_seconds()
    assert (await scenario.system.sweeper(scenario.endpoint.post).run()).late_s == 0
