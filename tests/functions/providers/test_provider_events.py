"""What providers post: recorded once, queued, and delivered as any event."""

from __future__ import annotations

import asyncio

from shared.model.delivery import DeliveryStatus
from shared.model.event import event_id
from shared.model.ids import Channel, EventId, TenantId
from tests.functions.providers.provider import ProviderScenario, message, post


def id_of(tenant: str, message_id: str) -> EventId:
    return event_id(Channel.WHATSAPP, tenant, "-", message_id, "message")


async def test_a_message_that_a_provider_posts_reaches_the_callback(scenario: ProviderScenario) -> None:
    """With its text, its sender, and every field that the provider gave."""
    tenant, token = await scenario.tenant()
    answer = await post(scenario.api, token, message(tenant["number"], unknown={"deep": [1, None, "x"]}))
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "queued": True})
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
        "id": id_of(tenant["id"], "ABCD123"),
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
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"ok":true,"queued":true}')}
    assert len(await scenario.delivered()) == 1
    again = await post(scenario.api, token, message(tenant["number"], text="other", sender="+79990000000"))
    assert (again.status_code, again.json()["queued"]) == (200, True)
    assert len(await scenario.delivered()) == 1
    record = scenario.api.deliveries.get(TenantId(tenant["id"]), id_of(tenant["id"], "ABCD123"))
    assert record
    assert (record.status, record.made) == (DeliveryStatus.DELIVERED, 1)
