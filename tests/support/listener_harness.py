"""A listener in the test's process: real stores on the emulator, the real Telegram test server, and clocks that a test can move."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from botocore.credentials import Credentials
from pydantic import SecretStr

from listener.core.account import OwnedAccount
from listener.core.account_context import AccountContext, WorkerServices
from listener.core.channel import ChannelDriver
from listener.core.event_ledger import Writer
from listener.core.event_publisher import EventPublisher
from listener.core.media_files import TRANSFERS, MediaFiles
from listener.core.ownership.lease import Lease
from listener.core.ownership.ownership import Ownership, Rows
from listener.core.runtime.offload import Offload
from listener.core.sqs_sender import Queue
from listener.core.url_source import UrlSource
from listener.telegram.channel import TelegramDriver
from listener.telegram.connection.client import Client
from listener.telegram.connection.endpoint import TelegramEndpoint, test_server
from listener.telegram.connection_loop import ConnectionLoop
from listener.telegram.telegram_account import TelegramAccount
from local.emulator_account import EmulatorAccount
from shared.clock import Clock, SystemClock
from shared.crypto import Envelope
from shared.media_bucket import MediaBucket
from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.settings import CallbackSettings
from shared.store.accounts import AccountStore
from shared.store.deliveries import DeliveryStore
from shared.store.fenced import FencedStore
from shared.store.peers import PeerStore
from shared.store.table import Table
from shared.store.workers import WorkerStore
from testing.telegram_server.server import TelegramServer
from tests.support.captured_log import CapturedLog
from tests.support.clock import FakeClock
from tests.support.rows import put_tenant

P = ParamSpec("P")
T = TypeVar("T")
TENANTS = [TenantId(f"{digit * 8}-{digit * 4}-{digit * 4}-{digit * 4}-{digit * 12}") for digit in "12"]
PATIENCE_S = 60.0
"""The time limit of a test's waits: long enough for a busy machine."""


async def until(condition: Callable[[], Any], deadline_s: float = PATIENCE_S) -> Any:
    """Wait until a condition holds. It is checked between other tasks, because no signal announces it."""
    async with asyncio.timeout(deadline_s):
        while not (found := condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return found


@dataclass
class ListenerHarness:
    """Holds the stores, the queue and the log that all workers of a test share, and reads them for the test."""

    aws: EmulatorAccount
    telegram: TelegramEndpoint
    log: CapturedLog
    urls: UrlSource = UrlSource(CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=True))  # noqa: RUF009

    def __post_init__(self) -> None:
        self.table = Table(self.aws.client("dynamodb"), self.aws.table_name)
        put_tenant(self.table, *TENANTS)
        self.accounts = AccountStore(self.table)
        self.workers = WorkerStore(self.table)
        self.fenced = FencedStore(self.table)
        self.peers = PeerStore(self.table)
        self.sqs = self.aws.client("sqs")
        kms = self.aws.client("kms")
        self.envelope = Envelope(lambda: kms, self.aws.kms_key_id)

    def services(self, clock: Clock, writer: Writer, offload: Offload) -> WorkerServices:
        """Return the services that a worker's accounts use."""
        stores = self.table, self.accounts, self.peers, self.fenced
        return WorkerServices(*stores, self.envelope, offload, writer, clock, self.log.logger, self.files(offload, clock))

    def files(self, offload: Offload, clock: Clock) -> MediaFiles:
        """Return the bucket as a worker uses it."""
        s3 = self.aws.client("s3")
        return MediaFiles(MediaBucket(lambda: s3, self.aws.media_bucket), offload, clock, asyncio.Semaphore(TRANSFERS), self.urls)

    def worker(
        self,
        clock: Clock | None = None,
        queue: type[Queue] = Queue,
        address: str = "127.0.0.1:1",
        certificate: str = "",
        drivers: Sequence[ChannelDriver] | None = None,
    ) -> WorkerHarness:
        """Return a worker that is not started. Its channel is Telegram, unless `drivers` are given."""
        return WorkerHarness(self, clock or SystemClock(), queue, address, certificate, drivers or [TelegramDriver(self.telegram)])

    def registered_worker(self, clock: FakeClock) -> WorkerHarness:
        """Return a worker that is registered but does not run: the test takes its steps."""
        worker = self.worker(clock)
        self.workers.register(worker.ownership.me)
        worker.lease.extend(clock.boottime())
        return worker

    async def queued(self, count: int, deadline_s: float = PATIENCE_S) -> list[dict[str, Any]]:
        """Wait for a number of events, and remove them from the queue, in order per chat."""
        found: list[dict[str, Any]] = []
        async with asyncio.timeout(deadline_s):
            while len(found) < count:
                found += await asyncio.to_thread(self._take, 1)
        return found

    async def mark_dead(self, worker_id: WorkerId) -> None:
        """Mark a crashed worker as dead, as a peer does after its silence. A last beat may still arrive, so this may take several tries."""
        while (row := await asyncio.to_thread(self.workers.get, worker_id)) and row.state is WorkerState.LIVE:
            await asyncio.to_thread(self.workers.kill, worker_id, row.beat, SystemClock().now())

    async def take_queued(self) -> list[dict[str, Any]]:
        """Remove the visible events from the queue, and return them."""
        return await asyncio.to_thread(self._take, 0)

    def _take(self, wait_s: int) -> list[dict[str, Any]]:
        url = self.aws.events_queue_url
        messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_s).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


