"""The loop of a logged-in account: connect, receive, send, save the update state.

connect from the latest state -> catch up -> serve -> (over) -> back off -> connect ...      until woken, or the session is over
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from listener.core.checkpoint import Checkpoint
from listener.core.event_choice import EventChoice
from listener.core.event_ledger import Ledger
from listener.core.runtime.backoff import AWS_AWAY, back_off_s
from listener.core.runtime.signals import Signal, wait_for
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connect
from listener.telegram.operations.operation_runner import DEADLINE_S, ConnectedAccount, Operation, OperationRunner
from listener.telegram.operations.outgoing import Outgoing, SendAttempts, Sent
from listener.telegram.operations.restrictions import Restrictions
from listener.telegram.operations.send import send
from listener.telegram.requests.answers import Answers
from listener.telegram.requests.errors import SessionEndReason, code_of, end_of, wait_of
from listener.telegram.requests.flood_waits import FloodWaits, Invoke
from listener.telegram.telegram_context import TelegramContext
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.recent_sends import RecentSends
from listener.telegram.updates.update_handler import UpdateHandler
from listener.telegram.updates.update_state import UpdateState
from shared.errors import AvioError, Code
from shared.model.live_status import Live
from shared.store.fenced import Superseded

DRAIN_S = 5.0
STEADY_S = 60.0
EARLY_APART_S = 3.0
KEY_UNKNOWN_TRIES = 5
R = TypeVar("R")


class ConnectionLoop:
    """Keeps one logged-in account connected, by a new connection after each that ends. `wake` ends the loop."""

    def __init__(self, context: TelegramContext, user_id: int, ledger: Ledger[UpdateState], wake: Signal) -> None:
        core = self._core = context.core
        self._context = context
        self._user_id = user_id
        self._ledger = ledger
        self._wake = wake
        self._recent_sends = RecentSends()
        self._saving_peers: set[asyncio.Task[None]] = set()
        self._metrics = core.metrics
        self._flood_waits = FloodWaits(core.services.clock.boottime, self._metrics)
        choice = EventChoice(core.chosen_events, core.services.clock.boottime)
        self._update_handler = UpdateHandler(core.tenant_id, user_id, context.peers, self._recent_sends, ledger, core.services.now, choice)
        self._restrictions = Restrictions(context)
        self._changed_at = core.services.now()  # when the connection last went up or down
        self._synced_at: datetime | None = None
        self._last_error: Code | None = None
        self.operations = OperationRunner(Answers(core.services.clock.boottime, context.answer_room))
        self._early_at = float("-inf")

    async def run(self) -> SessionEndReason | None:
        """Stay connected until woken; return why the session is over, if it is. Make what was received durable first."""
        checkpoint = Checkpoint(self._save, self._wake.set)  # a superseded save wakes the account; its next write learns the same
        self._ledger.moved = checkpoint.moved
        try:
            return await self._stay_connected()
        finally:
            checkpoint.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await self._ledger.drained()
                    await asyncio.gather(*self._saving_peers, return_exceptions=True)
            await checkpoint.saved()
            with contextlib.suppress(*AWS_AWAY):
                await self._save()

    @property
    def client(self) -> Client | None:
        """The present connection."""
        return self.operations.client

    @property
    def live(self) -> Live:
        """The account's present condition."""
        up = self.client is not None
        return Live(
            connected=up,
            connected_since=self._changed_at if up else None,
            down_since=None if up else self._changed_at,
            synced_at=(self.client.synced_at if self.client else None) or self._synced_at,
            last_event_at=self._update_handler.last_event_at or self._core.last_event_at,
            last_error=self._last_error,
        )

    async def send(self, message: Outgoing) -> Sent:
        """Send a message exactly once.

        If the connection breaks, or Telegram does not answer or reports a fault of its own, sends the same `random_id` again until the
        deadline. Raises `outcome_unknown` if the message may have been sent.
        """
        attempts = SendAttempts(message.options.began_at or self._core.services.now(), maybe_sent=message.options.began_at is not None)
        try:
            return await self.operations.run(lambda client: self._send(client, message, attempts))
        except TimeoutError:
            raise AvioError(Code.OUTCOME_UNKNOWN if attempts.maybe_sent else Code.TELEGRAM_UNAVAILABLE) from None
        except AvioError as error:
            raise AvioError(Code.OUTCOME_UNKNOWN) if attempts.maybe_sent else error from error.__cause__

    async def perform(self, operation: Operation[R]) -> R:
        """Run an operation that may be done twice; raise AvioError."""

        async def run(connected: ConnectedAccount) -> R:
            if not operation.changes:
                return await operation.run(connected)
            async with self._restrictions.changing(connected.client):
                return await operation.run(connected)

        return await self.operations.perform(replace(operation, run=run), self._context.peers, self._user_id, self._core.tenant_id)

    async def connected_client(self) -> Client:
        """Return the client once it is connected; raises `telegram_unavailable` if that takes too long."""
        if not await wait_for(self.operations.up, DEADLINE_S) or self.client is None:
            raise AvioError(Code.TELEGRAM_UNAVAILABLE)
        return self.client

    async def _take(self, batch: Batch, invoke: Invoke) -> bool:
        self.operations.answers.notice(batch.updates)
        return await self._update_handler.take(batch, invoke)

    async def _send(self, client: Client, message: Outgoing, attempts: SendAttempts) -> Sent:
        async with self._restrictions.sending(client, message.to):
            try:
                sent = await send(client, self._context.peers, self._recent_sends, self._user_id, message, attempts)
            finally:
                self.operations.answers.forget()
        self._metrics.sends += 1
        if unsaved := self._context.peers.unsaved(sent.chat_id):
            saving = asyncio.create_task(self._context.save_peers(unsaved))
            self._saving_peers.add(saving)
            saving.add_done_callback(self._peers_saved)
        return sent

    def _peers_saved(self, saving: asyncio.Task[None]) -> None:
        self._saving_peers.discard(saving)
        if not saving.cancelled() and (error := saving.exception()):
            self._core.log("peers not saved", fault=type(error).__name__)  # the next send or event saves them

    async def _stay_connected(self) -> SessionEndReason | None:
        clock, failures = self._core.services.clock, 0
        while not self._wake.is_set():
            began = clock.boottime()
            error = await self._connection()
            end = end_of(error)
            if end and (end is not SessionEndReason.KEY_UNKNOWN or failures >= KEY_UNKNOWN_TRIES):
                return end
            failures = 0 if clock.boottime() - began > STEADY_S else failures + 1
            if not self._wake.is_set():
                await self._wait_after(error, failures)
        return None

    async def _connection(self) -> BaseException | None:
        """Connect, catch up and serve until the connection is over; return what ended it."""
        core, context = self._core, self._context
        assert context.session is not None
        try:
            async with context.limiter.turn(self._wake):
                client = await connect(
                    context.session,
                    self._ledger.latest,
                    core.guard,
                    context.endpoint,
                    self._take,
                    flood_waits=self._flood_waits,
                )
            try:
                self._note_up(client)
                await core.note(last_error=None)
                await self._restrictions.check_freeze(client)
                await self._serve(client)
                return client.ended_by
            finally:
                await client.disconnect()
        except Superseded:
            raise
        except Exception as error:  # the edge of the account's loop: the error becomes a return value, and a pause follows
            return error
        finally:
            self._note_down()

    def _note_up(self, client: Client) -> None:
        self._changed_at, self._last_error = self._core.services.now(), None
        self._metrics.connects += 1
        self._metrics.connected += 1
        self.operations.connected(client)

    def _note_down(self) -> None:
        if self.client:
            self._metrics.connected -= 1
            self._changed_at, self._synced_at = self._core.services.now(), self.client.synced_at or self._synced_at
        self.operations.disconnected()

    async def _serve(self, client: Client) -> None:
        """Stay until the connection is over, or woken, or a full ledger is empty again: a new connection fetches what was dropped."""
        waits = [self._wake.future(), client.full.future()]
        try:
            await client.serve(waits)
            woken, full = (wait.done() for wait in waits)
            if full and not woken:
                self._core.log("ledger full")
                waits[1] = self._ledger.emptied()
                await client.serve(waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def _wait_after(self, error: BaseException | None, failures: int) -> None:
        """Pause, for as long as Telegram asks if it asks. Note an outage in the row once, at its second failure in a row."""
        self._core.log("connection over", fault=type(error).__name__, failures=failures)
        asked_s = wait_of(error)
        if isinstance(error, AvioError):  # raised by the connect; FloodWaits counts the waits of later requests
            self._metrics.flood_wait_s += asked_s
        if failures >= 2 or asked_s:  # a single failure may be chance
            self._last_error = code_of(error)
        if failures == 2 or (asked_s and failures < 2):
            await self._core.note(last_error=code_of(error))
        if asked_s:
            await wait_for(self._wake, asked_s)
        else:
            await self._back_off(back_off_s(max(failures, 1)))

    async def _back_off(self, seconds: float) -> None:
        """Wait, but connect early if an operation waits: at most every few seconds, however many wait."""
        clock = self._core.services.clock
        earliest_s = max(0.0, self._early_at + EARLY_APART_S - clock.boottime())
        if seconds <= earliest_s or await wait_for(self._wake, earliest_s):
            await wait_for(self._wake, min(seconds, earliest_s))
            return
        waits = [self._wake.future(), self.operations.waiting.future()]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds - earliest_s, return_when=asyncio.FIRST_COMPLETED)
            if waits[1] in done:
                self._early_at = clock.boottime()
        finally:
            for wait in waits:
                wait.cancel()

    async def _save(self) -> None:
        await self._core.save_position(self._update_handler.last_event_at)
