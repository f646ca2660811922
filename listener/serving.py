"""A logged-in account at work: connected, receiving, sending, saving its marks.

connect from the latest marks -> catch up -> serve -> (over) -> back off -> connect ...      until woken, or the session is over
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from listener.holding import Holding
from listener.ledger import Ledger
from listener.patience import AWS_AWAY, back_off_s, happens
from listener.session import Session
from listener.telegram.client import Batch, Client, connected
from listener.telegram.errors import End, end_of
from listener.telegram.given import Given
from listener.telegram.inbox import Inbox
from listener.telegram.send import Outgoing, Sent, send
from shared.errors import AvioError, Code
from shared.store.fenced import Superseded

CHECKPOINT_EVERY_S = 5.0
DRAIN_S = 5.0
STEADY_S = 60.0
SEND_DEADLINE_S = 20.0
KEY_UNKNOWN_TRIES = 5
STATUS_EVERY = timedelta(seconds=60)


class Serving:
    """One logged-in account's connection, one after another. `wake` ends it."""

    def __init__(self, holding: Holding, session: Session, user_id: int, ledger: Ledger, wake: asyncio.Event) -> None:
        self._holding = holding
        self._session = session
        self._user_id = user_id
        self._ledger = ledger
        self._wake = wake
        self._given = Given()
        self._inbox = Inbox(holding.tenant_id, user_id, holding.peers, ledger, holding.means.now)
        self.up = asyncio.Event()
        self.client: Client | None = None

    async def run(self) -> End | None:
        """Stay connected until woken; return why the session is over, where it is. What has come by then is made durable first."""
        checkpoints = asyncio.create_task(self._checkpoints())
        try:
            return await self._stay_connected()
        finally:
            checkpoints.cancel()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await self._ledger.drained()
            with contextlib.suppress(*AWS_AWAY):
                await self._holding.save_marks()

    async def send(self, message: Outgoing) -> Sent:
        """Send a message, once: a broken connection is waited out and the same `random_id` sent again, within the deadline."""
        since, tried = self._holding.means.now(), False
        try:
            async with asyncio.timeout(SEND_DEADLINE_S):
                while True:
                    await self.up.wait()
                    client, tried = self.client, True
                    assert client is not None
                    with contextlib.suppress(ConnectionError):
                        return await self._send(client, message, since)
                    if client is self.client:
                        self.up.clear()  # it is going down; `run` makes the next
        except TimeoutError:
            raise AvioError(Code.OUTCOME_UNKNOWN if tried else Code.TELEGRAM_UNAVAILABLE) from None

    async def _send(self, client: Client, message: Outgoing, since: datetime) -> Sent:
        sent = await send(client, self._holding.peers, self._given, self._user_id, message, since)
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
            async with connected(self._session, self._ledger.latest, holding.guard, holding.means.telegram, self._take) as client:
                self.client = client
                self.up.set()
                await holding.note(connected_since=holding.means.now(), last_error=None)
                await _first(client.serve(), self._wake.wait(), self._refilled(client))
                return client.ended_by
        except Superseded:
            raise
        except Exception as error:  # the edge of the account's loop: it becomes a value, and a pause
            return error
        finally:
            self.up.clear()
            self.client = None

    async def _wait_after(self, error: BaseException | None, failures: int) -> None:
        self._holding.log("connection over", fault=type(error).__name__, failures=failures)
        if failures == 2:  # once may be chance
            await self._holding.note(connected_since=None, last_error=Code.TELEGRAM_UNAVAILABLE)
        await happens(self._wake, back_off_s(max(failures, 1)))

    async def _refilled(self, client: Client) -> None:
        """Wait until a full ledger is empty: then it is time to connect anew, and to fetch what was dropped meanwhile."""
        await client.full.wait()
        self._holding.log("ledger full")
        await self._ledger.drained()

    async def _checkpoints(self) -> None:
        """Save the marks some seconds after they have moved. An idle account costs nothing."""
        told = self._holding.row.last_event_at
        while True:
            await self._ledger.moved.wait()
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            self._ledger.moved.clear()
            try:
                await self._holding.save_marks()
            except AWS_AWAY:
                self._ledger.moved.set()
            except Superseded:
                self._wake.set()  # whoever looks at the account next learns the same
                return
            last = self._inbox.last_event_at
            if last and (told is None or last - told > STATUS_EVERY):
                told = last
                await self._holding.note(last_event_at=last)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait for the first of several things; raise what it raised, and cancel the others."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
