"""The connections for files of one account: one to each data centre that it needs, closed when nobody uses it for a while.

    the account's own data centre    its address for files (media_only), under the account's own key; without such an address, the account's
                                     one connection
    another data centre              under a key of its own, to which Telegram carries the log-in over (auth.exportAuthorization)

The keys of other data connections are kept in memory alone: the next owner makes its own, so none is ever used twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.media.file_connection import FileConnection
from listener.telegram.requests.answers import Invoker
from shared.errors import AvioError, Code

IDLE_S = 60.0


class FileConnections:
    """Connections for files. `main` returns the account's connected client, or waits for it."""

    def __init__(self, main: Callable[[], Awaitable[Client]], idle_s: float = IDLE_S) -> None:
        self._main = main
        self._idle_s = idle_s
        self._options: list[Any] = []
        self._open: dict[int, FileConnection] = {}
        self._keys: dict[int, bytes] = {}
        self._users: dict[int, int] = {}
        self._idle: dict[int, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._opening = asyncio.Lock()

    async def home(self) -> int:
        """Return the account's own data centre."""
        return int((await self._main()).session.dc_id)

    @asynccontextmanager
    async def to(self, dc_id: int) -> AsyncIterator[Invoker]:
        """Give a connection to a data centre, opened now if there is none."""
        self._users[dc_id] = self._users.get(dc_id, 0) + 1
        if timer := self._idle.pop(dc_id, None):
            timer.cancel()
        try:
            async with self._opening:
                connection = await self._connected(dc_id)
            yield connection
        finally:
            self._users[dc_id] -= 1
            if not self._users[dc_id] and dc_id in self._open:
                self._idle[dc_id] = asyncio.get_running_loop().call_later(self._idle_s, self._close_idle, dc_id)

    async def forget(self, dc_id: int) -> None:
        """End a connection, with the key that Telegram does not take any more."""
        self._keys.pop(dc_id, None)
        if connection := self._open.pop(dc_id, None):
            await connection.close()

    async def close(self) -> None:
        """End all connections."""
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        for connection in [self._open.pop(dc_id) for dc_id in list(self._open)]:
            await connection.close()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _close_idle(self, dc_id: int) -> None:
        if connection := self._open.pop(dc_id, None):
            closing = asyncio.create_task(connection.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _connected(self, dc_id: int) -> Invoker:
        found = self._open.get(dc_id)
        if found and found.up:
            return found
        if found:
            del self._open[dc_id]
            await found.close()
        client = await self._main()
        if not self._options:
            self._options = (await client.invoke(functions.help.GetConfigRequest())).dc_options
        at_home = dc_id == client.session.dc_id
        option = _option(self._options, dc_id, media_only=at_home)
        if option is None:
            if at_home:
                return client
            raise AvioError(Code.TELEGRAM_ERROR, telegram_error=f"FILE_MIGRATE_{dc_id}")
        connection = await (self._open_home(client, option) if at_home else self._open_other(client, option))
        self._open[dc_id] = connection
        return connection

    async def _open_home(self, client: Client, option: types.DcOption) -> FileConnection:
        connection = FileConnection(client, client.current().auth_key)
        await connection.open(option.ip_address, option.port, option.id, functions.help.GetConfigRequest())
        return connection

    async def _open_other(self, client: Client, option: types.DcOption) -> FileConnection:
        """Connect under the key that we have for that data centre, or under a new one that the log-in is carried over to."""
        if key := self._keys.pop(option.id, None):
            connection = FileConnection(client, key)
            with contextlib.suppress(errors.RPCError, ConnectionError):
                await connection.open(option.ip_address, option.port, option.id, functions.help.GetConfigRequest())
                self._keys[option.id] = key
                return connection
        connection = FileConnection(client, None)
        await connection.open(option.ip_address, option.port, option.id, functions.help.GetConfigRequest())
        try:
            exported = await client.invoke(functions.auth.ExportAuthorizationRequest(option.id))
            await connection.invoke(functions.auth.ImportAuthorizationRequest(exported.id, exported.bytes))
        except BaseException:
            await connection.close()
            raise
        assert connection.key is not None
        self._keys[option.id] = connection.key
        return connection


def _option(options: list[Any], dc_id: int, *, media_only: bool) -> types.DcOption | None:
    """Return a data centre's address: the one for files alone, or else an ordinary one; we speak IPv4 and plain transports."""
    usable = [one for one in options if one.id == dc_id and not (one.ipv6 or one.cdn or one.tcpo_only)]
    exact = [one for one in usable if bool(one.media_only)]
    return next(iter(exact or ([] if media_only else usable)), None)
