"""What rows are measured in: started when a row first asks for it, ended with the run.

    Telegram test server <- (delay proxy) <- listener -> padded AWS -> emulator

The proxies run on a thread of this process; the rest are processes of their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.delay_proxy import DelayProxy
from local import emulator, telegram_server
from local.aws_account import Account, open_account
from local.emulator import Emulator
from local.progress import Progress
from local.stand_in_template import template
from local.telegram_server import TelegramServer
from testing.telegram_server.control_client import ControlClient

T = TypeVar("T")
DEADLINE_S = 30


class SideLoop:
    """An event loop on a thread of its own, for what has to go on while the main thread measures."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="side loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and return what it returns; raises TimeoutError."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(DEADLINE_S)

    def close(self) -> None:
        """End the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Surroundings:
    """A context manager: on exit nothing that was started is left."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self.progress = progress
        self._parts = ExitStack()
        self._side: SideLoop | None = None

    def __enter__(self) -> Surroundings:
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    @cached_property
    def telegram(self) -> TelegramServer:
        """The test server, one for all rows."""
        with self.progress("Telegram test server"):
            server = telegram_server.start(self.folder)
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

    def new_aws_account(self) -> Account:
        """Return tables, queue and key that no other row sees."""
        return open_account(self.emulator, template("local"))

    def address(self, round_trip_s: float) -> str:
        """Return host:port of the test server, as far away as asked."""
        if not round_trip_s:
            return self.telegram.address
        host, port = self.telegram.address.rsplit(":", 1)
        return self.aside(DelayProxy(host, int(port), round_trip_s / 2)).address

    def keep(self, part: AbstractContextManager[T]) -> T:
        """Enter a part, and leave it at the end of the run."""
        return self._parts.enter_context(part)

    def aside(self, part: AbstractAsyncContextManager[T]) -> T:
        """Run a part on the side loop until the end of the run."""
        if self._side is None:
            self._side = SideLoop()
            self._parts.callback(self._side.close)
        side = self._side
        entered = side.run(part.__aenter__())
        self._parts.callback(lambda: side.run(_leave(part)))
        return entered


async def _leave(part: AbstractAsyncContextManager[Any]) -> None:
    await part.__aexit__(None, None, None)
