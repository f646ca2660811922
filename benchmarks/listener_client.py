"""The listener under measurement: a real process with an account, logged in through its interface, and two clients for it.

One by one it is asked as the functions ask it (shared.rpc.client). Many at once, by a client that costs next to nothing, since here
it has to share the machine's cores with what is measured.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import sys
import time
from typing import Any

from benchmarks.aws_latency_proxy import AwsLatencyProxy
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.plain_telethon import TEXT
from local.child_process import ChildProcess, bare_environment, free_port
from local.emulator_account import EmulatorAccount
from local.listener_process import START_DEADLINE_S, STOP_TIMEOUT_S, answers_health
from shared.clock import SystemClock
from shared.model.account import Account
from shared.model.ids import Channel, TenantId
from shared.model.worker import Worker
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.log_in import StartLogIn, VerifyLogIn
from shared.rpc.send import SendMessage
from shared.rpc.wire import body_of
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore
from shared.store.workers import WorkerStore

TENANT = TenantId("00000000-0000-0000-0000-000000000001")


class MeasuredListener:
    """A listener process of its own, ended with the environment, and its one account."""

    def __init__(self, environment: BenchmarkEnvironment, account: EmulatorAccount, telegram_address: str, name: str) -> None:
        self.aws = environment.in_background(AwsLatencyProxy().running(account.emulator.url))
        port = free_port()
        variables = {
            **bare_environment(),
            **environment.telegram.listener_environment,
            **account.environment,
            "TELEGRAM_TEST_SERVER": telegram_address,
            "AWS_ENDPOINT_URL": self.aws.url,
            "EVENTS_QUEUE_URL": account.events_queue_url.replace(account.emulator.url, self.aws.url),
            "LISTENER_HOST": "127.0.0.1",
            "LISTENER_PORT": str(port),
            "POWERTOOLS_SERVICE_NAME": "listener",
        }
        log = environment.folder / "logs" / f"{name}.log"
        self.process = environment.keep(ChildProcess(f"the {name}", [sys.executable, "-m", "listener"], variables, log, STOP_TIMEOUT_S))
        self.process.wait_until(lambda: answers_health(port), START_DEADLINE_S)
        table = Table(account.client("dynamodb"), account.table_name)
        self._accounts, self._workers = AccountStore(table), WorkerStore(table)
        if TenantStore(table).get(TENANT) is None:
            TenantStore(table).create("measured", None, SystemClock().now(), None, TENANT)
        self._owner = OwnerClient(self._accounts, self._workers)
        self._row: Account | None = None

    def log_in(self, environment: BenchmarkEnvironment, phone: str) -> None:
        """Log the account in, as the auth function does."""
        self._call(StartLogIn(phone=phone))
        self._call(VerifyLogIn(phone=phone, code=environment.people.code(phone)["code"]))
        self._row = self._accounts.get(TENANT, Channel.TELEGRAM)

    def send(self, to: str) -> float:
        """Send one message over the connection that is kept open; return the milliseconds it took."""
        began = time.perf_counter()
        self._call(SendMessage(to=to, text=TEXT, random_id=secrets.randbits(62)))
        return (time.perf_counter() - began) * 1000

    def _call(self, command: Command[Any]) -> None:
        self._owner.call(TENANT, Channel.TELEGRAM, self._row, command)

    def worker(self) -> Worker:
        """Return the worker's row."""
        return self._workers.all()[0]


class WorkerClient:
    """One keep-alive connection to a worker, on the running loop. One request at a time."""

    def __init__(self, worker: Worker, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._worker = worker
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, worker: Worker) -> WorkerClient:
        """Connect, trusting the certificate of the worker's row alone."""
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.check_hostname = False
        trust.load_verify_locations(cadata=worker.certificate)
        host, port = worker.address.rsplit(":", 1)
        return cls(worker, *await asyncio.open_connection(host, int(port), ssl=trust))

    async def send(self, to: str) -> None:
        """Send one message; RuntimeError where the answer is an error."""
        body = body_of(TENANT, Channel.TELEGRAM, SendMessage(to=to, text=TEXT, random_id=secrets.randbits(62)))
        head = (
            f"POST /send HTTP/1.1\r\nHost: listener\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"X-Admin-Token: {self._worker.rpc_key.get_secret_value()}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        answered = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answered.partition("content-length:")[2].partition("\r\n")[0])
        answer = json.loads(await self._reader.readexactly(length))
        if "error" in answer:
            raise RuntimeError(f"the listener answered {answer['error']}")

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        await self._writer.wait_closed()
