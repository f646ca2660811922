"""A logged-in account at work: connected, receiving, sending, saving its marks.

connect from the latest marks -> catch up -> serve -> (over) -> back off -> connect ...      until woken, or the session is over
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime

from listener.core.account_context import AccountContext
from listener.core.checkpoint import Checkpoint
from listener.core.ledger import Ledger
from listener.core.runtime.backoff import AWS_AWAY, Signal, back_off_s, wait_for
from listener.telegram.connection.client import Client, connect
from listener.telegram.operations.errors import End, code_of, end_of, wait_of
from listener.telegram.operations.flood_waits import FloodWaits
from listener.telegram.operations.recent_sends import RecentSends
from listener.telegram.operations.restrictions import Restrictions
from listener.telegram.operations.send import Outgoing, Sent, Tries, send
from listener.telegram.session import Session
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.update_handler import UpdateHandler
from shared.errors import AvioError, Code
from shared.model.live import Live
from shared.store.fenced import Superseded

DRAIN_S = 5.0
STEADY_S = 60.0
SEND_DEADLINE_S = 20.0
EARLY_APART_S = 3.0
KEY_UNKNOWN_TRIES = 5


class ConnectionLoop:
    """One logged-in account's connection, one after another. `wake` ends it."""

    def __init__(self, holding: AccountContext, session: Session, user_id: int, ledger: Ledger, wake: Signal) -> None:
        self._holding = holding
        self._session = session
        self._user_id = user_id
        self._ledger = ledger
        self._wake = wake
        self._given = RecentSends()
        self._waits = FloodWaits(holding.means.clock.boottime)
        self._inbox = UpdateHandler(holding.tenant_id, user_id, holding.peers, ledger, holding.means.now)
        self._standing = Restrictions(holding)
        self._changed_at = holding.means.now()  # when it went up or down last
        self._synced_at: datetime | None = None
        self._last_error: Code | None = None
        self.up = Signal()
        self._wanted = Signal()  # somebody has something to send
        self._senders = 0
        self._early_at = float("-inf")
        self.client: Client | None = None

    async def run(self) -> End | None:
        """Stay connected until woken; return why the session is over, where it is. What has come by then is made durable first."""
        checkpoint = Checkpoint(self._save, self._wake.set)  # woken where superseded: whoever looks at the account next learns the same
        self._ledger.moved = checkpoint.moved
        try:
            return await self._stay_connected()
        finally:
            checkpoint.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await self._ledger.drained()
            await checkpoint.saved()
            with contextlib.suppress(*AWS_AWAY):
                await self._save()

    @property
    def live(self) -> Live:
        """How the account is doing this moment."""
        up = self.client is not None
        return Live(
            connected=up,
            connected_since=self._changed_at if up else None,
            down_since=None if up else self._changed_at,
            synced_at=(self.client.synced_at if self.client else None) or self._synced_at,
            last_event_at=self._inbox.last_event_at or self._holding.last_event_at,
            last_error=self._last_error,
        )

    async def send(self, message: Outgoing) -> Sent:
        """Send a message, once: where the connection breaks, Telegram does not answer, or says that the fault is its own, the same
        `random_id` is sent again, within the deadline. Raises `outcome_unknown` where the message may have been sent.
        """
        tries, failures = Tries(self._holding.means.now()), 0
        self._senders += 1
        self._wanted.set()
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
                while True:
                    await self.up.wait()
                    client = self.client
                    assert client is not None
                    try:
                        return await self._send(client, message, tries)
                    except ConnectionError:
                        if client is self.client:
                            self.up.clear()  # it is going down; `run` makes the next
                    except TimeoutError:
                        pass  # Telegram's answer to this try did not come: it has been waited for
                    except AvioError as error:
                        if error.code is not Code.TELEGRAM_UNAVAILABLE:
                            raise
                        failures += 1
                        await asyncio.sleep(back_off_s(failures))
        except TimeoutError:
            raise AvioError(Code.OUTCOME_UNKNOWN if tries.open else Code.TELEGRAM_UNAVAILABLE) from None
        except AvioError as error:
            raise AvioError(Code.OUTCOME_UNKNOWN) if tries.open else error from error.__cause__
        finally:
            self._senders -= 1
            if not self._senders:
                self._wanted.clear()

    async def _send(self, client: Client, message: Outgoing, tries: Tries) -> Sent:
        async with self._standing.sending(client, message.to):
            sent = await send(client, self._holding.peers, self._given, self._user_id, message, tries)
        if unkept := self._holding.peers.unkept(sent.chat_id):
            self._keeping = asyncio.create_task(self._holding.keep(unkept))
        return sent

    async def _take(self, client: Client, batch: Batch) -> bool:
        self._given.learn(batch.updates)
        return await self._inbox.take(client, batch)

    async def _stay_connected(self) -> End | None:
        clock, failures = self._holding.means.clock, 0
        while not self._wake.is_set():
            began = clock.boottime()
            error = await self._connection()
            end = end_of(error)
            if end and (end is not End.KEY_UNKNOWN or failures >= KEY_UNKNOWN_TRIES):
                return end
            failures = 0 if clock.boottime() - began > STEADY_S else failures + 1
            if not self._wake.is_set():
                await self._wait_after(error, failures)
        return None

    async def _connection(self) -> BaseException | None:
        """Connect, catch up and serve until the connection is over; return what ended it."""
        holding = self._holding
        try:
            async with holding.means.gate.turn(self._wake):
                telegram = holding.means.telegram
                client = await connect(self._session, self._ledger.latest, holding.guard, telegram, self._take, waits=self._waits)
            try:
                self._goes_up(client)
                await holding.note(last_error=None)
                await self._standing.look(client)
                await self._serve(client)
                return client.ended_by
            finally:
                await client.disconnect()
        except Superseded:
            raise
        except Exception as error:  # the edge of the account's loop: it becomes a value, and a pause
            return error
        finally:
            self._goes_down()

    def _goes_up(self, client: Client) -> None:
        self.client, self._changed_at, self._last_error = client, self._holding.means.now(), None
        self.up.set()

    def _goes_down(self) -> None:
        if self.client:
            self._changed_at, self._synced_at = self._holding.means.now(), self.client.synced_at or self._synced_at
        self.client = None
        self.up.clear()

    async def _serve(self, client: Client) -> None:
        """Stay until the connection is over, or woken, or a ledger that was full is empty: then what was dropped has to be fetched."""
        waits = [self._wake.future(), client.full.future()]
        try:
            await client.serve(waits)
            woken, full = (wait.done() for wait in waits)
            if full and not woken:
                self._holding.log("ledger full")
                waits[1] = self._ledger.emptied()
                await client.serve(waits)
        finally:
            for wait in waits:
                wait.cancel()

    async def _wait_after(self, error: BaseException | None, failures: int) -> None:
        """Pause, for as long as Telegram asks where it does. The row is told of an outage once: when it begins for good."""
        self._holding.log("connection over", fault=type(error).__name__, failures=failures)
        asked_s = wait_of(error)
        if failures >= 2 or asked_s:  # once may be chance
            self._last_error = code_of(error)
        if failures == 2 or (asked_s and failures < 2):
            await self._holding.note(last_error=code_of(error))
        if asked_s:
            await wait_for(self._wake, asked_s)
        else:
            await self._back_off(back_off_s(max(failures, 1)))

    async def _back_off(self, seconds: float) -> None:
        """Wait, but less where somebody waits to send: a try is made early then, every few seconds at most however much is sent."""
        clock = self._holding.means.clock
        earliest_s = max(0.0, self._early_at + EARLY_APART_S - clock.boottime())
        if seconds <= earliest_s or await wait_for(self._wake, earliest_s):
            await wait_for(self._wake, min(seconds, earliest_s))
            return
        waits = [self._wake.future(), self._wanted.future()]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds - earliest_s, return_when=asyncio.FIRST_COMPLETED)
            if waits[1] in done:
                self._early_at = clock.boottime()
        finally:
            for wait in waits:
                wait.cancel()

    async def _save(self) -> None:
        await self._holding.save_marks(self._inbox.last_event_at)
