"""A provider's software: it asks for its tenant's token, and posts events."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx

from shared.model.event import event_id
from shared.model.ids import Channel, EventId
from tests.functions.api import WA_WEB, Api
from tests.support.emulated_delivery import EmulatedDelivery

JSON = {"Content-Type": "application/json"}


def message(tenant: int | str, **fields: Any) -> dict[str, Any]:
    """Return a message as the contract's example has it; `sender` is its `from`, and None leaves a field out."""
    sender = fields.pop("sender", "79991234567")
    body = {
        "event": "messages.incoming",
        "tenant": tenant,
        "channel": "whatsapp",
        "message_id": "ABCD123",
        "from": sender,
        "text": "Привет!",
        "media": [{"type": "image", "url": "whatsapp://7/ABCD", "name": "photo.jpg"}],
        "ts": 1716748800,
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def message_id_of(tenant: str, message_id: str) -> EventId:
    """Return the id of the event of a tenant's message."""
    return event_id(Channel.WHATSAPP, tenant, "-", message_id, "message")


async def token_of(api: Api, tenant: int | str) -> str:
    """Ask for a tenant's token, as the provider's software does."""
    answer = await api.call("POST", f"/internal/tenant/{tenant}/ensure", headers=WA_WEB)
    assert answer.status_code == 200, answer.text
    token: str = answer.json()["provider_token"]
    return token


async def post(api: Api, token: str, body: Any) -> httpx.Response:
    """Post a body as JSON; bytes go as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await api.call("POST", "/webhook", headers={"X-Provider-Token": token, **JSON}, content=content)


@dataclass(frozen=True)
class ProviderScenario:
    """A provider, and what becomes of what it posts."""

    api: Api
    delivery: EmulatedDelivery

    async def tenant(self, **fields: Any) -> tuple[dict[str, Any], str]:
        """Create a tenant whose callback is the receiver; return it with its provider token."""
        created = await self.api.new_tenant(callback_url=self.delivery.url, **fields)
        return created, await token_of(self.api, created["number"])

    async def delivered(self) -> list[dict[str, Any]]:
        """Run the delivery function until the queue shows nothing more; return all bodies that the receiver has got."""
        while entries := self.delivery.entries():
            await self.delivery.run(entries)
        return [json.loads(posted.body) for posted in self.delivery.receiver.posted]
