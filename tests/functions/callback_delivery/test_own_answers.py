"""An event is recorded by its own answer alone: two tenants at one host, whose endpoint answers malformed or misplaced HTTP.

The posts are real, over real sockets; deliveries are recorded in memory.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from functions.callback_delivery import idle_connections, network
from functions.callback_delivery.network import Address
from functions.callback_delivery.post import Poster
from functions.callback_delivery.queue import entries_of
from functions.callback_delivery.retry import Answered, Failed
from shared.model.delivery import DeliveryRecord, DeliveryStatus
from shared.model.ids import TenantId
from shared.model.tenant import Tenant
from shared.store.tenants import new_tenant_id
from tests.support import hostile_endpoints
from tests.support.callback_network import ANYWHERE, PATIENT_S, loopback, machine_trust
from tests.support.certificates import certificate_for
from tests.support.clock import FakeClock
from tests.support.in_memory_delivery import InMemoryDelivery
from tests.support.malformed_http import FALSE, LEFTOVERS, MALFORMED, REFUSED, TAKEN, Answer, ScriptedServer

NAME = "callbacks.example"
ANNA, BORIS = new_tenant_id(), new_tenant_id()
SECURE = pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])


class ScriptedEndpoint:
    """One host with its endpoint, and a poster."""

    def __init__(self, endpoint: ScriptedServer, secure: bool) -> None:
        self.endpoint = endpoint
        self.secure = secure
        self.port = 0
        self.clock = FakeClock()
        trust = certificate_for(NAME).client_context()
        self.poster = Poster(
            allowed=ANYWHERE, resolve=loopback, trust=trust, clock=self.clock, attempt_s=PATIENT_S, body_s=0.5, dial=self._dial
        )

    def url(self, name: str) -> str:
        """Return the URL of a tenant's events."""
        return f"http{'s' if self.secure else ''}://{NAME}:{self.port}/{name}"

    async def post(self, tenant_id: TenantId, name: str) -> object:
        """Make one attempt."""
        return await self.poster.post(tenant_id, self.url(name), {}, b"{}")

    async def _dial(self, address: Address, port: int) -> socket.socket:
        """Connect. If the endpoint greets, wait until it has."""
        connections = len(self.endpoint.writers)
        connected = await network.dial(address, port)
        if self.endpoint.greeting:
            await self.endpoint.until(lambda endpoint: len(endpoint.writers) > connections)
        return connected


@asynccontextmanager
async def scripted_endpoint(tmp_path: Path, *, secure: bool, **scripts: list[Answer]) -> AsyncIterator[ScriptedEndpoint]:
    """Serve an endpoint with these scripts."""
    made = ScriptedEndpoint(ScriptedServer(scripts), secure)
    tls = certificate_for(NAME).server_context(tmp_path) if secure else None
    async with hostile_endpoints.endpoint(made.endpoint, tls) as port:
        made.port = port
        yield made
        await made.poster.close()


async def delivered(system: InMemoryDelivery, poster: Poster, tenant: Tenant, number: int) -> DeliveryRecord:
    """Have one event delivered, in a chat of its own; return its record."""
    event = system.send(tenant.id, number, number)
    await system.function(poster.post).run(entries_of(system.source.receive()))
    record = system.deliveries.get(tenant.id, event.id)
    assert record
    return record


@SECURE
@pytest.mark.parametrize("kind", [*LEFTOVERS, *MALFORMED])
async def test_each_event_is_marked_by_its_own_answer(tmp_path: Path, kind: str, secure: bool) -> None:
    """Whatever follows an answer, the next event of the same tenant, or of another, is recorded by its own answer."""
    malformed = LEFTOVERS.get(kind) or MALFORMED[kind]
    async with scripted_endpoint(tmp_path, secure=secure, anna=[malformed, malformed], boris=[(REFUSED,)]) as where:
        system = InMemoryDelivery(where.clock)
        anna, boris = (system.new_tenant(where.url(name)) for name in ("anna", "boris"))
        told = [await delivered(system, where.poster, tenant, number) for number, tenant in enumerate((anna, boris, anna, boris, anna), 1)]
    assert [name for name, _ in where.endpoint.heard] == ["anna", "boris", "anna", "boris", "anna"]
    assert [connection for _, connection in where.endpoint.heard] == [1, 2, 3, 2, 4]
    assert [record.attempts[0].text for record in (told[1], told[3], told[4])] == ["no", "taken", "taken"]
    taken = kind in LEFTOVERS and malformed[0].startswith(b"HTTP/1.1 20")
    first = DeliveryStatus.DELIVERED if taken else DeliveryStatus.PENDING
    assert [record.status for record in told] == [first, DeliveryStatus.PENDING, first, DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED]


