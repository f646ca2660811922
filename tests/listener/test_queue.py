"""The way into the events queue: what SQS gets, and what becomes of it where SQS is away."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from botocore.credentials import Credentials

from listener.core.runtime.offload import Offload
from listener.core.sqs_sender import TIMES, Queue
from local.emulator_account import EmulatorAccount
from shared.model.event import read_event
from shared.queues import LARGE_BYTES, Pointer, QueueUnavailable, parse
from shared.store.deliveries import DeliveryStore
from shared.store.table import StoreUnavailable, Table
from tests.support.certificates import certificate_for
from tests.support.events import TENANT, event_of, message_of
from tests.support.listener_harness import queue_of


@pytest.fixture
async def offload() -> AsyncIterator[Offload]:
    """Threads."""
    offload = Offload(2, "test")
    yield offload
    offload.close()


@pytest.fixture
async def queue(account: EmulatorAccount, offload: Offload) -> AsyncIterator[Queue]:
    """The way into the emulator's queue."""
    queue = queue_of(account, offload)
    yield queue
    await queue.close()


def received(account: EmulatorAccount) -> list[dict[str, Any]]:
    answer = account.client("sqs").receive_message(
        QueueUrl=account.events_queue_url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


async def test_events_come_out_as_they_went_in(account: EmulatorAccount, queue: Queue) -> None:
    """Each in its chat's group, under its own id."""
    events = [event_of(chat_id=number, text=f"Привет 🙂 {number}") for number in range(10)]
    assert await queue.send(events) == [True] * 10
    messages = received(account)
    assert sorted((read_event(message["Body"]) for message in messages), key=lambda event: message_of(event).chat_id) == events
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {event.group for event in events}
    assert {message["Attributes"]["MessageDeduplicationId"] for message in messages} == {event.id for event in events}


async def test_the_same_event_is_queued_once(account: EmulatorAccount, queue: Queue) -> None:
    """Sending again after a lost answer is safe."""
    assert await queue.send([event_of()]) == await queue.send([event_of()]) == [True]
    assert len(received(account)) == 1


async def test_a_large_event_goes_by_pointer(account: EmulatorAccount, queue: Queue) -> None:
    """Its record is there before the queue has it."""
    event = event_of(text="x" * LARGE_BYTES)
    assert await queue.send([event]) == [True]
    assert [parse(message["Body"]) for message in received(account)] == [Pointer(tenant_id=TENANT, event_id=event.id)]
    kept = DeliveryStore(Table(account.client("dynamodb"), account.deliveries_table_name)).get(TENANT, event.id)
    assert kept is not None


async def test_a_large_event_that_cannot_be_kept_is_not_queued(account: EmulatorAccount, offload: Offload) -> None:
    """The queue counts as away: it is tried again."""

    def keep(_: Any) -> None:
        raise StoreUnavailable("put_item: away")

    queue = Queue(account.client("sqs"), Credentials("a", "b"), account.events_queue_url, keep, offload)
    with pytest.raises(QueueUnavailable, match="put_item"):
        await queue.send([event_of(text="x" * LARGE_BYTES)])
    assert received(account) == []


async def test_a_queue_that_refuses_is_unavailable(account: EmulatorAccount, offload: Offload) -> None:
    """With SQS's own word for why: nothing was accepted that we know of."""
    root = Credentials(account.emulator.account, account.emulator.secret)
    queue = Queue(account.client("sqs"), root, account.events_queue_url + "-gone", print, offload)
    with pytest.raises(QueueUnavailable, match=r"QueueDoesNotExist|NonExistentQueue"):
        await queue.send([event_of(), event_of(chat_id=2)])
    await queue.close()


class FakeSqsEndpoint:
    """What stands where SQS should be: keeps what it is sent, and answers as told, or never."""

    def __init__(self, answer: bytes | None, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._tls = tls
        self._over = asyncio.Event()

    async def __aenter__(self) -> FakeSqsEndpoint:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        self._server.close()
        await self._server.wait_closed()

    def queue(self, credentials: Any, offload: Offload, times: aiohttp.ClientTimeout = TIMES) -> Queue:
        """Return the way to it."""
        scheme = "https" if self._tls else "http"
        url = f"{scheme}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        client: Any = SimpleNamespace(meta=SimpleNamespace(endpoint_url=url, region_name="eu-west-1"))
        return Queue(client, credentials, f"{url}/1/events.fifo", print, offload, times)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):  # who hangs up has asked nothing
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self.asked.append(head + await reader.readexactly(length))  # all of it: closed unread, an answer may be reset
        if self._answer is None:
            await self._over.wait()
        else:
            writer.write(self._answer)
        writer.close()


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnonsense!", b"HTTP/1.1 503 Slow\r\nContent-Length: 2\r\n\r\n{}"]
)
async def test_an_answer_that_tells_nothing_is_no_acceptance(answer: bytes, offload: Offload) -> None:
    """Broken off, not understood, or overloaded."""
    async with FakeSqsEndpoint(answer) as endpoint:
        queue = endpoint.queue(Credentials("a", "b"), offload)
        with pytest.raises(QueueUnavailable):
            await queue.send([event_of()])
        await queue.close()


async def test_who_shows_a_certificate_that_nobody_vouches_for_is_told_nothing(offload: Offload, tmp_path: Path) -> None:
    """What stands there is not AWS."""
    async with FakeSqsEndpoint(b"", certificate_for("sqs").server_context(tmp_path)) as endpoint:
        queue = endpoint.queue(Credentials("a", "b"), offload)
        with pytest.raises(QueueUnavailable, match="Certificate"):
            await queue.send([event_of()])
        await queue.close()
    assert endpoint.asked == []


async def test_nobody_there_is_unavailable(offload: Offload) -> None:
    """The port is closed."""
    async with FakeSqsEndpoint(b"") as endpoint:
        queue = endpoint.queue(Credentials("a", "b"), offload)
    with pytest.raises(QueueUnavailable):
        await queue.send([event_of()])
    await queue.close()


async def test_a_silent_queue_is_given_up(offload: Offload) -> None:
    """The event stays in its ledger."""
    async with FakeSqsEndpoint(None) as endpoint:
        queue = endpoint.queue(Credentials("a", "b"), offload, aiohttp.ClientTimeout(total=0.2))
        with pytest.raises(QueueUnavailable):
            await queue.send([event_of()])
        await queue.close()


async def test_a_key_that_runs_out_is_fetched_off_the_loop(offload: Offload) -> None:
    """What asks for it may wait for the network, and nothing else waits for that."""
    fetched_on: list[str] = []

    class Rotating(Credentials):
        def refresh_needed(self) -> bool:
            return not fetched_on

        def get_frozen_credentials(self) -> Any:
            fetched_on.append(threading.current_thread().name)
            return super().get_frozen_credentials()

    async with FakeSqsEndpoint(b'HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{"Successful":[{"Id":"0"}]}') as endpoint:
        queue = endpoint.queue(Rotating("KEY", "secret", "session token"), offload)
        assert await queue.send([event_of()]) == [True]
        await queue.close()
        head = endpoint.asked[0].decode().lower()
    assert fetched_on[0].startswith("test")
    assert "authorization: aws4-hmac-sha256 credential=key/" in head
    assert "/eu-west-1/sqs/aws4_request" in head
    assert "x-amz-security-token: session token" in head
    assert "secret" not in head
