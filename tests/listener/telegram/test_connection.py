"""The guarded connection: what a worker without its lease can still make Telegram see, which is nothing."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from telethon.tl import functions, types

from listener.core.ownership.lease import LEASE_S, Guard, Lease
from listener.telegram.connection.client import Client, connected
from listener.telegram.connection.guarded_connection import USER_TIMEOUT_MS, GuardedConnection
from shared.errors import AvioError, Code
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import quiet
from tests.listener.telegram.clients import ANN, DEADLINE_S, Account, Desk, Taken, ends
from tests.listener.telegram.tap import tapped
from tests.support.listener_harness import until

GET_STATE = functions.updates.GetStateRequest
Fence = Callable[[Desk, Guard], None]


def close_the_guard(desk: Desk, guard: Guard) -> None:
    """Let the account go."""
    guard.close()


def let_the_lease_lapse(desk: Desk, guard: Guard) -> None:
    """Let its time pass; nobody has noticed yet."""
    desk.clock.advance(LEASE_S)


FENCES = pytest.mark.parametrize("fence", [close_the_guard, let_the_lease_lapse])


class ClosedAfter(Guard):
    """A guard that closes after it was looked at a number of times."""

    def __init__(self, lease: Lease, looks: int) -> None:
        super().__init__(lease)
        self._looks = looks

    def held(self) -> bool:
        """Tell whether there are looks left."""
        self._looks -= 1
        return self._looks >= 0 and super().held()


@FENCES
async def test_no_connection_is_made_without_the_lease(desk: Desk, fence: Fence) -> None:
    """Not even a TCP connection: the server has nobody to accept."""
    guard = desk.lease.guard()
    fence(desk, guard)
    with pytest.raises(AvioError) as refused:
        async with desk.log_in_client(guard):
            pass
    assert refused.value.code is Code.TELEGRAM_UNAVAILABLE
    assert desk.counted("connections_accepted") == 0


async def test_a_lease_that_ends_while_connecting_sends_nothing(desk: Desk) -> None:
    """Once the connection stands the guard is asked again, before the first byte; then it is reset."""
    async with tapped(desk.server.host, desk.server.port) as tap:
        with pytest.raises(AvioError):
            async with desk.through(tap.port).log_in_client(ClosedAfter(desk.lease, looks=1)):
                pass
        assert await tap.farewell() == "reset"
        assert (tap.connections, tap.received) == (1, 0)


@FENCES
async def test_not_one_more_frame_leaves_after_the_fence(desk: Desk, fence: Fence) -> None:
    """The next request is not sent but fails, the connection is reset, and all tasks of the client end."""
    await fenced_while_idle(desk, await desk.log_in(), fence)
    assert desk.counted("auth_key_duplicated") == 0


@FENCES
async def test_the_fence_holds_on_the_loop_of_production(desk: Desk, fence: Fence) -> None:
    """uvloop has sockets and transports of its own; the client runs there, the server here."""
    account = await desk.log_in()

    def client_side() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(fenced_while_idle(desk, account, fence))

    await asyncio.to_thread(client_side)
    assert desk.counted("auth_key_duplicated") == 0


async def fenced_while_idle(desk: Desk, account: Account, fence: Fence) -> None:
    async with tapped(desk.server.host, desk.server.port) as tap:
        before, guard = asyncio.all_tasks(), desk.lease.guard()
        async with desk.through(tap.port).serving(account, Taken(), guard=guard) as client:
            served = asyncio.create_task(client.serve())
            await settled(client)
            seen = tap.received
            assert seen
            fence(desk, guard)
            with pytest.raises(ConnectionError):
                await client.invoke(GET_STATE())
            await ends(served)
            assert await tap.farewell() == "reset"
            assert not client.up
        assert (tap.received, tap.connections) == (seen, 1)
        await until(lambda: not {task for task in asyncio.all_tasks() if not task.done()} - before)


async def settled(client: Client) -> None:
    """Wait until the client has caught up, and all that it sent has arrived: acknowledgements leave with the next request only."""
    await quiet(client)
    await client.invoke(functions.PingRequest(1))


@FENCES
async def test_requests_under_way_fail_at_the_fence(desk: Desk, fence: Fence) -> None:
    """Unanswered, they raise ConnectionError: whether they were carried out is unknown."""
    account = await desk.log_in()
    before, guard = asyncio.all_tasks(), desk.lease.guard()
    async with desk.serving(account, Taken(), guard=guard) as client:
        desk.server.operation.inject(FaultSpec(kind="ignore", method="help.getNearestDc", times=None))
        pending = [asyncio.create_task(client.invoke(functions.help.GetNearestDcRequest())) for _ in range(3)]
        await until(lambda: desk.counted("calls").get("help.getNearestDc") == 3)
        fence(desk, guard)
        assert not guard.held()  # where only time has passed, whoever looks at the lease cuts the connections
        results = await asyncio.wait_for(asyncio.gather(*pending, return_exceptions=True), DEADLINE_S)
        assert [type(result) for result in results] == [ConnectionError] * 3
    await until(lambda: not {task for task in asyncio.all_tasks() if not task.done()} - before)


async def test_what_waits_to_be_sent_is_dropped_at_the_fence(desk: Desk) -> None:
    """The other side does not read; what this process and its kernel hold back is not delivered once it does."""
    account = await desk.log_in()
    async with tapped(desk.server.host, desk.server.port) as tap:
        guard = desk.lease.guard()
        async with desk.through(tap.port).serving(account, Taken(), guard=guard) as client:
            tap.stall()
            texts = [random.randbytes(200_000).hex() for _ in range(40)]
            pending = [asyncio.create_task(client.invoke(long_message(text))) for text in texts]
            await until(lambda: waiting(client))
            guard.close()
            assert not waiting(client)
            tap.resume()
            results = await asyncio.wait_for(asyncio.gather(*pending, return_exceptions=True), DEADLINE_S)
            assert {type(result) for result in results} == {ConnectionError}  # those too that Telethon had not even begun to send
            assert await tap.farewell() == "reset"
        assert tap.received < sum(map(len, texts)) // 4


def long_message(text: str) -> Any:
    return functions.messages.SendMessageRequest(types.InputPeerSelf(), text, random_id=1)


def waiting(client: Client) -> bool:
    """Tell whether bytes wait in this process because the kernel takes no more."""
    return bool(client._sender._connection._writer.transport.get_write_buffer_size())


@FENCES
async def test_a_fenced_client_does_not_come_back(desk: Desk, fence: Fence) -> None:
    """A reconnect under the same guard is refused before it begins."""
    account = await desk.log_in()
    guard = desk.lease.guard()
    async with desk.serving(account, Taken(), guard=guard):
        fence(desk, guard)
    accepted = desk.counted("connections_accepted")
    with pytest.raises(AvioError):
        async with connected(account.session, account.marks, guard, desk.telegram, Taken()):
            pass
    assert desk.counted("connections_accepted") == accepted


async def test_the_next_owner_finds_the_key_unharmed(desk: Desk) -> None:
    """One worker is fenced in the middle of its work, another goes on under the same key, and Telegram sees one user of it."""
    account = await desk.log_in()
    first, second = desk.lease.guard(), desk.lease.guard()
    async with desk.serving(account, Taken(), guard=first) as client:
        first.close()
        async with desk.serving(account, Taken(), guard=second) as other:
            with pytest.raises(ConnectionError):
                await client.invoke(GET_STATE())
            assert (await other.invoke(GET_STATE())).pts
    assert desk.counted("auth_key_duplicated") == 0
    assert len(desk.server.people.authorizations(ANN)) == 1


async def test_the_kernel_gives_up_what_is_not_acknowledged(desk: Desk) -> None:
    """Before a peer may claim the account; and keep-alive is on."""
    async with desk.log_in_client() as client:
        raw = client._sender._connection._writer.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


async def test_cutting_twice_does_no_harm(desk: Desk) -> None:
    """Guard and lease both cut; a connection that never was may be cut as well."""
    guard = desk.lease.guard()
    async with desk.log_in_client(guard) as client:
        connection = client._sender._connection
        guard.close()
        desk.lease.lapse()
        await until(lambda: not client.up)
    connection.abort()
    GuardedConnection(guard, "127.0.0.1", 9, 2, loggers=client._log).abort()
