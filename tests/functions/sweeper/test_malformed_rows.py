"""Malformed rows in the backlog: what they belong to waits until they are repaired, and everything else is drained."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from functions.callback_delivery.retry import Outcome
from shared.model.backlog import CallbackHealth
from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.store import keys
from tests.support.delivery_scenario import DeliveryScenario
from tests.support.in_memory_delivery import accepted, out_of_order
from tests.support.rows import SECRET, spoil

HALF_AN_HOUR = timedelta(minutes=30)


async def parked(scenario: DeliveryScenario, *chats: tuple[int, ...]) -> list[list[Event]]:
    """Queue messages of chats 1, 2, 3 …, and park all of them with their callback; after that the endpoint accepts events again."""
    scenario.endpoint.says = lambda _: 500
    sent = [scenario.send(number, *messages) for number, messages in enumerate(chats, 1)]
    scenario.send(99, 990)
    await scenario.deliver()
    assert scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.PAUSED
    scenario.endpoint.says = lambda _: 200
    return sent


async def all_in_the_end(scenario: DeliveryScenario) -> None:
    """Check that everything is delivered in order, and the backlog is empty."""
    await scenario.sweep(HALF_AN_HOUR)
    await scenario.deliver()
    await scenario.sweep(HALF_AN_HOUR)
    assert {scenario.status(event) for event in scenario.system.sent} == {DeliveryStatus.DELIVERED}
    assert out_of_order(scenario.endpoint.taken) == []
    assert scenario.system.unsettled() == []


def told(scenario: DeliveryScenario, key: keys.Key) -> bool:
    """Tell whether the log names this row, no other, and nothing of its content."""
    faults = {line["fault"] for line in scenario.system.log.lines if ": " in str(line.get("fault"))}
    return {fault.partition(": ")[0] for fault in faults} == {f"{key['pk']} {key['sk']}"} and SECRET not in scenario.system.log.text


async def test_a_chat_row_holds_up_its_chat_alone(scenario: DeliveryScenario) -> None:
    """Other chats are drained, and their new events are delivered; this chat's events are not posted before the row is repaired."""
    (bad, *_), _ = await parked(scenario, (1, 2), (20, 21))
    chat = keys.parked_chat(scenario.tenant.id, bad.chat)
    spoil(scenario.system.table, chat, "strikes")
    await scenario.sweep(HALF_AN_HOUR)
    scenario.send(2, 22)
    scenario.send(1, 3)
    await scenario.deliver(once=True)
    assert [message for message in scenario.messages if message < 100] == [20, 21, 22]
    assert told(scenario, chat)
    spoil(scenario.system.table, chat, "strikes", 0)
    await all_in_the_end(scenario)


async def test_the_callback_is_not_opened_over_a_chat_whose_row_makes_no_sense(scenario: DeliveryScenario) -> None:
    """Otherwise that chat would be forgotten."""
    ((bad,),) = await parked(scenario, (1,))
    spoil(scenario.system.table, keys.parked_chat(scenario.tenant.id, bad.chat), "seq")
    await scenario.sweep(HALF_AN_HOUR)
    assert scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.RECOVERING
    spoil(scenario.system.table, keys.parked_chat(scenario.tenant.id, bad.chat), "seq", 1)
    await all_in_the_end(scenario)


@pytest.mark.parametrize("row", ["record", "place"])
async def test_a_parked_event_holds_up_what_follows_it_in_its_chat_and_nobody_else(scenario: DeliveryScenario, row: str) -> None:
    """Events before it and other chats' events are delivered, and the callback becomes healthy."""
    (_, bad, _), _ = await parked(scenario, (1, 2, 3), (20,))
    key = keys.delivery(scenario.tenant.id, bad.id) if row == "record" else keys.slot(scenario.tenant.id, bad.chat, 2)
    field, was = ("status", "parked") if row == "record" else ("event_id", bad.id)
    spoil(scenario.system.table, key, field, 7 if row == "place" else SECRET)
    await scenario.sweep(HALF_AN_HOUR)
    scenario.send(1, 4)
    scenario.send(3, 30)
    await scenario.deliver()
    assert sorted(message for message in scenario.messages if message < 100) == [1, 20, 30]
    assert scenario.system.callbacks.get(scenario.tenant.id).state is CallbackHealth.HEALTHY
    assert told(scenario, key)
    spoil(scenario.system.table, key, field, was)
    await all_in_the_end(scenario)


async def test_a_parked_event_that_makes_no_sense_does_not_keep_its_callback_parked(scenario: DeliveryScenario) -> None:
    """There is no other event to probe with: the callback recovers, and new events are delivered."""
    (bad,) = scenario.send(1, 1)
    for _ in range(5):
        scenario.system.callbacks.count_failures(scenario.tenant.id, "x", scenario.clock.now(), scenario.clock.now())
    await scenario.deliver()
    spoil(scenario.system.table, keys.delivery(scenario.tenant.id, bad.id), "status")
    await scenario.sweep()
    scenario.send(2, 20)
    await scenario.deliver()
    assert scenario.messages == [20]
    spoil(scenario.system.table, keys.delivery(scenario.tenant.id, bad.id), "status", "parked")
    await all_in_the_end(scenario)


