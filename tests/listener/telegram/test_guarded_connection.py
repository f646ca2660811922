"""The guarded connection: without its lease a worker can send nothing to Telegram."""

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
from tests.listener.telegram.chats import until_idle
from tests.listener.telegram.clients import ANN, DEADLINE_S, BatchRecorder, LoggedInAccount, TelegramHarness, ends
from tests.listener.telegram.tcp_proxy import proxied
from tests.support.listener_harness import until

GET_STATE = functions.updates.GetStateRequest
Fence = Callable[[TelegramHarness, Guard], None]


def close_the_guard(telegram: TelegramHarness, guard: Guard) -> None:
    """Release the account."""
    guard.close()


def let_the_lease_lapse(telegram: TelegramHarness, guard: Guard) -> None:
    """Let the lease's time pass, before anything has noticed it."""
    telegram.clock.advance(LEASE_S)


FENCES = pytest.mark.parametrize("fence", [close_the_guard, let_the_lease_lapse])


class ClosedAfter(Guard):
    """A guard that closes after a number of checks."""

    def __init__(self, lease: Lease, looks: int) -> None:
        super().__init__(lease)
        self._looks = looks

    def held(self) -> bool:
        """Tell whether checks are left."""
        self._looks -= 1
        return self._looks >= 0 and super().held()


@FENCES
async def test_no_connection_is_made_without_the_lease(telegram: TelegramHarness, fence: Fence) -> None:
    """Not even a TCP connection reaches the server."""
    guard = telegram.lease.guard()
    fence(telegram, guard)
    with pytest.raises(AvioError) as refused:
        async with telegram.log_in_client(guard):
            pass
    assert refused.value.code is Code.TELEGRAM_UNAVAILABLE
    assert telegram.counted("connections_accepted") == 0


async def test_a_lease_that_ends_while_connecting_sends_nothing(telegram: TelegramHarness) -> None:
    """The guard is checked again before the first byte; then the connection is reset."""
    async with proxied(telegram.server.host, telegram.server.port) as proxy:
        with pytest.raises(AvioError):
            async with telegram.through(proxy.port).log_in_client(ClosedAfter(telegram.lease, looks=1)):
                pass
        assert await proxy.ending() == "reset"
        assert (proxy.connections, proxy.received) == (1, 0)


@FENCES
async def test_not_one_more_frame_leaves_after_the_fence(telegram: TelegramHarness, fence: Fence) -> None:
    """The next request fails unsent, the connection is reset, and all tasks of the client end."""
    await fenced_while_idle(telegram, await telegram.log_in(), fence)
    assert telegram.counted("auth_key_duplicated") == 0


@FENCES
async def test_the_fence_holds_on_the_loop_of_production(telegram: TelegramHarness, fence: Fence) -> None:
    """uvloop has its own sockets and transports; the client runs on it, the server here."""
    account = await telegram.log_in()

    def client_side() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(fenced_while_idle(telegram, account, fence))

    await asyncio.to_thread(client_side)
    assert telegram.counted("auth_key_duplicated") == 0


async def fenced_while_idle(telegram: TelegramHarness, account: LoggedInAccount, fence: Fence) -> None:
    async with proxied(telegram.server.host, telegram.server.port) as proxy:
        before, guard = asyncio.all_tasks(), telegram.lease.guard()
        async with telegram.through(proxy.port).serving(account, BatchRecorder(), guard=guard) as client:
            served = asyncio.create_task(client.serve())
            await settled(client)
            seen = proxy.received
            assert seen
            fence(telegram, guard)
            with pytest.raises(ConnectionError):
                await client.invoke(GET_STATE())
            await ends(served)
            assert await proxy.ending() == "reset"
            assert not client.up
        assert (proxy.received, proxy.connections) == (seen, 1)
        await until(lambda: not {task for task in asyncio.all_tasks() if not task.done()} - before)


async def settled(client: Client) -> None:
    """Wait until the client has caught up and everything it sent has arrived; acknowledgements leave only with the next request."""
    await until_idle(client)
    await client.invoke(functions.PingRequest(1))


