"""A process of plain Telethon clients with saved sessions: the baseline for a listener process.

`python -m benchmarks.raw_clients FILE`: the file says what to do (`Task`), each line of the output is one JSON object of what was found.
The process stays until SIGTERM, unless it was to connect only.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop
from telethon import TelegramClient, events
from telethon.crypto import AuthKey
from telethon.sessions import StringSession

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.stored_accounts import LoggedIn
from benchmarks.worker_process import rss_kb
from local.child_process import ChildProcess, bare_environment
from local.telegram_server_process import API_HASH, API_ID

START_DEADLINE_S = 120


@dataclass(frozen=True)
class RawClientsTask:
    """What to do: connect the clients of `secrets` (base64), so many at once; at each of `steps` rest for `pause_s` and say one's size.

    With `count_to` the clients count the messages that come, and each time that many have come it is said.
    """

    host: str
    port: int
    dc_id: int
    secrets: list[str]
    at_once: int
    steps: list[int]
    pause_s: float = 0.0
    count_to: int = 0
    stay: bool = True


class RawClients:
    """The process as its parent sees it. A context manager."""

    def __init__(self, environment: BenchmarkEnvironment, name: str, accounts: list[LoggedIn], at_once: int, **more: Any) -> None:
        host, port = environment.telegram.address.rsplit(":", 1)
        dc_id = int(environment.people.info()["dc_id"])
        secrets = [base64.b64encode(one.secret).decode() for one in accounts]
        task = RawClientsTask(host, int(port), dc_id, secrets, at_once, **({"steps": [len(accounts)]} | more))
        file = environment.folder / f"{name}.json"
        file.write_text(json.dumps(asdict(task)))
        self._log = environment.folder / "logs" / f"{name}.log"
        command = [sys.executable, "-m", "benchmarks.raw_clients", str(file)]
        self.process = ChildProcess(f"the {name}", command, bare_environment(), self._log)

    def __enter__(self) -> RawClients:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stop()

    def said(self, count: int, deadline_s: float = START_DEADLINE_S) -> list[dict[str, Any]]:
        """Return what it has said once that is so many lines; raises StartError."""
        if len(self._lines()) < count:
            self.process.wait_until(lambda: len(self._lines()) >= count or not self.process.running, deadline_s)
        return self._lines()

    def _lines(self) -> list[dict[str, Any]]:
        whole_lines = self._log.read_text(errors="replace").rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in whole_lines if line.startswith("{")]


async def _run(task: RawClientsTask) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    clients: list[Any] = []
    counting = _Counting(task.count_to)
    began = time.monotonic()
    for step in task.steps:
        clients += await _connected(task, task.secrets[len(clients) : step], counting)
        took_s = time.monotonic() - began
        await asyncio.sleep(task.pause_s)
        _say(connected=step, took_s=took_s, rss_kb=rss_kb(os.getpid()))
    if task.stay:
        await stopping.wait()
    await asyncio.gather(*(client.disconnect() for client in clients))


class _Counting:
    """Counts messages as they come to the clients' handlers."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._count = 0

    def listen(self, client: Any) -> None:
        if self._to:
            client.add_event_handler(self._arrived, events.NewMessage)

    async def _arrived(self, _: Any) -> None:
        self._count += 1
        if self._count % self._to == 0:
            _say(counted=self._count, at=time.monotonic())


async def _connected(task: RawClientsTask, secrets: list[str], counting: _Counting) -> list[Any]:
    waiting, clients = iter(secrets), []

    async def lane() -> None:
        for secret in waiting:
            client = _client(task, secret)
            counting.listen(client)
            await client.connect()
            clients.append(client)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(task.at_once):
            lanes.create_task(lane())
    return clients


def _client(task: RawClientsTask, secret: str) -> Any:
    session = StringSession()
    session.set_dc(task.dc_id, task.host, task.port)
    session.auth_key = AuthKey(data=base64.b64decode(secret))
    return TelegramClient(session, int(API_ID), API_HASH, device_model="Bench")


def _say(**found: Any) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    uvloop.run(_run(RawClientsTask(**json.loads(Path(sys.argv[1]).read_text()))))