class PatientOffload(Offload):
    """Threads whose calls have at least a minute, because a slow machine is no outage. Tests of deadlines have clocks of their own."""

    async def within(self, deadline_s: float, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call within the deadline, or within a minute if that is longer."""
        return await super().within(max(deadline_s, PATIENCE_S), call, *args, **kwargs)


def queue_of(aws: EmulatorAccount, offload: Offload, kind: type[Queue] = Queue) -> Queue:
    """Return a sender to the `events` queue. The caller closes it."""
    keep = DeliveryStore(Table(aws.client("dynamodb"), aws.deliveries_table_name)).keep
    return kind(aws.client("sqs"), Credentials(aws.emulator.account, aws.emulator.secret), aws.events_queue_url, keep, offload)


class WorkerHarness:
    """A worker with its writer."""

    def __init__(
        self, harness: ListenerHarness, clock: Clock, queue: type[Queue], address: str, certificate: str, drivers: Sequence[ChannelDriver]
    ) -> None:
        self.offload = PatientOffload(8, "test")
        self.queue = queue_of(harness.aws, self.offload, queue)
        self.writer = Writer(EventPublisher(self.queue, harness.peers, self.offload, harness.log.logger), harness.log.logger, retry_s=0.01)
        self.lease = Lease(clock)
        self.services = harness.services(clock, self.writer, self.offload)
        worker_id = WorkerId(secrets.token_hex(4))
        me = Worker(id=worker_id, state=WorkerState.LIVE, beat=0, address=address, certificate=certificate, rpc_key=SecretStr("k"))
        self.beat_offload = PatientOffload(2, "beat")
        rows = Rows(harness.accounts, harness.workers, harness.workers, self.offload, self.beat_offload)
        self.ownership = Ownership(me, self.lease, rows, self._open_context, drivers, clock, harness.log.logger)
        self.task: asyncio.Task[None] | None = None

    @property
    def id(self) -> WorkerId:
        """The worker's id."""
        return self.ownership.me.id

    def _open_context(self, row: Any, me: WorkerId) -> AccountContext:
        return AccountContext(row, me, self.lease.guard(), self.services)

    async def account(self, tenant_id: TenantId) -> OwnedAccount:
        """Claim an account for this worker, and return it."""
        return await asyncio.wait_for(self.ownership.account(tenant_id, Channel.TELEGRAM), PATIENCE_S)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[WorkerHarness]:
        """Run the worker, its beats and its writer for the block. At the end it hands its accounts over."""
        writing = asyncio.create_task(self.writer.run())
        self.task = asyncio.create_task(self.ownership.run())
        await until(lambda: self.lease.held() or (self.task and self.task.done()))
        try:
            yield self
            if not self.task.done():
                self.ownership.stop()
                await asyncio.wait_for(self.task, PATIENCE_S)
        finally:
            for task in (self.task, writing):
                task.cancel()
            await asyncio.gather(self.task, writing, return_exceptions=True)
            await self.queue.close()
            self.offload.close()
            self.beat_offload.close()

    async def crash(self) -> None:
        """End as by kill -9: at once no call reaches Telegram or AWS, and nothing is handed over or saved."""
        self.offload.close()
        self.beat_offload.close()
        self.lease.lapse()
        assert self.task is not None
        doomed = [self.task, *self.ownership.claims.tasks.values()]
        while not all(task.done() for task in doomed):
            for task in doomed:  # again and again, because a killed process does not clean up
                task.cancel()
            await asyncio.sleep(0)


def telegram_of(server: TelegramServer) -> TelegramEndpoint:
    """Return the endpoint of an in-process test server."""
    info = server.info()
    addresses = ",".join(f"{dc}={info['host']}:{ports['main']}" for dc, ports in info["data_centres"].items())
    return test_server(1, "hash", info["dc_id"], addresses, info["public_key"].encode())


def telegram(account: OwnedAccount) -> TelegramAccount:
    """Return the Telegram side of an account."""
    assert isinstance(account.channel, TelegramAccount)
    return account.channel


def loop_of(account: OwnedAccount) -> ConnectionLoop:
    """Return the connection loop of an account that serves."""
    loop = telegram(account).loop
    assert loop is not None
    return loop


def is_up(account: OwnedAccount) -> bool:
    """Tell whether an account serves and is connected."""
    loop = telegram(account).loop
    return loop is not None and loop.operations.up.is_set()


def is_down(account: OwnedAccount) -> bool:
    """Tell whether an account serves and is not connected."""
    loop = telegram(account).loop
    return loop is not None and not loop.operations.up.is_set()


def client_of(account: OwnedAccount) -> Client | None:
    """Return the client of an account's connection, or None."""
    loop = telegram(account).loop
    return loop.client if loop else None
