"""The Telethon client of one account: guarded, without Telethon's own saving, dispatching and reconnecting.

The account's own task reconnects, so that each connect starts from the checkpoint and catches up. Every private member of Telethon used
in this package is named in tests/listener/telegram/test_telethon_contract.py, so that an upgrade fails loudly.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from telethon import TelegramClient, errors
from telethon.tl import functions, types
from telethon.tl.core import GzipPacked
from telethon.tl.core.rpcresult import RpcResult

from listener.core.ownership.lease import Guard
from listener.core.runtime.backoff import Signal
from listener.telegram.connection import skip_unreadable
from listener.telegram.connection.endpoint import Telegram
from listener.telegram.connection.guarded_connection import GuardedConnection
from listener.telegram.connection.keepalive import PACE, Keepalive, Pace
from listener.telegram.connection.mtproto_session import MtprotoSession
from listener.telegram.connection.unreadable import Unread, Unreadable, content, decrypted
from listener.telegram.operations.errors import BROKEN, translated
from listener.telegram.operations.flood_waits import FloodWaits
from listener.telegram.session import Session
from listener.telegram.updates.batch import Take
from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.message_box import LosslessBox
from listener.telegram.updates.update_queue import Waiting
from listener.telegram.updates.update_receiver import UpdateReceiver
from listener.telegram.updates.update_state import UpdateState

CONNECT_TIMEOUT_S = 10
CONNECT_TRIES = 3  # Telethon's key exchange fails once in 256 times
CONNECT_DEADLINE_S = 30.0  # all tries, and the first request: Telethon waits for its answer for ever
CALL_DEADLINE_S = 15.0
UNREAD_APART_S = 5.0
_log = logging.getLogger(__name__)


class Client(TelegramClient):  # type: ignore[misc]  # Telethon has no types
    """One connection's client; after it is over, a new one is made.

    `take` gets each batch of updates in order; False means that it had no room, whereupon this client hands on nothing more (`full`),
    while requests still go. `synced_at` is when Telegram last confirmed that nothing is missing. `waits` are the account's flood waits,
    where they are to outlast this client.
    """

    def __init__(
        self,
        session: Session,
        marks: UpdateState | None,
        guard: Guard,
        where: Telegram,
        take: Take | None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        waits: FloodWaits | None = None,
    ) -> None:
        identity = session.identity
        self.stored = session
        super().__init__(
            MtprotoSession(session, marks),
            identity.api_id,
            where.api_hash,
            connection=GuardedConnection,
            timeout=CONNECT_TIMEOUT_S,
            connection_retries=CONNECT_TRIES,
            retry_delay=0.1,
            request_retries=1,
            auto_reconnect=False,
            flood_sleep_threshold=0,
            raise_last_call_error=True,
            receive_updates=take is not None,
            catch_up=take is not None,
            device_model=identity.device_model,
            system_version=identity.system_version,
            app_version=identity.app_version,
            lang_code=identity.lang_code,
            system_lang_code=identity.system_lang_code,
        )
        self._now = now
        self._waits = waits or FloodWaits()
        self._reason: BaseException | None = None
        self.synced_at: datetime | None = None
        self._connection = partial(GuardedConnection, guard)  # Telethon asks for a type; one per account would cost 6 kB each
        self.full = Signal()
        self.moved = Signal()
        self.box = self._message_box = LosslessBox(self._log["messagebox"])
        self.hashes = self._mb_entity_cache = ChannelHashes(marks.channels if marks else {})
        self._updates_queue = self._sender._updates_queue = Waiting(self.full.set)
        self.intake = UpdateReceiver(self, marks, take) if take and marks else None
        self._ask_at = 0.0
        self._sender._handlers |= {
            types.NewSessionCreated.CONSTRUCTOR_ID: self._new_session_created,
            RpcResult.CONSTRUCTOR_ID: self._rpc_result,
            GzipPacked.CONSTRUCTOR_ID: self._unpack,
            Unread.CONSTRUCTOR_ID: self._unread,
        }
        reading = self._sender._state
        reading.decrypt_message_data = partial(decrypted, reading, reading.decrypt_message_data)

    @property
    def up(self) -> bool:
        """Whether requests can be sent."""
        return bool(self.is_connected()) and self._sender._transport_connected()

    @property
    def ended_by(self) -> BaseException | None:
        """What ended the update loop in silence, or made this client give up."""
        error = self._updates_error
        return error if isinstance(error, BaseException) else self._reason

    async def invoke(self, request: Any, deadline_s: float = CALL_DEADLINE_S) -> Any:
        """Send one request once and return Telegram's answer; raises Telethon's RPCError (Unreadable is one), ConnectionError where the
        connection broke before an answer, TimeoutError where none came in time. While its method has to wait, Telegram is not asked.
        """
        self._waits.check(request)
        answer, over = self._sender.send(request), self.disconnected
        try:
            await asyncio.wait((answer, over), timeout=deadline_s, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done() and not over.done():
                raise TimeoutError
            if not answer.done() or answer.cancelled():  # disconnecting, Telethon forgets what it has not sent, and cancels what it has
                raise ConnectionError("disconnected")
            error = answer.exception()
            self._waits.note(request, error)
            if isinstance(error, BROKEN):  # ... or fails it with whatever ended the connection, the kernel's ETIMEDOUT among it
                raise ConnectionError("disconnected") from error
            if isinstance(error, errors.TypeNotFoundError):
                raise _unreadable(request, error)
            return answer.result()
        finally:
            _drop(answer)
            _drop(over)

    async def __call__(self, request: Any, ordered: bool = False, flood_sleep_threshold: int | None = None) -> Any:
        """Send a request as Telethon does; a difference that cannot be read is passed over."""
        try:
            return await super().__call__(request, ordered, flood_sleep_threshold)
        except errors.TypeNotFoundError as error:
            unreadable = _unreadable(request, error)
        match request:
            case functions.updates.GetDifferenceRequest():
                return await skip_unreadable.difference(self, request, unreadable)
            case functions.updates.GetChannelDifferenceRequest():
                return await skip_unreadable.channel_difference(self, request, unreadable)
        raise unreadable

    async def serve(self, until: Sequence[asyncio.Future[Any]] = (), pace: Pace = PACE) -> None:
        """Stay until the connection is over, or one of these futures is done; raises what ended the connection, where something did.

        Meanwhile the connection is kept up: pinged, compared, seeded.
        """
        over, upkeep = self.disconnected, Keepalive(self, pace)
        try:
            while not (await asyncio.wait((over, *until), timeout=upkeep.due_s, return_when=asyncio.FIRST_COMPLETED))[0]:
                upkeep.begin()
        finally:
            _drop(over)
            await upkeep.stop()
        if not over.cancelled():
            over.result()
            if self.ended_by:
                raise self.ended_by

    def ask_for_difference(self) -> None:
        """Have the box catch up, once what waits before it has been applied."""
        self._updates_queue.put_nowait(types.UpdatesTooLong())

    async def give_up(self, error: BaseException) -> None:
        """End the connection, for this reason."""
        self._reason = error
        await self.disconnect()

    def confirmed(self) -> None:
        """Note that Telegram has nothing more than what was taken."""
        self.synced_at = self._now()

    def current(self) -> Session:
        """Return the credentials as they are now."""
        assert isinstance(self.session, MtprotoSession)
        return self.session.stored(self.stored)

    async def _preprocess_updates(self, updates: list[Any], users: list[Any], chats: list[Any]) -> list[Any]:
        """Take each batch right after the box applied it, before anything else sees it; Telethon dispatches nothing."""
        confirmed, self.box.confirmed = self.box.confirmed, False
        self.hashes.extend(users, chats)
        if self.intake:
            await self.intake.batch(updates, users, chats)
        if confirmed and not self.full.is_set():
            self.confirmed()
        self.moved.set()
        return []

    async def _new_session_created(self, message: Any) -> None:
        """Catch up: the server has made a new session, and may have dropped what it had not sent in the old one.

        https://core.telegram.org/mtproto/service_messages#new-session-creation-notification
        """
        await self._sender._handle_new_session_created(message)
        if self.intake:
            self.ask_for_difference()

    async def _rpc_result(self, message: Any) -> None:
        """Hand an answer on; where it cannot be read, with its bytes: a part of them can."""
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
        """Catch up: what was pushed cannot be read. At once, and then every few seconds at most, however much of it comes."""
        now = self.loop.time()
        if self.intake and self._ask_at <= now:
            _log.warning("update unreadable", extra={"constructor": f"{message.obj.constructor:08x}"})
            self._ask_at = max(now, self._ask_at + UNREAD_APART_S)
            self.loop.call_at(self._ask_at, self.ask_for_difference)

    async def _keepalive_loop(self) -> None:
        """Do nothing: Telethon's own pings, one a minute by a task for each client, are not needed where `serve` pings."""


