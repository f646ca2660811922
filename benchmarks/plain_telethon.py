"""The baseline for Avio: plain Telethon in this process, on the same event loop as the listener (uvloop)."""

from __future__ import annotations

import asyncio
import secrets
import time
from types import TracebackType
from typing import Any

import uvloop
from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import StringSession
from telethon.tl import functions

from benchmarks.environment import BenchmarkEnvironment
from local.telegram_server_process import API_HASH, API_ID

TEXT = "A message of usual length, as a shop writes it."


class PlainTelethon:
    """A person's client at host:port. A context manager; between calls its loop stands still."""

    def __init__(self, environment: BenchmarkEnvironment, address: str, phone: str) -> None:
        rsa.add_key(environment.telegram.key_path.read_bytes(), old=False)
        self._address = address
        self._dc_id = int(environment.people.info()["dc_id"])
        self._phone = phone
        self._people = environment.people
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._session = ""
        self._client: Any = None
        self._peer: Any = None

    def __enter__(self) -> PlainTelethon:
        try:
            self._runner.run(self._log_in())
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._runner.run(self._disconnect())
        finally:
            self._runner.close()

    def address_to(self, username: str) -> None:
        """Resolve the recipient, once."""
        self._peer = self._runner.run(self._resolve(username))

    def sends(self, count: int) -> list[float]:
        """Send messages one after the other over the warm connection; return the milliseconds of each."""
        return self._runner.run(self._sends(count))

    def sends_at_once(self, count: int, in_flight: int) -> float:
        """Send messages, so many at once; return sends per second."""
        return self._runner.run(self._sends_at_once(count, in_flight))

    def leave(self) -> None:
        """Close the warm connection, so that the saved session may be used by others."""
        self._runner.run(self._disconnect())

    def connected_sends(self, count: int) -> list[float]:
        """Connect with the saved session, send, disconnect, so many times; return the milliseconds of each.

        The warm connection must be closed: a key has one connection at a time.
        """
        return [self._runner.run(self._connect_and_send()) for _ in range(count)]

    def run(self, work: Any) -> Any:
        """Run other work on the same loop."""
        return self._runner.run(work)

    def _new_client(self) -> Any:
        host, port = self._address.rsplit(":", 1)
        kept = StringSession(self._session)
        kept.set_dc(self._dc_id, host, int(port))
        return TelegramClient(kept, int(API_ID), API_HASH, flood_sleep_threshold=0, device_model="Bench")

    async def _log_in(self) -> None:
        self._client = self._new_client()
        await self._client.connect()
        await self._client.send_code_request(self._phone)
        code = await asyncio.to_thread(self._people.code, self._phone)
        await self._client.sign_in(self._phone, code["code"])
        self._session = self._client.session.save()

    async def _disconnect(self) -> None:
        await self._client.disconnect()

    async def _resolve(self, username: str) -> Any:
        return await self._client.get_input_entity(username)

    def _request(self) -> Any:
        return functions.messages.SendMessageRequest(self._peer, TEXT, random_id=secrets.randbits(62))

    async def _sends(self, count: int) -> list[float]:
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            await self._client(self._request())
            taken.append((time.perf_counter() - began) * 1000)
        return taken

    async def _sends_at_once(self, count: int, in_flight: int) -> float:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(in_flight):
                tasks.create_task(self._sends(count // in_flight))
        return count / (time.perf_counter() - began)

    async def _connect_and_send(self) -> float:
        began = time.perf_counter()
        client = self._new_client()
        await client.connect()
        await client(self._request())
        await client.disconnect()
        return (time.perf_counter() - began) * 1000
