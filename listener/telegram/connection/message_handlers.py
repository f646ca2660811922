"""What is done with messages of MTProto beside Telethon's own handling: new sessions, and what cannot be read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from telethon import errors
from telethon.tl import types
from telethon.tl.core import GzipPacked
from telethon.tl.core.rpcresult import RpcResult

from listener.telegram.requests.unreadable import Unread, content, decrypted

UNREAD_APART_S = 5.0
_log = logging.getLogger(__name__)


class MessageHandlers:
    """Puts itself into Telethon's sender. `request_difference` makes the account catch up; None if it receives no updates."""

    def __init__(self, sender: Any, request_difference: Callable[[], None] | None) -> None:
        self._sender = sender
        self._request_difference = request_difference
        self.next_unread_at = 0.0
        sender._handlers |= {
            types.NewSessionCreated.CONSTRUCTOR_ID: self._new_session_created,
            RpcResult.CONSTRUCTOR_ID: self._rpc_result,
            GzipPacked.CONSTRUCTOR_ID: self._unpack,
            Unread.CONSTRUCTOR_ID: self._unread,
        }
        state = sender._state
        state.decrypt_message_data = partial(decrypted, state, state.decrypt_message_data)

    async def _new_session_created(self, message: Any) -> None:
        """Catch up: the server has made a new session, and may have dropped what it had not sent in the old session.

        https://core.telegram.org/mtproto/service_messages#new-session-creation-notification
        """
        await self._sender._handle_new_session_created(message)
        if self._request_difference:
            self._request_difference()

    async def _rpc_result(self, message: Any) -> None:
        """Hand an answer on; add its bytes to the error if it cannot be read, since a part of them can."""
        state = self._sender._pending_state.get(message.obj.req_msg_id)
        await self._sender._handle_rpc_result(message)
        if state and state.future.done() and not state.future.cancelled():
            error = state.future.exception()
            if isinstance(error, errors.TypeNotFoundError):
                error.body = message.obj.body

    async def _unpack(self, message: Any) -> None:
        message.obj = content(message.obj.data)
        await self._sender._process_message(message)

    async def _unread(self, message: Any) -> None:
        """Catch up after an unreadable push: at once, then at most every few seconds, however many arrive."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._request_difference and self.next_unread_at <= now:
            _log.warning("update unreadable", extra={"constructor": f"{message.obj.constructor:08x}"})
            self.next_unread_at = max(now, self.next_unread_at + UNREAD_APART_S)
            loop.call_at(self.next_unread_at, self._request_difference)
