"""Composition root of the listener: settings, signals, one process that is one worker after another.

A worker whose lease lapsed is over for good; the process goes on as a new one, under a new id. SIGTERM and SIGINT hand over and end it,
and so does draining its worker: whether another process is started then is up to whatever supervises it.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import uvloop
from aws_lambda_powertools import Logger
from pydantic import BeforeValidator, SecretStr

from listener.core.account_context import AccountContext, WorkerServices
from listener.core.api import Api, server
from listener.core.connect_limiter import REAL_EVERY_S, ConnectLimiter
from listener.core.event_ledger import Writer
from listener.core.event_publisher import EventPublisher
from listener.core.media_files import TRANSFERS, MediaFiles
from listener.core.metrics import MetricsWriter
from listener.core.ownership.heartbeat import Lapsed
from listener.core.ownership.lease import Lease
from listener.core.ownership.ownership import Ownership, Rows
from listener.core.runtime.certificate import Certificate, new_certificate
from listener.core.runtime.offload import Offload
from listener.core.runtime.signals import wait_for
from listener.core.runtime.unconfigured import say_what_is_missing
from listener.core.sqs_sender import Queue
from listener.core.url_source import UrlSource
from listener.telegram.channel import TelegramDriver
from listener.telegram.connection.endpoint import TelegramEndpoint, real, silence_telethon, test_server
from shared import aws
from shared.clock import SystemClock
from shared.crypto import Envelope
from shared.media_bucket import MediaBucket
from shared.model.account import Account
from shared.model.ids import WorkerId
from shared.model.worker import Worker, WorkerState
from shared.observability import get_logger
from shared.settings import CallbackSettings, DeliverySettings, MediaSettings
from shared.store.accounts import AccountStore
from shared.store.deliveries import DeliveryStore
from shared.store.fenced import FencedStore
from shared.store.peers import PeerStore
from shared.store.table import StoreUnavailable, Table
from shared.store.workers import WorkerStore

START_AGAIN_S = 3.0


def _number(value: object) -> object:
    return value if str(value).strip().isdigit() else None


class ListenerSettings(DeliverySettings, MediaSettings, CallbackSettings):
    """What the listener reads from the environment. `telegram_test_server` is host:port, its key the path of a PEM file."""

    events_queue_url: str
    kms_key_id: str
    telegram_api_id: Annotated[int | None, BeforeValidator(_number)] = None
    telegram_api_hash: SecretStr = SecretStr("")
    listener_host: str = "0.0.0.0"  # noqa: S104  on Fargate; its security group admits the functions alone
    listener_port: int = 9000
    telegram_test_server: str | None = None
    telegram_test_server_dc: int = 2
    telegram_test_server_key: Path | None = None

    def address(self) -> str:
        """Return host:port under which functions reach this process."""
        host = socket.gethostbyname(socket.gethostname()) if self.listener_host == "0.0.0.0" else self.listener_host  # noqa: S104
        return f"{host}:{self.listener_port}"

    @property
    def missing(self) -> list[str]:
        """The names of what has still to be filled in: a new deployment's secret is empty."""
        filled = {"TELEGRAM_API_ID": self.telegram_api_id, "TELEGRAM_API_HASH": self.telegram_api_hash.get_secret_value()}
        return [name for name, value in filled.items() if not value]

    def telegram(self) -> TelegramEndpoint:
        """Return which Telegram to connect to."""
        api_id, api_hash = self.telegram_api_id, self.telegram_api_hash.get_secret_value()
        assert api_id is not None
        if self.telegram_test_server and self.telegram_test_server_key:
            key = self.telegram_test_server_key.read_bytes()
            return test_server(api_id, api_hash, self.telegram_test_server_dc, self.telegram_test_server, key)
        return real(api_id, api_hash)


