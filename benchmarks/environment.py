"""The servers and processes that benchmarks use. They start when a row first needs them, and end with the run.

    Telegram test server <- (delay proxy) <- listener -> AWS latency proxy -> emulator

The proxies run on a thread of this process; the rest are processes of their own.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.delay_proxy import DelayProxy
from local import emulator, telegram_server_process
from local.emulator import Emulator
from local.emulator_account import EmulatorAccount, open_account
from local.stand_in_template import template
from local.start_progress import Progress
from local.telegram_server_process import RunningTelegramServer
from testing.background_loop import BackgroundLoop
from testing.telegram_server.control_client import ControlClient

T = TypeVar("T")


class BenchmarkEnvironment:
    """A context manager: on exit all that it started has ended."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self._parts = ExitStack()
        self._loop: BackgroundLoop | None = None

    def __enter__(self) -> BenchmarkEnvironment:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @cached_property
    def telegram(self) -> RunningTelegramServer:
        """The test server, one for all rows."""
        with self.progress("Telegram test server"):
            server = telegram_server_process.start(self.folder)
            self._parts.callback(server.process.stop)
            return server

    @cached_property
    def people(self) -> ControlClient:
        """The test server's control interface."""
        return self._parts.enter_context(ControlClient(self.telegram.control_url))

    @cached_property
    def emulator(self) -> Emulator:
        """The AWS emulator, keeping nothing."""
        with self.progress("AWS emulator"):
            return self._parts.enter_context(emulator.running(self.folder, enforce_roles=False, persist=False))

    def new_aws_account(self) -> EmulatorAccount:
        """Return tables, queue and key that no other row sees."""
        return open_account(self.emulator, template("local"))

    def address(self, round_trip_s: float) -> str:
        """Return host:port of the test server, as far away as asked."""
        if not round_trip_s:
            return self.telegram.address
        host, port = self.telegram.address.rsplit(":", 1)
        return self.in_background(DelayProxy(host, int(port), round_trip_s / 2)).address

    def keep(self, part: AbstractContextManager[T]) -> T:
        """Enter a part, and leave it at the end of the run."""
        return self._parts.enter_context(part)

    def in_background(self, part: AbstractAsyncContextManager[T]) -> T:
        """Run a part on the background loop until the end of the run."""
        if self._loop is None:
            self._loop = BackgroundLoop()
            self._parts.callback(self._loop.close)
        loop = self._loop
        entered = loop.run(part.__aenter__())
        self._parts.callback(lambda: loop.run(_leave(part)))
        return entered


async def _leave(part: AbstractAsyncContextManager[Any]) -> None:
    await part.__aexit__(None, None, None)