async def connect(
    session: Session,
    marks: UpdateState | None,
    guard: Guard,
    where: Telegram,
    take: Take | None = None,
    deadline_s: float = CONNECT_DEADLINE_S,
    waits: FloodWaits | None = None,
) -> Client:
    """Return a connected client, which is the caller's to disconnect; raises AvioError where the connect fails.

    Without `take` it is a log-in's client: it gets no updates, and so takes none away from those who want them.
    """
    client = Client(where.located(session), marks, guard, where, take, waits=waits)
    try:
        with translated():
            async with asyncio.timeout(deadline_s):
                await client.connect()
    except BaseException:
        await client.disconnect()
        _drop(client.disconnected)
        raise
    return client


@asynccontextmanager
async def connected(
    session: Session,
    marks: UpdateState | None,
    guard: Guard,
    where: Telegram,
    take: Take | None = None,
    deadline_s: float = CONNECT_DEADLINE_S,
) -> AsyncIterator[Client]:
    """Give a connected client for a while, as `connect` returns it, and disconnect it afterwards, whatever happens."""
    client = await connect(session, marks, guard, where, take, deadline_s)
    try:
        yield client
    finally:
        await client.disconnect()


def _unreadable(request: Any, error: Any) -> Unreadable:
    return Unreadable(request, error.invalid_constructor_id, getattr(error, "body", b""))


def _drop(future: asyncio.Future[Any]) -> None:
    """Wait no longer, and say that whatever comes of it was seen."""
    if not future.cancel() and not future.cancelled():
        future.exception()