class Process:
    """One listener process."""

    def __init__(self, settings: ListenerSettings, logger: Logger) -> None:
        self._settings = settings
        self._logger = logger
        self._clock = SystemClock()
        self._rpc_key = SecretStr(secrets.token_urlsafe(32))
        self._certificate: Certificate = new_certificate(self._clock.now())
        self._stopping = asyncio.Event()
        kms = aws.kms()  # here: the threads that open the first sessions would each make one at the same time, seen to cost 40 MB
        table = Table(aws.dynamodb(), settings.table_name)
        peers = PeerStore(table)
        self._offload = Offload(16, "aws")
        large = DeliveryStore(Table(aws.dynamodb(), settings.deliveries_table_name))
        events = Offload(8, "events")
        self._queue = Queue(aws.sqs(), aws.credentials(), settings.events_queue_url, large.keep, events)
        deliver = EventPublisher(self._queue, peers, events, logger)
        self._writer = Writer(deliver, logger)
        telegram = settings.telegram()
        self._drivers = [TelegramDriver(telegram, ConnectLimiter(0.0 if telegram.moves else REAL_EVERY_S))]
        self._services = WorkerServices(
            table=table,
            accounts=AccountStore(table),
            peers=peers,
            fenced=FencedStore(table),
            envelope=Envelope(lambda: kms, settings.kms_key_id),
            offload=self._offload,
            writer=self._writer,
            clock=self._clock,
            logger=logger,
            files=MediaFiles(
                MediaBucket(aws.s3, settings.media_bucket),
                Offload(8, "files"),
                self._clock,
                asyncio.Semaphore(TRANSFERS),
                UrlSource(settings),
            ),
        )
        beats = WorkerStore(Table(aws.dynamodb_once(), settings.table_name))
        self._rows = Rows(self._services.accounts, WorkerStore(table), beats, self._offload, Offload(2, "beat"))
        self._has_registered = False
        self._worker = self._new_worker()
        channels = {driver.channel for driver in self._drivers}
        self._metrics = MetricsWriter(
            self._services.metrics, channels, lambda channel: self._worker.claims.holdings(channel), self._clock, sys.stdout
        )

    async def run(self) -> None:
        """Serve until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        api = Api(lambda: self._worker, lambda: self.registered, self._rpc_key, self._logger)
        http = server(api.app(), self._settings.listener_host, self._settings.listener_port, self._certificate.context)
        async with asyncio.TaskGroup() as tasks:  # what fails in one of them ends the process, and Fargate starts another
            tasks.create_task(http.serve())
            writing = [tasks.create_task(work) for work in (self._writer.run(), self._metrics.run())]
            while not self._stopping.is_set():
                await self._be_a_worker()
            http.should_exit = True
            for task in writing:
                task.cancel()
        await self._queue.close()

    async def _be_a_worker(self) -> None:
        try:
            await self._worker.run()
            self._stopping.set()  # by a signal, or drained
        except (Lapsed, StoreUnavailable, TimeoutError) as error:
            self._logger.error("worker over, starting anew", extra={"worker": self._worker.me.id, "fault": type(error).__name__})
            if self._worker.draining:
                self._stopping.set()
            self._has_registered = self.registered
            self._worker = self._new_worker()
            await wait_for(self._stopping, START_AGAIN_S)

    @property
    def registered(self) -> bool:
        """Whether this process has ever registered a worker."""
        return self._has_registered or self._worker.lease.started

    def _stop(self) -> None:
        self._stopping.set()
        self._worker.stop()

    def _new_worker(self) -> Ownership:
        lease = Lease(self._clock)
        me = Worker(
            id=WorkerId(secrets.token_hex(8)),
            state=WorkerState.LIVE,
            beat=0,
            address=self._settings.address(),
            certificate=self._certificate.pem,
            rpc_key=self._rpc_key,
            started_at=self._clock.now(),
        )

        def open_context(row: Account, worker: WorkerId) -> AccountContext:
            return AccountContext(row, worker, lease.guard(), self._services)

        return Ownership(me, lease, self._rows, open_context, self._drivers, self._clock, self._logger)


def _collect_rarely() -> None:
    """Look for cycles in what is new, and not after every 700 objects: each message makes a dozen, and they were a tenth of its time."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


async def _wait_for_settings(settings: ListenerSettings, logger: Logger) -> None:
    stopping, certificate = asyncio.Event(), new_certificate(SystemClock().now())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await say_what_is_missing(settings.missing, settings.listener_host, settings.listener_port, certificate, logger, stopping)


if __name__ == "__main__":

    async def main() -> None:
        """Compose inside the loop, since what is composed holds its events."""
        silence_telethon()
        _collect_rarely()
        settings, logger = ListenerSettings(), get_logger()
        if settings.missing:
            await _wait_for_settings(settings, logger)
        else:
            await Process(settings, logger).run()

    uvloop.run(main())