async def test_probes_pass_over_what_makes_no_sense(scenario: DeliveryScenario) -> None:
    """A malformed row is no sign that the endpoint accepts events."""
    chats = await parked(scenario, (1,), (10,), (11,), (30,))
    scenario.endpoint.says = lambda _: 500
    since = scenario.system.callbacks.get(scenario.tenant.id).since
    for (bad,) in chats[:3]:
        spoil(scenario.system.table, keys.delivery(scenario.tenant.id, bad.id), "status")
    await scenario.sweep(HALF_AN_HOUR)
    assert scenario.system.callbacks.get(scenario.tenant.id).since == since
    scenario.endpoint.says = lambda _: 200
    await scenario.sweep(HALF_AN_HOUR)
    assert [message for message in scenario.messages if message < 100] == [30]
    for (bad,) in chats[:3]:
        spoil(scenario.system.table, keys.delivery(scenario.tenant.id, bad.id), "status", "parked")
    await all_in_the_end(scenario)


async def test_a_callback_row_holds_up_its_tenant_alone(scenario: DeliveryScenario) -> None:
    """Others that are due are visited in the same run."""
    await parked(scenario, (1, 2))
    tenants = [scenario.tenant, *(scenario.system.new_tenant(f"https://{name}.example/in") for name in ("two", "three"))]
    scenario.endpoint.says = lambda _: 500
    for tenant in tenants[1:]:
        for number in range(5):
            scenario.system.send(tenant.id, number, 1000 * tenant.number + number)
    await scenario.deliver()
    scenario.endpoint.says = lambda _: 200
    broken = keys.callback_state(tenants[1].id)
    spoil(scenario.system.table, broken, "failures")
    await scenario.sweep(HALF_AN_HOUR)
    assert {one.tenant for one in scenario.endpoint.taken} == {tenants[0].number, tenants[2].number}
    assert told(scenario, broken)
    spoil(scenario.system.table, broken, "failures", 5)
    await all_in_the_end(scenario)


async def test_the_row_of_a_chat_that_is_parked_alone_holds_up_that_chat_alone(scenario: DeliveryScenario) -> None:
    """Others that are due are visited in the same run."""
    scenario.endpoint.says = lambda one: 500 if one.message < 100 else 200
    (poison,), (other,) = scenario.send(1, 1), scenario.send(2, 2)
    for message in range(100, 140):
        scenario.send(3, message)
        await scenario.deliver()
    scenario.endpoint.says = lambda _: 200
    spoil(scenario.system.table, keys.parked_chat(scenario.tenant.id, poison.chat), "seq")
    await scenario.sweep(HALF_AN_HOUR)
    assert (scenario.status(poison), scenario.status(other)) == (DeliveryStatus.PARKED, DeliveryStatus.DELIVERED)
    assert told(scenario, keys.parked_chat(scenario.tenant.id, poison.chat))
    spoil(scenario.system.table, keys.parked_chat(scenario.tenant.id, poison.chat), "seq", 1)
    await all_in_the_end(scenario)


async def test_what_nobody_wants_any_more_is_ended_up_to_what_makes_no_sense(scenario: DeliveryScenario) -> None:
    """The malformed event and those after it end once it is repaired: every event has a final record."""
    ((first, bad, last),) = await parked(scenario, (1, 2, 3))
    spoil(scenario.system.table, keys.delivery(scenario.tenant.id, bad.id), "status")
    scenario.change(callback_url=None)
    await scenario.sweep(HALF_AN_HOUR)
    assert [scenario.status(event) for event in (first, last)] == [DeliveryStatus.DROPPED, DeliveryStatus.PARKED]
    spoil(scenario.system.table, keys.delivery(scenario.tenant.id, bad.id), "status", "parked")
    await scenario.sweep(HALF_AN_HOUR)
    assert [scenario.status(event) for event in (bad, last)] == [DeliveryStatus.DROPPED] * 2
    assert (scenario.system.unsettled(), scenario.messages) == ([], [])


async def test_an_unexpected_fault_at_one_chat_leaves_the_others_their_records(scenario: DeliveryScenario) -> None:
    """Events posted meanwhile are recorded, and so are not posted again."""
    (_, faulty), *others = await parked(scenario, (1, 2), (20, 21), (30, 31))

    async def post(tenant_id: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        message = accepted(body, headers).message
        if message == 2:
            raise RuntimeError(SECRET)
        if message in (21, 31):
            while not scenario.system.log.said("chat cannot be drained"):  # noqa: ASYNC110  lines announce nothing
                await asyncio.sleep(0.001)
        return await scenario.endpoint.post(tenant_id, url, headers, body)

    scenario.clock.advance(60)
    await scenario.system.sweeper(post).run()
    assert {scenario.status(event) for other in others for event in other} == {DeliveryStatus.DELIVERED}
    assert scenario.status(faulty) is DeliveryStatus.PARKED
    assert [line["fault"] for line in scenario.system.log.said("chat cannot be drained")] == ["RuntimeError"]
    await all_in_the_end(scenario)
    assert len(scenario.messages) == len(set(scenario.messages))
