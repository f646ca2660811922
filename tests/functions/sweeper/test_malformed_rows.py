"""Rows that make no sense in the parking lot: what they belong to waits until they are mended, and everything else is drained."""

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


async def parked(scene: DeliveryScenario, *chats: tuple[int, ...]) -> list[list[Event]]:
    """Queue messages of chats 1, 2, 3 …, and have all of them parked with their callback; the endpoint is up again then."""
    scene.endpoint.says = lambda _: 500
    sent = [scene.send(number, *messages) for number, messages in enumerate(chats, 1)]
    scene.send(99, 990)
    await scene.deliver()
    assert scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.PAUSED
    scene.endpoint.says = lambda _: 200
    return sent


async def all_in_the_end(scene: DeliveryScenario) -> None:
    """See everything delivered in order, and nothing left of the lot."""
    await scene.sweep(HALF_AN_HOUR)
    await scene.deliver()
    await scene.sweep(HALF_AN_HOUR)
    assert {scene.status(event) for event in scene.world.sent} == {DeliveryStatus.DELIVERED}
    assert out_of_order(scene.endpoint.taken) == []
    assert scene.world.unsettled() == []


def told(scene: DeliveryScenario, key: keys.Key) -> bool:
    """Whether the log names this row and no other, and shows nothing of what is in it."""
    faults = {line["fault"] for line in scene.world.log.lines if ": " in str(line.get("fault"))}
    return {fault.partition(": ")[0] for fault in faults} == {f"{key['pk']} {key['sk']}"} and SECRET not in scene.world.log.text


async def test_a_chat_row_holds_up_its_chat_alone(scene: DeliveryScenario) -> None:
    """The others are drained, and what comes for them is delivered as ever; of this one nothing is posted before it is mended."""
    (bad, *_), _ = await parked(scene, (1, 2), (20, 21))
    chat = keys.parked_chat(scene.tenant.id, bad.chat)
    spoil(scene.world.table, chat, "strikes")
    await scene.sweep(HALF_AN_HOUR)
    scene.send(2, 22)
    scene.send(1, 3)
    await scene.deliver(once=True)
    assert [message for message in scene.messages if message < 100] == [20, 21, 22]
    assert told(scene, chat)
    spoil(scene.world.table, chat, "strikes", 0)
    await all_in_the_end(scene)


async def test_the_callback_is_not_opened_over_a_chat_whose_row_makes_no_sense(scene: DeliveryScenario) -> None:
    """Nobody would look at that chat again."""
    ((bad,),) = await parked(scene, (1,))
    spoil(scene.world.table, keys.parked_chat(scene.tenant.id, bad.chat), "seq")
    await scene.sweep(HALF_AN_HOUR)
    assert scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.RECOVERING
    spoil(scene.world.table, keys.parked_chat(scene.tenant.id, bad.chat), "seq", 1)
    await all_in_the_end(scene)


@pytest.mark.parametrize("row", ["record", "place"])
async def test_a_parked_event_holds_up_what_follows_it_in_its_chat_and_nobody_else(scene: DeliveryScenario, row: str) -> None:
    """What comes before it is delivered, the other chats are, and the callback is open again."""
    (_, bad, _), _ = await parked(scene, (1, 2, 3), (20,))
    key = keys.delivery(scene.tenant.id, bad.id) if row == "record" else keys.slot(scene.tenant.id, bad.chat, 2)
    field, was = ("status", "parked") if row == "record" else ("event_id", bad.id)
    spoil(scene.world.table, key, field, 7 if row == "place" else SECRET)
    await scene.sweep(HALF_AN_HOUR)
    scene.send(1, 4)
    scene.send(3, 30)
    await scene.deliver()
    assert sorted(message for message in scene.messages if message < 100) == [1, 20, 30]
    assert scene.world.backlog.callback_state(scene.tenant.id).state is CallbackHealth.HEALTHY
    assert told(scene, key)
    spoil(scene.world.table, key, field, was)
    await all_in_the_end(scene)


async def test_a_parked_event_that_makes_no_sense_does_not_keep_its_callback_parked(scene: DeliveryScenario) -> None:
    """There is nothing else to try it with: what comes next is delivered as ever, and nobody calls an endpoint dead that was not asked."""
    (bad,) = scene.send(1, 1)
    for _ in range(5):
        scene.world.backlog.count_failures(scene.tenant.id, "x", scene.clock.now(), scene.clock.now())
    await scene.deliver()
    spoil(scene.world.table, keys.delivery(scene.tenant.id, bad.id), "status")
    await scene.sweep()
    scene.send(2, 20)
    await scene.deliver()
    assert scene.messages == [20]
    spoil(scene.world.table, keys.delivery(scene.tenant.id, bad.id), "status", "parked")
    await all_in_the_end(scene)


