"""Clients of the test server, as the tests of this folder use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from listener.core.ownership.lease import Guard, Lease
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.login import login_requests
from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.session import PendingLogin, Session
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.event_mapping import MappedMessage, draft_of
from listener.telegram.updates.update_state import UpdateState
from shared.model.event_kinds import EventKind
from testing.telegram_server.control.specs import PersonSpec, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.support.clock import FakeClock
from tests.support.listener_harness import PATIENCE_S, telegram_of

ANN, BOB, CY = "+15550100001", "+15550100002", "+15550100003"
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DEADLINE_S = PATIENCE_S


def held_lease(clock: FakeClock | None = None) -> Lease:
    """Return a lease in force; it lasts until the clock is moved."""
    clock = clock or FakeClock()
    lease = Lease(clock)
    lease.extend(clock.boottime())
    return lease


@dataclass
class BatchRecorder:
    """A client's `take`: keeps each batch, in order. `room` is its answer."""

    room: bool = True
    batches: list[Batch] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, batch: Batch, invoke: Invoke) -> bool:
        self.batches.append(batch)
        self._news.set()
        return self.room

    @property
    def texts(self) -> list[str]:
        """Return the texts of all incoming messages."""
        found = (draft_of(update, 0) for batch in self.batches for update in batch.updates)
        return [message.text for message in found if isinstance(message, MappedMessage) and message.kind == EventKind.MESSAGE]

    @property
    def state(self) -> UpdateState:
        """Return the newest update state."""
        state = self.batches[-1].state
        assert state is not None
        return state

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until a condition holds after a batch."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()


@dataclass(frozen=True)
class LoggedInAccount:
    """A logged-in account: its session and update state."""

    session: Session
    state: UpdateState
    user_id: int


@dataclass(frozen=True)
class TelegramHarness:
    """A test server with three people, and the lease that a test's clients work under."""

    server: TelegramServer
    endpoint: TelegramEndpoint
    clock: FakeClock
    lease: Lease

    def through(self, port: int) -> TelegramHarness:
        """Return a harness whose clients reach the server by another port."""
        return replace(self, endpoint=replace(self.endpoint, port=port))

    @asynccontextmanager
    async def log_in_client(self, guard: Guard | None = None, session: Session | None = None) -> AsyncIterator[Client]:
        """Give a client for a log-in: without updates, with its own key."""
        async with connected(session or self.endpoint.new_session(), None, guard or self.lease.guard(), self.endpoint) as client:
            yield client

    async def start(self, client: Client, phone: str = ANN) -> PendingLogin:
        """Make Telegram send a code."""
        pending = await login_requests.start(client, self.endpoint, phone, NOW)
        assert isinstance(pending, PendingLogin)
        return pending

    async def code(self, phone: str = ANN) -> str:
        """Return the code that the phone shows."""
        return str((await self.server.people.code(phone))["code"])

    async def log_in(self, phone: str = ANN) -> LoggedInAccount:
        """Log somebody in, and close the client."""
        async with self.log_in_client() as client:
            user = await login_requests.sign_in(client, await self.start(client, phone), await self.code(phone))
            state = await login_requests.first_state(client)
            return LoggedInAccount(replace(client.current(), user_id=user.id), state, user.id)

    @asynccontextmanager
    async def serving(
        self, account: LoggedInAccount, recorder: BatchRecorder, *, guard: Guard | None = None, state: UpdateState | None = None
    ) -> AsyncIterator[Client]:
        """Give a connected client that has caught up."""
        guard = guard or self.lease.guard()
        async with connected(account.session, state or account.state, guard, self.endpoint, recorder) as client:
            await recorder.until(lambda: recorder.batches)
            yield client

    def write(self, text: str, sender: str = BOB, to: str = ANN) -> dict[str, Any]:
        """Make somebody write from their phone."""
        return self.server.messages.send(sender, SendSpec(to=to, text=text))

    def id_of(self, phone: str) -> int:
        """Return a person's id."""
        return int(self.server.people.get(phone)["id"])

    def counted(self, name: str) -> Any:
        """Return one of the server's counters."""
        return self.server.operation.counters()[name]


def telegram_harness_of(server: TelegramServer) -> TelegramHarness:
    """Return a harness with Ann, Bob and Cy, none of them logged in."""
    server.people.create(PersonSpec(phone=ANN, first_name="Ann", last_name="Lee", username="ann_lee"))
    server.people.create(PersonSpec(phone=BOB, first_name="Bob", username="bob_ray"))
    server.people.create(PersonSpec(phone=CY, first_name="Cy"))
    clock = FakeClock()
    return TelegramHarness(server, telegram_of(server), clock, held_lease(clock))


async def ends(*waited: Any) -> BaseException | None:
    """Wait until all of these are over, and return the first error."""
    results = await asyncio.wait_for(asyncio.gather(*waited, return_exceptions=True), DEADLINE_S)
    return next((result for result in results if isinstance(result, BaseException)), None)