@FENCES
async def test_requests_under_way_fail_at_the_fence(telegram: TelegramHarness, fence: Fence) -> None:
    """Unanswered, they raise ConnectionError: whether they were executed is unknown."""
    account = await telegram.log_in()
    before, guard = asyncio.all_tasks(), telegram.lease.guard()
    async with telegram.serving(account, BatchRecorder(), guard=guard) as client:
        telegram.server.operation.inject(FaultSpec(kind="ignore", method="help.getNearestDc", times=None))
        pending = [asyncio.create_task(client.invoke(functions.help.GetNearestDcRequest())) for _ in range(3)]
        await until(lambda: telegram.counted("calls").get("help.getNearestDc") == 3)
        fence(telegram, guard)
        assert not guard.held()  # the next check of the lease cuts the connections
        results = await asyncio.wait_for(asyncio.gather(*pending, return_exceptions=True), DEADLINE_S)
        assert [type(result) for result in results] == [ConnectionError] * 3
    await until(lambda: not {task for task in asyncio.all_tasks() if not task.done()} - before)


async def test_what_waits_to_be_sent_is_dropped_at_the_fence(telegram: TelegramHarness) -> None:
    """The server does not read; bytes that wait in this process and its kernel are not delivered later."""
    account = await telegram.log_in()
    async with proxied(telegram.server.host, telegram.server.port) as proxy:
        guard = telegram.lease.guard()
        async with telegram.through(proxy.port).serving(account, BatchRecorder(), guard=guard) as client:
            hold_little(client)
            proxy.stall()
            texts = [random.randbytes(20_000).hex() for _ in range(40)]
            pending = [asyncio.create_task(client.invoke(long_message(text))) for text in texts]
            await until(lambda: waiting(client))
            guard.close()
            assert not waiting(client)
            proxy.resume()
            results = await asyncio.wait_for(asyncio.gather(*pending, return_exceptions=True), DEADLINE_S)
            assert {type(result) for result in results} == {ConnectionError}  # also requests that Telethon had not begun to send
            assert await proxy.ending() == "reset"
        assert proxy.received < sum(map(len, texts)) // 4


def long_message(text: str) -> Any:
    return functions.messages.SendMessageRequest(types.InputPeerSelf(), text, random_id=1)


def hold_little(client: Client) -> None:
    """Have the kernel take little ahead of the other end, and give it all the time; else a slow machine gives up before the fence."""
    raw = client._sender._connection._writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 0)


def waiting(client: Client) -> bool:
    """Tell whether bytes wait in this process because the kernel accepts no more."""
    return bool(client._sender._connection._writer.transport.get_write_buffer_size())


@FENCES
async def test_a_fenced_client_does_not_come_back(telegram: TelegramHarness, fence: Fence) -> None:
    """A reconnect under the same guard is refused before it begins."""
    account = await telegram.log_in()
    guard = telegram.lease.guard()
    async with telegram.serving(account, BatchRecorder(), guard=guard):
        fence(telegram, guard)
    accepted = telegram.counted("connections_accepted")
    with pytest.raises(AvioError):
        async with connected(account.session, account.state, guard, telegram.endpoint, BatchRecorder()):
            pass
    assert telegram.counted("connections_accepted") == accepted


async def test_the_next_owner_finds_the_key_unharmed(telegram: TelegramHarness) -> None:
    """A worker is fenced in the middle of its work, another uses the same key, and Telegram sees one user of it."""
    account = await telegram.log_in()
    first, second = telegram.lease.guard(), telegram.lease.guard()
    async with telegram.serving(account, BatchRecorder(), guard=first) as client:
        first.close()
        async with telegram.serving(account, BatchRecorder(), guard=second) as other:
            with pytest.raises(ConnectionError):
                await client.invoke(GET_STATE())
            assert (await other.invoke(GET_STATE())).pts
    assert telegram.counted("auth_key_duplicated") == 0
    assert len(telegram.server.people.authorizations(ANN)) == 1


async def test_the_kernel_gives_up_what_is_not_acknowledged(telegram: TelegramHarness) -> None:
    """It gives up before another worker may claim the account; keep-alive is on."""
    async with telegram.log_in_client() as client:
        raw = client._sender._connection._writer.get_extra_info("socket")
        assert raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
        assert raw.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


async def test_cutting_twice_does_no_harm(telegram: TelegramHarness) -> None:
    """Guard and lease both cut; a connection that was never made may be cut too."""
    guard = telegram.lease.guard()
    async with telegram.log_in_client(guard) as client:
        connection = client._sender._connection
        guard.close()
        telegram.lease.lapse()
        await until(lambda: not client.up)
    connection.abort()
    GuardedConnection(guard, "127.0.0.1", 9, 2, loggers=client._log).abort()
