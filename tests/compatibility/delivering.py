"""The delivery function and the sweeper over an account of the emulator, and endpoints that keep what is posted to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from functions.callback_delivery.attempt import EventPoster
from functions.callback_delivery.retry import Answered, Outcome
from functions.sweeper.sweep import Sweeper
from functions.sweeper.sweep_run import PosterPool, SweepServices
from local.emulator_account import EmulatorAccount
from shared.model.ids import TenantId
from tests.compatibility.recording import Recording
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery


@dataclass(frozen=True)
class PostedEvent:
    """One attempt, as it leaves."""

    tenant_id: str
    url: str
    headers: dict[str, str]
    body: str

    @property
    def message(self) -> dict[str, Any]:
        """The message in it."""
        found: dict[str, Any] = json.loads(self.body)["message"]
        return found

    @property
    def chat(self) -> str:
        """The tenant and the number of the chat that it is from."""
        return f"{self.tenant_id} {self.message['chat_id']}"


def taken(_: PostedEvent) -> Outcome:
    """Take everything."""
    return Answered(200)


@dataclass
class Endpoints:
    """Every tenant's endpoint; `says` is what they answer."""

    says: Callable[[PostedEvent], Outcome] = taken
    posted: list[PostedEvent] = field(default_factory=list)

    async def post(self, tenant_id: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Answer."""
        self.posted.append(PostedEvent(tenant_id, url, dict(sorted(headers.items())), body.decode()))
        return self.says(self.posted[-1])

    def by_chat(self) -> dict[str, list[dict[str, Any]]]:
        """Return what was posted, by chat and there in its order, as JSON."""
        chats: dict[str, list[dict[str, Any]]] = {}
        for one in self.posted:
            chats.setdefault(one.chat, []).append(asdict(one))
        return dict(sorted(chats.items()))


class Delivering:
    """Delivers to these endpoints what is in an account."""

    def __init__(self, account: EmulatorAccount, clock: FakeClock, endpoints: Endpoints) -> None:
        self.delivery = EmulatedDelivery(account, clock, cast("Any", None), cast("Any", SimpleNamespace(post=endpoints.post)))
        self._poster = EventPoster(endpoints.post, clock)
        self._clock = clock

    async def deliver(self) -> None:
        """Run the delivery function until the queue is empty."""
        while self.delivery.left_in_queue():
            await self.delivery.run(self.delivery.entries(wait_s=1))

    async def sweep(self) -> None:
        """Run the sweeper once: it visits what is due now."""
        services = SweepServices(
            recipients=self.delivery.recipients,
            deliveries=self.delivery.deliveries,
            callbacks=self.delivery.callbacks,
            backlog=self.delivery.backlog,
            drains=PosterPool(self._poster),
            probes=PosterPool(self._poster),
            clock=self._clock,
            logger=self.delivery.log.logger,
        )
        await Sweeper(services).run()


async def delivered(recording: Recording) -> dict[str, list[dict[str, Any]]]:
    """Deliver what is queued, and an hour later what is parked, to endpoints that take it; return what they got, by chat."""
    endpoints = Endpoints()
    delivering = Delivering(recording.aws, recording.clock, endpoints)
    await delivering.deliver()
    recording.clock.advance(3600)
    await delivering.sweep()
    return endpoints.by_chat()
