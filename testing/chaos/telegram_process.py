"""The Telegram test server as a process that is restarted now and then, and what people do on their phones meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import httpx

from local import telegram_server_process
from local.telegram_server_process import RunningTelegramServer

DEADLINE_S = 90.0


class PhoneRefusedError(Exception):
    """The control interface refused; the message says why."""


class RestartingServer:
    """One test server over a state directory. `keys_duplicated` counts over restarts, `starts` tells its lives apart.

    Children die with the thread that started them: `starter` is one that stays for the whole run.
    """

    def __init__(self, folder: Path, starter: Executor) -> None:
        self._folder = folder
        self._starter = starter
        self._log = folder / "logs" / "telegram.log"
        self._http: httpx.AsyncClient | None = None
        self._up = asyncio.Event()
        self._duplicated_before = 0
        self.running: RunningTelegramServer | None = None
        self.starts = 0

    async def start(self) -> None:
        """Start it where it was before; what it kept is there."""
        if self._log.exists():
            self._log.rename(self._log.with_name(f"telegram-{self.starts}.log"))
        loop = asyncio.get_running_loop()
        self.running = await loop.run_in_executor(self._starter, telegram_server_process.start, self._folder)
        self.starts += 1
        self._http = httpx.AsyncClient(base_url=self.running.control_url, timeout=DEADLINE_S, trust_env=False)
        self._up.set()

    async def end(self, number: int) -> None:
        """End it by a signal. What it counted is read before."""
        assert self.running is not None
        self._duplicated_before += int((await self.get("/counters"))["auth_key_duplicated"])
        self._up.clear()
        os.kill(self.running.process.pid, number)
        await self.stop()

    async def stop(self) -> None:
        """Stop it, however it is. Safe to run twice."""
        self._up.clear()
        if self.running:
            await asyncio.to_thread(self.running.process.stop)
        if self._http:
            await self._http.aclose()

    async def restart(self, down_s: float, pause: Callable[[float], Any], *, kill: bool) -> None:
        """End it, by SIGTERM or by kill -9, and start it again after a while."""
        await self.end(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            await pause(down_s)
        finally:
            await self.start()

    async def keys_duplicated(self) -> int:
        """Return how many keys have died of being used twice at once."""
        return self._duplicated_before + int((await self.get("/counters"))["auth_key_duplicated"])

    async def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Ask until it answers: a restart in between is waited out."""
        return await self._ask("GET", path, None, query)

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As `once`, but again after a restart: for what may be done twice."""
        return await self._ask("POST", path, body, {})

    async def once(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Ask once; None where the connection broke, so that nobody knows whether it was done."""
        await self._up.wait()
        assert self._http is not None
        try:
            return _read(await self._http.request(method, path, json=body))
        except (httpx.TransportError, RuntimeError):  # RuntimeError: the client was closed by a restart
            return None

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, query: dict[str, Any]) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await self._up.wait()
                assert self._http is not None
                try:
                    return _read(await self._http.request(method, path, json=body, params=query))
                except (httpx.TransportError, RuntimeError):
                    await asyncio.sleep(0.05)  # it is going down


def _read(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    if answer.is_error:
        raise PhoneRefusedError(f"{answer.status_code} {body.get('error')}: {body.get('detail')}")
    return body
