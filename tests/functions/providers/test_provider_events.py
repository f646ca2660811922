"""What providers post: recorded once, queued, and delivered as any event."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from functions.callback_delivery import body as callback_body
from shared.model.delivery import DeliveryStatus
from shared.model.ids import TenantId
from shared.model.tenant import BodyFormat
from tests.functions.providers.provider import ProviderScenario, message, message_id_of, post
from tests.support.callback_server import answer


async def test_a_message_that_a_provider_posts_reaches_the_callback(scenario: ProviderScenario) -> None:
    """With its text, its sender, and every field that the provider gave."""
    tenant, token = await scenario.tenant()
    taken = await post(scenario.api, token, message(tenant["number"], unknown={"deep": [1, None, "x"]}))
    assert (taken.status_code, taken.json()) == (200, {"ok": True, "queued": True})
    (body,) = await scenario.delivered()
    assert body == {
        "tenant_id": tenant["id"],
        "event": "message",
        "message": {
            "chat_id": "79991234567@c.us",
            "message_id": "ABCD123",
            "sender_id": "79991234567@c.us",
            "sender_username": None,
            "text": "Привет!",
            "date": "2024-05-26T18:40:00+00:00",
            "sender_name": None,
            "sender_phone": "+79991234567",
            "chat_type": "private",
            "media": {"type": "photo", "name": "photo.jpg"},
        },
        "id": message_id_of(tenant["id"], "ABCD123"),
        "channel": "whatsapp",
        "tenant": tenant["number"],
        "backfilled": False,
        "original": {
            **{name: value for name, value in message(tenant["number"]).items() if name != "text"},
            "unknown": {"deep": [1, None, "x"]},
        },
    }


async def test_a_message_is_stored_and_delivered_once_however_often_it_is_posted(scenario: ProviderScenario) -> None:
    """Ten at once, and again after it was delivered, under another sender and text: the first one counts."""
    tenant, token = await scenario.tenant()
    body = message(tenant["number"])
    answers = await asyncio.gather(*(post(scenario.api, token, body) for _ in range(10)))
    assert {(one.status_code, one.text) for one in answers} == {(200, '{"ok":true,"queued":true}')}
    assert len(await scenario.delivered()) == 1
    again = await post(scenario.api, token, message(tenant["number"], text="other", sender="+79990000000"))
    assert (again.status_code, again.json()["queued"]) == (200, True)
    assert len(await scenario.delivered()) == 1
    record = scenario.api.deliveries.get(TenantId(tenant["id"]), message_id_of(tenant["id"], "ABCD123"))
    assert record
    assert (record.status, record.made) == (DeliveryStatus.DELIVERED, 1)


async def test_the_messages_of_a_chat_come_in_order_whatever_fails_between(scenario: ProviderScenario) -> None:
    """A callback that refuses the first gets it again before the second."""
    tenant, token = await scenario.tenant()
    scenario.delivery.receiver.script = [answer(500)]
    for number in range(3):
        await post(scenario.api, token, message(tenant["number"], message_id=str(number), text=str(number)))
    texts = [body["message"]["text"] for body in await delivered_all(scenario, 4)]
    assert texts == ["0", "0", "1", "2"]


async def delivered_all(scenario: ProviderScenario, posts: int) -> list[dict[str, Any]]:
    """Run the delivery function until the receiver has got so many posts; return their bodies."""
    while len(bodies := await scenario.delivered()) < posts:
        await scenario.delivery.run(await asyncio.to_thread(scenario.delivery.entries, 5))
    return bodies


async def test_each_of_several_callbacks_has_its_own_format(scenario: ProviderScenario) -> None:
    """One as events, one as MessageIn: what the provider posted, as it came."""
    tenant, token = await scenario.tenant()
    added = {"callback_url": scenario.delivery.url, "body_format": "message_in"}
    created = await scenario.api.call("POST", f"/tenants/{tenant['id']}/callbacks", json=added)
    assert (created.status_code, created.json()["body_format"]) == (201, "message_in")
    posted = message(tenant["number"], unknown={"deep": [1, None]})
    assert (await post(scenario.api, token, posted)).status_code == 200
    first, second = sorted(await scenario.delivered(), key=lambda body: body["event"])
    assert (first["event"], first["original"]["unknown"]) == ("message", {"deep": [1, None]})
    assert second == posted


async def test_the_format_can_be_changed_and_is_the_tests_too(scenario: ProviderScenario) -> None:
    """The tenant's own callback; null is the default again, and another word is refused."""
    tenant, _ = await scenario.tenant()
    path = f"/tenants/{tenant['id']}"
    for asked, said in (("message_in", "message_in"), (None, "event"), ("event", "event")):
        changed = await scenario.api.call("PATCH", path, json={"body_format": asked})
        assert (changed.status_code, changed.json()["body_format"]) == (200, said)
    assert (await scenario.api.call("PATCH", path, json={"body_format": "xml"})).status_code == 422
    stored = scenario.api.tenant(tenant["id"])
    assert stored
    as_message_in = stored.model_copy(update={"body_format": BodyFormat.MESSAGE_IN})
    body = json.loads(callback_body.test_body("evt_1", as_message_in, scenario.api.clock.now()))
    assert (body["event"], body["test"], body["tenant"], body["from"]) == ("test", True, tenant["number"], "1")