STRAIGHT = {
    "a size": TAKEN,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ntaken\r\n0\r\n\r\n",
    "nothing to say": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a refusal": REFUSED,
}


@SECURE
@pytest.mark.parametrize("kind", STRAIGHT)
async def test_a_connection_serves_its_tenant_again_and_no_other(tmp_path: Path, kind: str, secure: bool) -> None:
    """After an answer that ends beyond doubt; another tenant gets a connection of its own, even at the same URL."""
    async with scripted_endpoint(tmp_path, secure=secure, shop=[(STRAIGHT[kind],)] * 4) as where:
        for tenant_id in (ANNA, BORIS, ANNA, BORIS):
            assert isinstance(await where.post(tenant_id, "shop"), Answered)
    assert [connection for _, connection in where.endpoint.heard] == [1, 2, 1, 2]


@SECURE
@pytest.mark.parametrize("late", [FALSE, b"\r\n", b"H", FALSE * 100], ids=["an answer", "a blank line", "a byte", "many answers"])
async def test_what_comes_on_a_waiting_connection_is_nobodys_answer(tmp_path: Path, secure: bool, late: bytes) -> None:
    """Data between two events closes the connection; the next event uses a new one, and gets its own answer."""
    async with scripted_endpoint(tmp_path, secure=secure, anna=[(TAKEN,), (REFUSED,)]) as where:
        assert await where.post(ANNA, "anna") == Answered(200, text="taken")
        where.endpoint.writers[0].write(late)
        await where.endpoint.writers[0].drain()
        assert await where.post(ANNA, "anna") == Answered(500, text="no")
    assert where.endpoint.heard == [("anna", 1), ("anna", 2)]


async def test_an_endpoint_that_speaks_first_delivers_nothing(tmp_path: Path) -> None:
    """A 200 that comes before the event is sent is not its answer."""
    async with scripted_endpoint(tmp_path, secure=False) as where:
        where.endpoint.greeting = FALSE
        assert await where.post(ANNA, "anna") == Failed("answered before it was asked")
        assert await where.post(BORIS, "boris") == Failed("answered before it was asked")
    assert where.endpoint.heard == []


@pytest.mark.parametrize(
    ("said", "outcome"),
    [(TAKEN, Failed("answered before it was asked")), (b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", Answered(413))],
)
async def test_half_a_request_can_be_refused_and_not_accepted(said: bytes, outcome: object) -> None:
    """An endpoint that has not read an event has not accepted it; a refusal is reported."""

    async def answers_the_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        await asyncio.Event().wait()

    poster = Poster(allowed=ANYWHERE, resolve=loopback, trust=machine_trust(), clock=FakeClock(), attempt_s=PATIENT_S)
    async with hostile_endpoints.endpoint(answers_the_head) as port:
        assert await poster.post(ANNA, f"http://{NAME}:{port}/", {}, b"x" * (16 << 20)) == outcome
        assert len(poster._idle) == 0


@SECURE
async def test_a_late_answer_finds_its_connection_closed(tmp_path: Path, secure: bool) -> None:
    """An attempt that timed out leaves no connection on which its answer could reach another event."""
    async with scripted_endpoint(tmp_path, secure=secure, anna=[()]) as where:
        attempt = asyncio.create_task(where.post(ANNA, "anna"))
        await where.endpoint.until(lambda endpoint: bool(endpoint.heard))
        attempt.cancel()
        await asyncio.wait([attempt])
        await where.endpoint.until(lambda endpoint: endpoint.ended == 1)
        assert await where.post(ANNA, "anna") == Answered(200, text="taken")
    assert where.endpoint.heard == [("anna", 1), ("anna", 2)]


async def test_waiting_connections_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is for all tenants together: the oldest connection is closed."""
    monkeypatch.setattr(idle_connections, "MOST", 2)
    async with scripted_endpoint(tmp_path, secure=False) as where:
        for _ in range(2):
            for tenant_id in (ANNA, BORIS, new_tenant_id()):
                await where.post(tenant_id, "shop")
        assert len(where.poster._idle) == 2
        await where.endpoint.until(lambda endpoint: endpoint.ended == 4)
    assert [connection for _, connection in where.endpoint.heard] == [1, 2, 3, 4, 5, 6]
