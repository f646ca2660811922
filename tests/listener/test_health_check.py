"""The container's health check: a task is replaced when its process is stuck or never got going, and not while DynamoDB is away."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from listener.core.api import Api, server
from listener.core.runtime.certificate import new_certificate
from listener.health_check import why_not
from local.child_process import ChildProcess, bare_environment, free_port
from local.listener_process import STOP_TIMEOUT_S, answers_health
from shared.clock import SystemClock
from testing.fake_aws.aws import FakeAws
from tests.support.listener_harness import ListenerHarness, until
from tests.support.worker_interface import interface


@asynccontextmanager
async def served(harness: ListenerHarness, registered: Callable[[], bool]) -> AsyncIterator[int]:
    """The interface of a process that is not a worker yet; gives its port."""
    port = free_port()
    api = Api(lambda: harness.worker().ownership, registered, SecretStr("k"), harness.log.logger)
    http = server(api.app(), "127.0.0.1", port, new_certificate(SystemClock().now()).context)
    serving = asyncio.create_task(http.serve())
    await until(lambda: http.started)
    try:
        yield port
    finally:
        http.should_exit = True
        await serving


async def test_a_worker_lives_and_lives_on_without_its_lease(harness: ListenerHarness) -> None:
    """No worker has a lease while DynamoDB is away: if that were unhealthy, all of them would be replaced at once."""
    async with interface(harness) as (worker, _):
        port = int(worker.ownership.me.address.rpartition(":")[2])
        assert await asyncio.to_thread(why_not, port) is None
        worker.lease.lapse()
        assert await asyncio.to_thread(why_not, port) is None


async def test_a_process_that_never_registered_does_not_live(harness: ListenerHarness) -> None:
    """A deployment without its rights is rolled back, and the reason is in the task's health."""
    async with served(harness, lambda: False) as port:
        assert "not registered yet" in str(await asyncio.to_thread(why_not, port))


async def test_a_process_whose_loop_is_stuck_does_not_live(harness: ListenerHarness) -> None:
    """Here the loop itself waits for the check: it cannot answer meanwhile."""
    async with served(harness, lambda: True) as port:
        with ThreadPoolExecutor(1) as threads:
            assert "no answer" in str(threads.submit(why_not, port, 0.2).result())
        assert await asyncio.to_thread(why_not, port) is None


def test_nobody_at_the_port_is_a_reason_too() -> None:
    """And no traceback."""
    assert "ConnectionRefusedError" in str(why_not(free_port()))


async def test_a_process_lives_through_an_outage_of_dynamodb(tmp_path: Path) -> None:
    """Its worker is over and a new one cannot register; the process goes on trying, and nobody replaces it."""
    port = free_port()
    telegram = {"TELEGRAM_API_ID": "1", "TELEGRAM_API_HASH": "0" * 32}
    interface_at = {"LISTENER_HOST": "127.0.0.1", "LISTENER_PORT": str(port)}
    async with AsyncExitStack() as outage:
        aws = await outage.enter_async_context(FakeAws().running())
        settings = bare_environment() | aws.environment | telegram | interface_at
        with ChildProcess("the listener", [sys.executable, "-m", "listener"], settings, tmp_path / "log", STOP_TIMEOUT_S) as process:
            await until(lambda: answers_health(port))
            await outage.aclose()
            await until(lambda: "worker over" in (tmp_path / "log").read_text(), deadline_s=200)
            assert not await asyncio.to_thread(answers_health, port)
            assert await asyncio.to_thread(why_not, port) is None
            assert process.running
