"""One tenant whose endpoint answers as a test says, and the functions that deliver to it, in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from functions.callback_delivery.retry import Answered, Outcome
from shared.model.delivery import DeliveryStatus
from shared.model.event import Event
from shared.model.ids import TenantId
from shared.model.tenant import Tenant
from tests.support.clock import FakeClock
from tests.support.event_source import drive
from tests.support.in_memory_delivery import Accepted, InMemoryDelivery, accepted


class CallbackEndpoint:
    """A callback's endpoint. `says` returns the status for an event."""

    def __init__(self) -> None:
        self.says: Callable[[Accepted], int] = lambda _: 200
        self.posted: list[Accepted] = []
        self.taken: list[Accepted] = []
        self.urls: list[str] = []

    async def post(self, _: TenantId, url: str, headers: dict[str, str], body: bytes) -> Outcome:
        """Answer."""
        one = accepted(body, headers)
        self.urls.append(url)
        self.posted.append(one)
        status = self.says(one)
        if status == 200:
            self.taken.append(one)
        return Answered(status, text="said")


class DeliveryScenario:
    """One tenant, one endpoint, and a clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.system = InMemoryDelivery(self.clock)
        self.endpoint = CallbackEndpoint()
        self.tenant = self.system.new_tenant("https://shop.example/in")

    def send(self, chat: int, *messages: int) -> list[Event]:
        """Queue events of one chat."""
        return [self.system.send(self.tenant.id, chat, message) for message in messages]

    async def deliver(self, *, once: bool = False) -> None:
        """Run the delivery function until the queue is empty, quick attempts included; with `once`, until no message is visible."""
        function = self.system.function(self.endpoint.post)

        async def run(entries: object) -> list[str]:
            return (await function.run(entries))[0]  # type: ignore[arg-type]

        while self.system.queue.left:
            await drive(self.system.source, run, 1)
            if once:
                return
            self.clock.advance(self.system.queue.next_visible_s or 0)

    async def sweep(self, passes: timedelta = timedelta(minutes=1)) -> None:
        """Let time pass, with a sweep at the end of each minute."""
        for _ in range(int(passes / timedelta(minutes=1))):
            self.clock.advance(60)
            await self.system.sweeper(self.endpoint.post).run()

    def status(self, event: Event) -> DeliveryStatus | None:
        """Return an event's status."""
        record = self.system.deliveries.get(event.tenant_id, event.id)
        return record.status if record else None

    def change(self, **changes: object) -> Tenant:
        """Change the tenant."""
        changed = self.system.tenants.change(self.tenant.id, changes)
        assert changed
        return changed

    @property
    def messages(self) -> list[int]:
        """The accepted messages, in order."""
        return [one.message for one in self.endpoint.taken]
