"""The Telethon client of one account: guarded, without Telethon's own saving, dispatching and reconnecting.

The account's connection loop reconnects, so that each connect starts from the checkpoint and catches up. Every private member of
Telethon used in this package is named in tests/listener/telegram/test_telethon_contract.py, so that an upgrade fails loudly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from telethon import TelegramClient, errors
from telethon.tl import functions, types

from listener.core.ownership.lease import Guard
from listener.core.runtime.signals import Signal
from listener.telegram.connection.answer import answer_of, drop
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.connection.guarded_connection import GuardedConnection
from listener.telegram.connection.keepalive import TIMINGS, Keepalive, KeepaliveTimings
from listener.telegram.connection.message_handlers import MessageHandlers
from listener.telegram.connection.mtproto_session import MtprotoSession
from listener.telegram.requests.errors import Elsewhere
from listener.telegram.requests.flood_waits import FloodWaits
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.session import Session
from listener.telegram.updates import skip_unreadable
from listener.telegram.updates.batch import Take
from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.message_box import LosslessMessageBox
from listener.telegram.updates.update_queue import UpdateQueue
from listener.telegram.updates.update_receiver import UpdateReceiver
from listener.telegram.updates.update_state import UpdateState
from listener.telegram.updates.waiting_pushes import apply_waiting

CONNECT_TIMEOUT_S = 10
CONNECT_TRIES = 3  # Telethon's key exchange fails once in 256 times
CALL_DEADLINE_S = 15.0


class Client(TelegramClient):  # type: ignore[misc]  # Telethon has no types
    """The client of one connection; the next connection gets a new client.

    `take` gets each batch of updates in order. After it has returned False (no room), the client hands on nothing more and sets `full`;
    requests still work. `synced_at` is when Telegram last confirmed that nothing is missing. `flood_waits` are the account's, if they
    should outlast this client. `scanned` is set by `updateLoginToken`, which has no pts.
    """

    def __init__(
        self,
        session: Session,
        state: UpdateState | None,
        guard: Guard,
        endpoint: TelegramEndpoint,
        take: Take | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        flood_waits: FloodWaits | None = None,
        scanned: Signal | None = None,
    ) -> None:
        identity = session.identity
        self.stored = session
        self.tunnel = endpoint.tunnel()
        self.guard = guard
        super().__init__(
            MtprotoSession(session, state),
            identity.api_id,
            endpoint.api_hash,
            connection=GuardedConnection,
            proxy=self.tunnel,
            timeout=CONNECT_TIMEOUT_S,
            connection_retries=CONNECT_TRIES,
            retry_delay=0.1,
            request_retries=1,
            auto_reconnect=False,
            flood_sleep_threshold=0,
            raise_last_call_error=True,
            receive_updates=take is not None or scanned is not None,
            catch_up=take is not None,
            device_model=identity.device_model,
            system_version=identity.system_version,
            app_version=identity.app_version,
            lang_code=identity.lang_code,
            system_lang_code=identity.system_lang_code,
        )
        self._now = now
        self._flood_waits = flood_waits or FloodWaits()
        self._reason: BaseException | None = None
        self.synced_at: datetime | None = None
        self._connection = partial(GuardedConnection, guard)  # Telethon asks for a type; a class per account would cost 6 kB each
        self._scanned = scanned
        self.full = Signal()
        self.moved = Signal()
        self.message_box = self._message_box = LosslessMessageBox(self._log["messagebox"])
        self.hashes = self._mb_entity_cache = ChannelHashes(state.channels if state else {})
        self._updates_queue = self._sender._updates_queue = UpdateQueue(self.full.set)
        self.receiver: UpdateReceiver | None = None
        if take and state:
            self.receiver = UpdateReceiver(self.invoke, self.message_box, self.hashes, self.full, state, take)
        self.messages = MessageHandlers(self._sender, self.request_difference if self.receiver else None)

    @property
    def loggers(self) -> Any:
        """Telethon's loggers, for connections beside this one."""
        return self._log

    @property
    def up(self) -> bool:
        """Whether requests can be sent."""
        return bool(self.is_connected()) and self._sender._transport_connected()

    @property
    def ended_by(self) -> BaseException | None:
        """The error that ended the update loop silently, or made this client give up."""
        error = self._updates_error
        return error if isinstance(error, BaseException) else self._reason

    async def invoke(self, request: Any, deadline_s: float = CALL_DEADLINE_S) -> Any:
        """Send one request once and return Telegram's answer.

        Raises Telethon's RPCError (Unreadable is an RPCError), ConnectionError if the connection broke before an answer, TimeoutError
        after the deadline. While the method has to wait for a flood wait, raises it again without asking Telegram.
        """
        self._flood_waits.check(request)
        try:
            return await answer_of(self._sender.send(request), self.disconnected, deadline_s)
        except errors.RPCError as error:
            self._flood_waits.note(request, error)
            raise
        except errors.TypeNotFoundError as error:
            raise _unreadable(request, error) from None

    async def __call__(self, request: Any, ordered: bool = False, flood_sleep_threshold: int | None = None) -> Any:
        """Send a request as Telethon does, and skip a difference that cannot be read."""
        try:
            return await super().__call__(request, ordered, flood_sleep_threshold)
        except errors.TypeNotFoundError as error:
            unreadable = _unreadable(request, error)
        match request:
            case functions.updates.GetDifferenceRequest():
                return await skip_unreadable.difference(self.invoke, self.message_box, request, unreadable)
            case functions.updates.GetChannelDifferenceRequest():
                return await skip_unreadable.channel_difference(self.invoke, request, unreadable)
        raise unreadable

    @property
    def clock_ahead_s(self) -> float:
        """By how much Telegram's clock is ahead of ours, in seconds."""
        return float(self._sender._state.time_offset)

    async def serve(self, until: Sequence[asyncio.Future[Any]] = (), timings: KeepaliveTimings = TIMINGS) -> None:
        """Stay until the connection is over or a future of `until` is done, and keep the connection alive meanwhile.

        Raises the error that ended the connection, if there was an error.
        """
        over, keepalive = self.disconnected, Keepalive(self, timings)
        try:
            while not (await asyncio.wait((over, *until), timeout=keepalive.due_s, return_when=asyncio.FIRST_COMPLETED))[0]:
                keepalive.start_due()
        finally:
            drop(over)
            await keepalive.stop()
        if not over.cancelled():
            over.result()
            if self.ended_by:
                raise self.ended_by

    def request_difference(self) -> None:
        """Make the message box catch up, after the updates that wait before it."""
        self._updates_queue.put_nowait(types.UpdatesTooLong())

    async def give_up(self, error: BaseException) -> None:
        """End the connection, for this reason."""
        self._reason = error
        await self.disconnect()

    def note_synced(self) -> None:
        """Note that Telegram has nothing more than what was taken."""
        self.synced_at = self._now()

    def current(self) -> Session:
        """Return the present credentials."""
        assert isinstance(self.session, MtprotoSession)
        return self.session.stored(self.stored)

    async def _switch_dc(self, new_dc: int) -> None:
        """Raise Elsewhere. Telethon would drop the key and connect there by itself, to an address that it keeps on its class."""
        raise Elsewhere(new_dc)

    async def _preprocess_updates(self, updates: list[Any], users: list[Any], chats: list[Any]) -> list[Any]:
        """Take each batch right after the message box applied it; return nothing, so that Telethon dispatches nothing.

        A push takes those with it that wait behind it. Nothing is awaited before the receiver has read the message box.
        """
        if self._scanned and any(isinstance(update, types.UpdateLoginToken) for update in updates):
            self._scanned.set()
        confirmed, self.message_box.confirmed = self.message_box.confirmed, False
        if self.receiver and not self.message_box.fetched:
            users, chats = [*users], [*chats]
            apply_waiting(self._updates_queue, self.message_box, self.hashes, updates, users, chats)
        self.hashes.extend(users, chats)
        if self.receiver:
            await self.receiver.receive(updates, users, chats)
        if confirmed and not self.full.is_set():
            self.note_synced()
        self.moved.set()
        return []

    async def _keepalive_loop(self) -> None:
        """Do nothing: `serve` pings. Telethon's own loop costs a task per client and pings once a minute."""


def _unreadable(request: Any, error: Any) -> Unreadable:
    return Unreadable(request, error.invalid_constructor_id, getattr(error, "body", b""))
