"""Deliveries that ended in every way, or have not ended yet, through the delivery function and the sweeper of the day."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from functions.callback_delivery.retry import Answered, Failed, Outcome
from local.emulator_account import EmulatorAccount
from shared.model.ids import TenantId
from shared.store.callback_states import url_digest
from tests.compatibility.delivering import Delivering, Endpoints, PostedEvent, taken
from tests.functions.api import key
from tests.support.clock import FakeClock
from tests.support.events import event_of

CALLBACKS = ("anna", "paused", "recovering", "alone", "gone", "ended")
"""Tenants with a callback, called by how it does. The other tenants have none."""

Asked = Callable[..., Awaitable[dict[str, Any]]]


class DeliveryFiller:
    """Fills in deliveries. `asked` calls the API."""

    def __init__(self, aws: EmulatorAccount, clock: FakeClock, cast: dict[str, Any], asked: Asked) -> None:
        self._clock, self._cast, self._asked = clock, cast, asked
        self._endpoints = Endpoints()
        self._delivering = Delivering(aws, clock, self._endpoints)
        self._delivery = self._delivering.delivery

    def id(self, name: str) -> TenantId:
        """Return a tenant's id."""
        return TenantId(self._cast["tenants"][name]["id"])

    async def run(self) -> None:
        """Have deliveries end in every way."""
        await self._alone()
        await self._paused("paused")
        await self._recovering()
        await self._gone()
        await self._ended()
        await self._dropped()
        self._slow()
        await self._tried_once()
        await self._on_the_way()

    def queue(self, name: str, chat: int, *messages: int, **fields: Any) -> None:
        """Queue events of one chat of a tenant."""
        at = {"received_at": self._clock.now(), **fields}
        self._delivery.enqueue(*(event_of(self.id(name), chat, number, **at) for number in messages))

    async def call(self, method: str, name: str, path: str = "", **request: Any) -> dict[str, Any]:
        """Call the API about a tenant, with its own key."""
        tenant = self._cast["tenants"][name]
        return await self._asked(method, f"/tenants/{tenant['id']}{path}", headers=key(tenant["key"]), **request)

    async def _deliver_to(self, says: Callable[[PostedEvent], Outcome] = taken) -> None:
        self._endpoints.says = says
        await self._delivering.deliver()

    async def _run_once(self, says: Callable[[PostedEvent], Outcome]) -> None:
        self._endpoints.says = says
        await self._delivery.run(self._delivery.entries(wait_s=1))

    async def _alone(self) -> None:
        """Refuse one chat's first event until it is parked, while another chat's are taken in between."""
        self.queue("alone", 71, 1, 2, 3)
        tenant_id, taken_in_between = self.id("alone"), 0
        while not list(self._delivery.backlog.chats(tenant_id)):
            if self._delivery.callbacks.get(tenant_id).failures:
                taken_in_between += 1
                self.queue("alone", 72, taken_in_between)
            await self._run_once(lambda one: Answered(500, text="not this chat") if one.message["chat_id"] == 71 else Answered(200))
        await self._deliver_to()

    async def _paused(self, name: str) -> None:
        """Refuse everything until the callback is paused, and have more come then."""
        for chat in range(81, 84):
            self.queue(name, chat, 1)
        await self._deliver_to(_away)
        self.queue(name, 81, 2)
        self.queue(name, 83, 2, 3)
        self.queue(name, 84, 1)
        await self._deliver_to(_away)

    async def _recovering(self) -> None:
        """Pause a callback, take what probes it, and have the sweeper die while it drains."""
        await self._paused("recovering")
        self._clock.advance(60)
        sweeping: list[asyncio.Task[None]] = []
        tenant_id = self.id("recovering")

        def says(one: PostedEvent) -> Outcome:
            if one.tenant_id != tenant_id:
                return _away(one)
            if self._delivery.callbacks.get(tenant_id).state == "draining":
                sweeping[0].cancel()
                raise asyncio.CancelledError
            return Answered(200)

        self._endpoints.says = says
        sweeping.append(asyncio.create_task(self._delivering.sweep()))
        await asyncio.wait(sweeping)

    async def _gone(self) -> None:
        """Disable a callback by its answer, and have events come for nobody."""
        self.queue("gone", 91, 1)
        await self._deliver_to(lambda _: Answered(410, text="gone"))
        self.queue("gone", 91, 2)
        self.queue("code", 91, 1, 2)
        await self._deliver_to()

    async def _ended(self) -> None:
        """Deliver some events, and give one up."""
        self.queue("anna", 61, 1)
        self.queue("anna", 62, 1, sender_phone="+99966100", sender_username=None, sender_name=None)
        self.queue("ended", 51, 1)
        await self._deliver_to()
        self.queue("anna", 61, 2)
        await self._deliver_to(lambda _: Failed("address not allowed", final=True))

    async def _dropped(self) -> None:
        """Try an event once, and have its tenant want no more of its kind."""
        self.queue("alone", 75, 1, chat_type="group")
        await self._run_once(lambda _: Failed("timed out"))
        await self.call("PATCH", "alone", json={"chat_types": ["private"]})
        await self._deliver_to()

    def _slow(self) -> None:
        """Write what an attempt that was slow leaves on its callback's row."""
        now = self._clock.now()
        held_until = now + timedelta(seconds=1)
        self._delivery.callbacks.count_failures(
            self.id("once"), url_digest("https://once.example/in"), now, held_until, held_until=held_until
        )

    async def _tried_once(self) -> None:
        """Have an event tried once: it stays in the queue with the next of its chat, and its record is pending."""
        self.queue("anna", 63, 1, 2)
        await self._run_once(lambda _: Answered(502, text="try again"))

    async def _on_the_way(self) -> None:
        """Queue a replay, and events for callbacks that are paused and disabled; wake what is paused."""
        replayed = event_of(self.id("anna"), 61, 1).id
        assert (await self.call("POST", "anna", f"/deliveries/{replayed}/replay"))["queued"] == 1
        self.queue("paused", 81, 3)
        self.queue("gone", 91, 3)
        await self.call("POST", "paused", "/callback/retry")


def _away(_: PostedEvent) -> Outcome:
    return Answered(503, text="away")
