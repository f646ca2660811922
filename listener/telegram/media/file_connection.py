"""A connection that carries files alone: to a data centre's address for files, or to another data centre that holds a file.

Telegram allows connections for files beside an account's one connection (https://core.telegram.org/api/errors#406-not-acceptable). Each is
guarded like that one: it ends when the worker's lease lapses or the account is let go. And it goes through the account's proxy.
"""

from __future__ import annotations

import asyncio
import struct
from functools import partial
from typing import Any

from telethon.crypto import AuthKey
from telethon.network.mtprotosender import MTProtoSender
from telethon.tl import functions
from telethon.tl.alltlobjects import LAYER

from listener.telegram.connection.answer import answer_of, drop
from listener.telegram.connection.client import CALL_DEADLINE_S, CONNECT_TIMEOUT_S, CONNECT_TRIES, Client
from listener.telegram.connection.connect import CONNECT_DEADLINE_S
from listener.telegram.connection.guarded_connection import GuardedConnection


class FileConnection:
    """One connection under a key, beside an account's `client`. Without a key, `open` makes one."""

    def __init__(self, client: Client, key: bytes | None) -> None:
        self._identity = client.stored.identity
        self._loggers = client.loggers
        self._connection = partial(GuardedConnection, client.guard, proxy=client.tunnel)
        self._sender = MTProtoSender(
            AuthKey(key) if key else None,
            loggers=client.loggers,
            retries=CONNECT_TRIES,
            delay=0,
            auto_reconnect=False,
            connect_timeout=CONNECT_TIMEOUT_S,
            updates_queue=_NoUpdates(),
        )
        state = self._sender._state
        state.write_data_as_message = partial(_write_unzipped, state)

    @property
    def key(self) -> bytes | None:
        """The key, once it is connected."""
        return self._sender.auth_key.key or None

    @property
    def up(self) -> bool:
        """Whether requests can be sent."""
        return bool(self._sender.is_connected()) and self._sender._transport_connected()

    async def open(self, address: str, port: int, dc_id: int, first: Any) -> Any:
        """Connect, and return the answer to a first request, with which Telegram learns who we are."""
        try:
            async with asyncio.timeout(CONNECT_DEADLINE_S):
                await self._sender.connect(self._connection(address, port, dc_id, loggers=self._loggers))
            return await self.invoke(self._introduced(first))
        except BaseException:
            await self.close()
            raise

    async def invoke(self, request: Any, deadline_s: float = CALL_DEADLINE_S) -> Any:
        """Send one request once and return the answer; raises as `Client.invoke` does."""
        return await answer_of(self._sender.send(request), self._sender.disconnected, deadline_s)

    async def close(self) -> None:
        """End the connection. Safe to call twice."""
        await self._sender.disconnect()
        drop(self._sender.disconnected)

    def _introduced(self, query: Any) -> Any:
        who = self._identity
        introduction = functions.InitConnectionRequest(
            api_id=who.api_id,
            device_model=who.device_model,
            system_version=who.system_version,
            app_version=who.app_version,
            system_lang_code=who.system_lang_code,
            lang_pack="",
            lang_code=who.lang_code,
            query=query,
        )
        return functions.InvokeWithoutUpdatesRequest(functions.InvokeWithLayerRequest(LAYER, introduction))


def _write_unzipped(state: Any, buffer: Any, data: bytes, content_related: bool, *, after_id: int | None = None) -> int:
    """Write a message as Telethon does, without compressing it: a part of a file would keep the event loop busy for seconds."""
    assert after_id is None
    msg_id: int = state._get_new_msg_id()
    buffer.write(struct.pack("<qii", msg_id, state._get_seq_no(content_related), len(data)))
    buffer.write(data)
    return msg_id


class _NoUpdates:
    """Takes what is pushed all the same, and keeps nothing."""

    def put_nowait(self, update: Any) -> None:
        """Drop an update."""
