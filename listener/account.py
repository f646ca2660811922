"""One account's life while this worker owns it.

    load -> connect -> serve -> back off -> connect ...      logged in
         '-> wait for log-in steps                           not logged in
         '-> log out, erase                                  wanted
    over: revoked, key duplicated, banned, logged out, superseded; or handed over, with the credentials kept

An account's failure ends this task, never another account's.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from listener.holding import Holding
from listener.login_flow import LoginFlow
from listener.telegram import login
from listener.telegram.client import Client, connected
from listener.telegram.errors import End, end_of
from listener.telegram.inbox import Inbox
from listener.telegram.send import Outgoing, Sent, send
from shared.crypto import KeysUnavailable, Unreadable
from shared.errors import AvioError, Code
from shared.model.account import AccountState, Wanted
from shared.store.fenced import Superseded
from shared.store.table import StoreUnavailable

CHECKPOINT_EVERY_S = 5.0
DRAIN_S = 5.0
STEADY_S = 60.0
IDLE_LOGIN_S = 900.0
COMMAND_DEADLINE_S = 20.0
LOG_OUT_ANSWER_S = 10.0
LOG_OUT_TRIED_FOR = timedelta(hours=24)
STATUS_EVERY = timedelta(seconds=60)
_BACK_OFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
_AWS_AWAY = (StoreUnavailable, KeysUnavailable, TimeoutError)
_STATE_OF_END = {
    End.REVOKED: AccountState.LOGGED_OUT,
    End.KEY_DUPLICATED: AccountState.KEY_DUPLICATED,
    End.BANNED: AccountState.BANNED,
}


class _Over(Exception):
    """The account was let go: nothing of it is left to do here."""


class Account:
    """One owned account. `run` is its task; the other public methods are commands to it."""

    def __init__(self, holding: Holding) -> None:
        self.holding = holding
        self._log = holding.means.logger
        self._loaded = asyncio.Event()
        self._over = asyncio.Event()
        self._wake = asyncio.Event()
        self._up = asyncio.Event()
        self._stopping = False
        self._commands = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._client: Client | None = None
        self.flow = LoginFlow(holding, self._wake)

    # its task

    async def run(self) -> None:
        """Live until handed over or over. Safe to cancel: what was not durable yet comes again."""
        try:
            await self._insist(self.holding.load)
            self._loaded.set()
            while not self._stopping:
                self._wake.clear()
                await self._stage()
        except (_Over, Superseded) as end:
            self._info("account let go" if isinstance(end, _Over) else "account superseded")
        except Unreadable:
            self._info("session unreadable")
            await self._insist(lambda: self.holding.release(state=AccountState.FAILED, reason="session_unreadable"))
        finally:
            self._over.set()
            self._loaded.set()
            self._stopping = True
            self.holding.guard.close()

    async def _stage(self) -> None:
        if self.holding.row.wanted:
            await self._carry_out(self.holding.row.wanted)
        elif self.holding.user_id:
            await self._serve()
        else:
            await self._await_login()

    async def _serve(self) -> None:
        """Stay connected until something else is to be done, then make durable what has come."""
        ledger = self.holding.ledger
        assert ledger is not None
        inbox = Inbox(self.holding.tenant_id, self.holding.user_id or 0, self.holding.peers, ledger, self.holding.means.now)
        checkpoints = asyncio.create_task(self._checkpoint(inbox))
        try:
            await self._stay_connected(inbox)
        finally:
            checkpoints.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ledger.drained(), DRAIN_S)
            with contextlib.suppress(*_AWS_AWAY):
                await self.holding.save_marks()

    async def _stay_connected(self, inbox: Inbox) -> None:
        failures = 0
        while not self._wake.is_set():
            began = self.holding.means.clock.boottime()
            error = await self._connection(inbox)
            if end := end_of(error):
                await self._insist(lambda: self.holding.let_go(_STATE_OF_END[end], str(end)))
                raise _Over
            failures = 0 if self.holding.means.clock.boottime() - began > STEADY_S else failures + 1
            if not self._wake.is_set():
                self._info("connection over", fault=type(error).__name__, failures=failures)
                if failures == 2:
                    await self._note(connected_since=None, last_error=Code.TELEGRAM_UNAVAILABLE)
                await self._pause(failures)

    async def _connection(self, inbox: Inbox) -> BaseException | None:
        """Connect, catch up and serve until the connection is over; return what ended it."""
        session, ledger, means = self.holding.session, self.holding.ledger, self.holding.means
        assert session is not None
        assert ledger is not None
        try:
            async with connected(session, ledger.latest, self.holding.guard, means.telegram, inbox.take) as client:
                self._client = client
                self._up.set()
                await self._note(connected_since=means.now(), last_error=None)
                await _first(client.serve(), self._wake.wait(), self._refilled(client))
                return client.ended_by
        except Superseded:
            raise
        except Exception as error:  # the edge of the account's loop: it becomes a value, and a pause
            return error
        finally:
            self._up.clear()
            self._client = None

    async def _refilled(self, client: Client) -> None:
        """Wait until a full ledger is empty: then it is time to connect anew, and to fetch what was dropped meanwhile."""
        await client.full.wait()
        self._info("ledger full")
        assert self.holding.ledger is not None
        await self.holding.ledger.drained()

    async def _checkpoint(self, inbox: Inbox) -> None:
        """Save the marks, some seconds after they have moved. An idle account costs nothing."""
        ledger, told = self.holding.ledger, self.holding.row.last_event_at
        assert ledger is not None
        while True:
            await ledger.moved.wait()
            await asyncio.sleep(CHECKPOINT_EVERY_S)
            ledger.moved.clear()
            try:
                await self.holding.save_marks()
                if inbox.last_event_at and (told is None or inbox.last_event_at - told > STATUS_EVERY):
                    told = inbox.last_event_at
                    await self._note(last_event_at=told)
            except _AWS_AWAY:
                ledger.moved.set()
            except Superseded:
                self._stopping = True
                self._wake.set()
                return

    async def _await_login(self) -> None:
        """Wait for log-in steps; an account that nobody goes on with is released, and claimed again by the next step."""
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_LOGIN_S)
        except TimeoutError:
            if self._idle.is_set():
                await self._insist(self.holding.release)
                raise _Over from None

    async def _carry_out(self, wanted: Wanted) -> None:
        """Log out at Telegram (tried for a day), then erase: the session, or everything of the tenant."""
        since, failures = self.holding.row.wanted_since or self.holding.means.now(), 0
        while self.holding.user_id and not await self._logged_out() and self.holding.means.now() - since < LOG_OUT_TRIED_FOR:
            failures += 1
            await self._pause(failures)
            if self._stopping:
                return
        await self._insist(self.holding.erase_tenant if wanted is Wanted.ERASE else self._forget)
        raise _Over

    async def _logged_out(self) -> bool:
        session, means = self.holding.session, self.holding.means
        assert session is not None
        try:
            async with connected(session, None, self.holding.guard, means.telegram) as client:
                await login.log_out(client)
        except AvioError as error:
            return error.code is Code.NOT_AUTHORIZED
        return True

    async def _forget(self) -> None:
        await self.holding.let_go(AccountState.LOGGED_OUT, None)

    async def _insist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write until it is written: AWS may be away for any time, and what is written here must not be forgotten."""
        failures = 0
        while True:
            try:
                return await write()
            except _AWS_AWAY:
                failures += 1
                await asyncio.sleep(_back_off(failures))

    async def _note(self, **changes: Any) -> None:
        """Write status that may as well be missing for a while."""
        with contextlib.suppress(*_AWS_AWAY):
            await self.holding.set_status(**changes)

    async def _pause(self, failures: int) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), _back_off(failures))

    # commands to it

    async def loaded(self) -> None:
        """Wait until the account takes commands."""
        await self._loaded.wait()

    async def send(self, message: Outgoing) -> Sent:
        """Send a message, once: a broken connection is waited out and the same `random_id` sent again, within the command's deadline."""
        if not self.holding.user_id or self.holding.row.wanted:
            raise AvioError(Code.NOT_AUTHORIZED, state=str(self.holding.row.state))
        since, tried = self.holding.means.now(), False
        try:
            async with asyncio.timeout(COMMAND_DEADLINE_S):
                while True:
                    await self._up.wait()
                    client, tried = self._client, True
                    assert client is not None
                    with contextlib.suppress(ConnectionError):
                        return await self._send(client, message, since)
                    if client is self._client:
                        self._up.clear()  # it is going down; the account's task makes the next
        except TimeoutError:
            code = Code.OUTCOME_UNKNOWN if tried else Code.TELEGRAM_UNAVAILABLE
            raise AvioError(code) from None

    async def _send(self, client: Client, message: Outgoing, since: Any) -> Sent:
        user_id = self.holding.user_id
        assert user_id is not None
        sent = await send(client, self.holding.peers, user_id, message, since)
        if unkept := self.holding.peers.unkept(sent.chat_id):
            self._keeping = asyncio.create_task(self.holding.keep(unkept))
        return sent

    async def log_out(self) -> dict[str, Any]:
        """Log out at Telegram and erase the session; where Telegram is out of reach, say that it is being tried."""
        holding = self.holding
        if holding.user_id:
            await holding.set_status(state=AccountState.LOGGING_OUT, wanted=Wanted.LOG_OUT, wanted_since=holding.means.now())
        else:
            await holding.set_status(wanted=Wanted.LOG_OUT, wanted_since=holding.means.now())
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), LOG_OUT_ANSWER_S)
        return {"state": AccountState.LOGGED_OUT if self._over.is_set() else AccountState.LOGGING_OUT}

    async def look_again(self) -> None:
        """See what is wanted of the account now: somebody has written its row."""
        if await self.holding.look_again():
            self._wake.set()

    @contextmanager
    def command(self) -> Iterator[None]:
        """Count a command as running; raises `not_mine` where the account is being handed over."""
        if self._stopping:
            raise AvioError(Code.NOT_MINE)
        self._commands += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._commands -= 1
            if not self._commands:
                self._idle.set()

    async def hand_over(self) -> None:
        """Take no more commands, let those running finish, then have `run` end with the credentials kept. Returns before `run` has."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), COMMAND_DEADLINE_S)
        self._wake.set()

    def _info(self, message: str, **fields: Any) -> None:
        self._log.info(message, extra={"tenant_id": self.holding.tenant_id, "state": self.holding.row.state, **fields})


def _back_off(failures: int) -> float:
    return _BACK_OFF_S[min(failures, len(_BACK_OFF_S)) - 1] * random.uniform(0.7, 1.0)  # noqa: S311  jitter


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
