"""A place for a worker: its own ways to AWS and to Telegram, and the process that runs there now, which is replaced when it is gone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from local.child_process import ChildProcess, bare_environment, free_port
from local.emulator_account import EmulatorAccount
from local.listener_process import START_DEADLINE_S, STOP_TIMEOUT_S, answers_health
from local.telegram_server_process import RunningTelegramServer
from testing.chaos.aws_proxy import AwsFault, AwsProxy
from testing.chaos.fault_log import FaultLog
from testing.chaos.telegram_link import TelegramLink

SERVICES = ("dynamodb", "sqs", "kms")


@dataclass(frozen=True)
class SlotProcess:
    """One process, and the address of its private interface, by which its worker rows are known."""

    process: ChildProcess
    port: int

    @property
    def address(self) -> str:
        """Return host:port, as the worker's row has it."""
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class SlotEnvironment:
    """What all places share. Children die with the thread that started them: `starter` is one that stays for the whole run."""

    account: EmulatorAccount
    telegram: RunningTelegramServer
    logs: Path
    starter: Executor
    fault_log: FaultLog


class WorkerSlot:
    """Where one worker after another runs. Who breaks something here holds `lock`; `down` says that its worker cannot hold accounts."""

    def __init__(self, number: int, environment: SlotEnvironment, rng: random.Random) -> None:
        self.name = f"worker-{number}"
        self.lock = asyncio.Lock()
        self.down = False
        self._ground = environment
        self.aws = {service: AwsProxy(environment.account.emulator, rng) for service in SERVICES}
        self.link = TelegramLink(environment.telegram.address)
        self.current: SlotProcess | None = None
        self.starts = 0
        self._wanted = False

    async def open(self) -> None:
        """Open its ways and start its worker."""
        for proxy in self.aws.values():
            await proxy.start()
        await self.link.start()
        await self.start_worker()

    async def close(self) -> None:
        """Stop its worker, then close its ways."""
        self._wanted = False
        if self.current:
            await asyncio.to_thread(self.current.process.stop)
        for proxy in self.aws.values():
            await proxy.close()
        await self.link.close()

    async def start_worker(self) -> SlotProcess:
        """Start a process; it is not waited for."""
        self.starts += 1
        port = free_port()
        name, log = f"{self.name}, start {self.starts}", self._ground.logs / f"{self.name}-{self.starts}.log"
        how = (name, [sys.executable, "-m", "listener"], self._environment(port), log, STOP_TIMEOUT_S)
        process = await asyncio.get_running_loop().run_in_executor(self._ground.starter, ChildProcess, *how)
        self.current = SlotProcess(process, port)
        self._wanted = True
        return self.current

    async def ready(self) -> bool:
        """Wait until its worker holds a lease; tell whether it came to."""
        for _ in range(int(START_DEADLINE_S / 0.2)):
            port = self.current.port if self.current else 0
            if await asyncio.to_thread(answers_health, port):
                return True
            await asyncio.sleep(0.2)  # nothing announces it
        return False

    async def kill(self) -> None:
        """kill -9, and wait for its end."""
        self._wanted = False
        self.signal(signal.SIGKILL)
        while self.current and self.current.process.running:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.01)

    def signal(self, number: int) -> None:
        """Send its process a signal."""
        if self.current and self.current.process.running:
            os.kill(self.current.process.pid, number)

    async def replace(self) -> None:
        """As a deployment does: the new process serves before the old one is told to go."""
        old = self.current
        await self.start_worker()
        await self.ready()
        if old:
            await asyncio.to_thread(old.process.stop)

    async def supervise(self) -> None:
        """Start anew what ended although no fault made it."""
        while True:
            await asyncio.sleep(0.5)  # nothing announces it
            if self._wanted and self.current and not self.current.process.running:
                self._ground.fault_log.note("a worker ended by itself", f"{self.current.process.name}, log {self.current.process.log.name}")
                await self.start_worker()

    def break_aws(self, fault: AwsFault, *services: str) -> None:
        """Let something go wrong on its way to services of AWS, by default to all."""
        for service in services or SERVICES:
            self.aws[service].break_by(fault)

    def heal_aws(self, *services: str) -> None:
        """Let the way to services of AWS be good again."""
        for service in services or SERVICES:
            self.aws[service].heal()

    def _environment(self, port: int) -> Mapping[str, str]:
        account = self._ground.account
        return {
            **bare_environment(),
            **self._ground.telegram.listener_environment,
            **account.environment,
            **{f"AWS_ENDPOINT_URL_{service.upper()}": proxy.url for service, proxy in self.aws.items()},
            "EVENTS_QUEUE_URL": account.events_queue_url.replace(account.emulator.url, self.aws["sqs"].url),
            "TELEGRAM_TEST_SERVER": self.link.address,
            "LISTENER_HOST": "127.0.0.1",
            "LISTENER_PORT": str(port),
            "POWERTOOLS_SERVICE_NAME": "listener",
        }