async def test_probes_pass_over_what_makes_no_sense(scene: DeliveryScenario) -> None:
    """While the endpoint is down, that is no reason to take it for up."""
    chats = await parked(scene, (1,), (10,), (11,), (30,))
    scene.endpoint.says = lambda _: 500
    since = scene.world.backlog.callback_state(scene.tenant.id).since
    for (bad,) in chats[:3]:
        spoil(scene.world.table, keys.delivery(scene.tenant.id, bad.id), "status")
    await scene.sweep(HALF_AN_HOUR)
    assert scene.world.backlog.callback_state(scene.tenant.id).since == since
    scene.endpoint.says = lambda _: 200
    await scene.sweep(HALF_AN_HOUR)
    assert [message for message in scene.messages if message < 100] == [30]
    for (bad,) in chats[:3]:
        spoil(scene.world.table, keys.delivery(scene.tenant.id, bad.id), "status", "parked")
    await all_in_the_end(scene)


async def test_a_callback_row_holds_up_its_tenant_alone(scene: DeliveryScenario) -> None:
    """The others that are due are swept in the same run."""
    await parked(scene, (1, 2))
    tenants = [scene.tenant, *(scene.world.new_tenant(f"https://{name}.example/in") for name in ("two", "three"))]
    scene.endpoint.says = lambda _: 500
    for tenant in tenants[1:]:
        for number in range(5):
            scene.world.send(tenant.id, number, 1000 * tenant.number + number)
    await scene.deliver()
    scene.endpoint.says = lambda _: 200
    broken = keys.callback_state(tenants[1].id)
    spoil(scene.world.table, broken, "failures")
    await scene.sweep(HALF_AN_HOUR)
    assert {one.tenant for one in scene.endpoint.taken} == {tenants[0].number, tenants[2].number}
    assert told(scene, broken)
    spoil(scene.world.table, broken, "failures", 5)
    await all_in_the_end(scene)


async def test_the_row_of_a_chat_that_is_parked_alone_holds_up_that_chat_alone(scene: DeliveryScenario) -> None:
    """The others that are due are looked at in the same run."""
    scene.endpoint.says = lambda one: 500 if one.message < 100 else 200
    (poison,), (other,) = scene.send(1, 1), scene.send(2, 2)
    for message in range(100, 140):
        scene.send(3, message)
        await scene.deliver()
    scene.endpoint.says = lambda _: 200
    spoil(scene.world.table, keys.parked_chat(scene.tenant.id, poison.chat), "seq")
    await scene.sweep(HALF_AN_HOUR)
    assert (scene.status(poison), scene.status(other)) == (DeliveryStatus.PARKED, DeliveryStatus.DELIVERED)
    assert told(scene, keys.parked_chat(scene.tenant.id, poison.chat))
    spoil(scene.world.table, keys.parked_chat(scene.tenant.id, poison.chat), "seq", 1)
    await all_in_the_end(scene)


async def test_what_nobody_wants_any_more_is_ended_up_to_what_makes_no_sense(scene: DeliveryScenario) -> None:
    """And that, with what follows it, once it is mended: no event goes without a word about its end."""
    ((first, bad, last),) = await parked(scene, (1, 2, 3))
    spoil(scene.world.table, keys.delivery(scene.tenant.id, bad.id), "status")
    scene.change(callback_url=None)
    await scene.sweep(HALF_AN_HOUR)
    assert [scene.status(event) for event in (first, last)] == [DeliveryStatus.DROPPED, DeliveryStatus.PARKED]
    spoil(scene.world.table, keys.delivery(scene.tenant.id, bad.id), "status", "parked")
    await scene.sweep(HALF_AN_HOUR)
    assert [scene.status(event) for event in (bad, last)] == [DeliveryStatus.DROPPED] * 2
    assert (scene.world.unsettled(), scene.messages) == ([], [])


async def test_an_unexpected_fault_at_one_chat_leaves_the_others_their_records(scene: DeliveryScenario) -> None:
    """What is posted meanwhile is recorded, and so is not posted again."""
    (_, faulty), *others = await parked(scene, (1, 2), (20, 21), (30, 31))

    async def post(tenant_id: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        message = accepted(body, headers).message
        if message == 2:
            raise RuntimeError(SECRET)
        if message in (21, 31):
            while not scene.world.log.said("chat cannot be drained"):  # noqa: ASYNC110  lines announce nothing
                await asyncio.sleep(0.001)
        return await scene.endpoint.post(tenant_id, url, headers, body)

    scene.clock.advance(60)
    await scene.world.sweeper(post).run()
    assert {scene.status(event) for other in others for event in other} == {DeliveryStatus.DELIVERED}
    assert scene.status(faulty) is DeliveryStatus.PARKED
    assert [line["fault"] for line in scene.world.log.said("chat cannot be drained")] == ["RuntimeError"]
    await all_in_the_end(scene)
    assert len(scene.messages) == len(set(scene.messages))
