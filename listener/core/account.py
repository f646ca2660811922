"""One account's life while this worker owns it.

    load -> serve (listener/telegram/connection_loop.py)                 logged in
         '-> wait for log-in steps                      not logged in
         '-> log out, erase                             wanted
    over: revoked, key duplicated, banned, logged out, superseded; or handed over, with the credentials kept

An account's failure ends this task, never another account's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

from listener.core.account_context import AccountContext
from listener.core.runtime.backoff import Signal, back_off_s, retry_forever, wait_for
from listener.telegram.connection.client import connected
from listener.telegram.connection_loop import KEY_UNKNOWN_TRIES, SEND_DEADLINE_S, ConnectionLoop
from listener.telegram.login import login_requests
from listener.telegram.login.login_flow import LoginFlow
from listener.telegram.operations.errors import End, end_of
from listener.telegram.operations.send import Outgoing, Sent
from shared.crypto import Unreadable
from shared.errors import AvioError, Code
from shared.model.account import AccountState, Wanted
from shared.model.live import Live
from shared.model.states import Reason
from shared.rpc.log_in import StateReached
from shared.store.fenced import Superseded

IDLE_LOGIN_S = 900.0
LOG_OUT_ANSWER_S = 10.0
LOG_OUT_TRIED_FOR = timedelta(hours=24)
ERASURE_TRIED_FOR = timedelta(hours=22)
"""How long Telegram is asked before all that a tenant has is erased: it is gone within 24 hours."""


class _Over(Exception):
    """The account was let go: nothing of it is left to do here."""


class Account:
    """One owned account. `run` is its task; the other public methods are commands to it."""

    def __init__(self, holding: AccountContext) -> None:
        self.holding = holding
        self.serving: ConnectionLoop | None = None
        self._wake = Signal()
        self._loaded = Signal()
        self._serves = Signal()
        self._over = Signal()
        self._stopping = self._handing_over = self._given = False
        self._commands = 0
        self._used_at = 0.0
        self._idle = Signal()
        self._idle.set()
        self.flow = LoginFlow(holding, self._wake)

    # its task

    async def run(self) -> None:
        """Live until handed over or over. Safe to cancel: what was not durable yet comes again."""
        try:
            await retry_forever(self.holding.load)
            self._loaded.set()
            while not self._stopping:
                self._wake.clear()
                await self._stage()
            if self._given:
                await retry_forever(self.holding.give)
        except _Over:
            self.holding.log("account let go")
        except Superseded:
            self.holding.log("account superseded")
        except Unreadable:
            self.holding.log("session unreadable")
            with contextlib.suppress(_Over, Superseded):
                await self._leave(lambda: self.holding.release(AccountState.FAILED, Reason.SESSION_UNREADABLE))
        finally:
            self._stopping = True
            self._over.set()
            self._loaded.set()
            self.holding.guard.close()

    async def _stage(self) -> None:
        if self.holding.row.left_alone:
            await self._wake.wait()
        elif self.holding.row.wanted:
            await self._carry_out(self.holding.row.wanted)
        elif self.holding.user_id:
            await self._serve(self.holding.user_id)
        else:
            await self._await_login()

    async def _serve(self, user_id: int) -> None:
        assert self.holding.session is not None
        assert self.holding.ledger is not None
        self.serving = ConnectionLoop(self.holding, self.holding.session, user_id, self.holding.ledger, self._wake)
        self._serves.set()
        try:
            end = await self.serving.run()
        finally:
            self._serves.clear()
            self.serving = None
        if end:
            await self._leave(lambda: self.holding.let_go(end.state, Reason(end.value)))

    async def _await_login(self) -> None:
        """Wait for log-in steps; an account that nobody goes on with is released, and claimed again by the next step."""
        if not await wait_for(self._wake, IDLE_LOGIN_S) and self._idle.is_set():
            await self._leave(self.holding.release)

    async def _carry_out(self, wanted: Wanted) -> None:
        """Log out at Telegram (tried for a day), then erase: the session, or everything of the tenant."""
        if wanted is Wanted.UNKNOWN:
            raise _Over  # what a later version wants is done by one
        since, failures = self.holding.row.wanted_since or self.holding.means.now(), 0
        tried_for = ERASURE_TRIED_FOR if wanted is Wanted.ERASE else LOG_OUT_TRIED_FOR
        while self.holding.user_id and not await self._logged_out(failures) and self.holding.means.now() - since < tried_for:
            failures += 1
            await wait_for(self._wake, back_off_s(failures))
            self._wake.clear()
            if self._handing_over:
                return
        if wanted is not Wanted.ERASE:
            await self._leave(self._forget)
        await retry_forever(self.holding.erase_tenant)
        raise _Over

    async def _leave(self, leave: Callable[[], Awaitable[None]]) -> NoReturn:
        """Release the account; what came to be wanted of it meanwhile is done first, since nobody would come back to it."""
        self._stopping = True  # a command that comes now is "not mine": whoever is asked next claims the account
        await retry_forever(leave)
        if not self.holding.released and self.holding.row.wanted:
            await self._carry_out(self.holding.row.wanted)
        raise _Over

    async def _logged_out(self, failures: int) -> bool:
        """Log out; tell whether the session is over. A key that is unknown may be so for a moment: it is believed after some tries."""
        session, means = self.holding.session, self.holding.means
        assert session is not None
        try:
            async with connected(session, None, self.holding.guard, means.telegram) as client:
                await login_requests.log_out(client)
        except AvioError as error:
            unknown = end_of(error) is End.KEY_UNKNOWN and failures >= KEY_UNKNOWN_TRIES
            return error.code is Code.NOT_AUTHORIZED or unknown
        return True

    async def _forget(self) -> None:
        await self.holding.let_go(AccountState.LOGGED_OUT, Reason.LOGGED_OUT_HERE)

    # commands to it

    async def loaded(self) -> None:
        """Wait until the account takes commands."""
        await self._loaded.wait()

    @property
    def live(self) -> Live:
        """How the account is doing this moment; of one that serves nothing, only when its last event came."""
        return self.serving.live if self.serving else Live(last_event_at=self.holding.last_event_at)

    async def send(self, message: Outgoing) -> Sent:
        """Send a message; raises `not_authorized` where nobody is logged in, or the account is on its way out or left alone."""
        if not self.holding.user_id or self.holding.row.wanted or self.holding.row.left_alone:
            raise AvioError(Code.NOT_AUTHORIZED, state=str(self.holding.row.state))
        if not await wait_for(self._serves, SEND_DEADLINE_S):
            raise AvioError(Code.TELEGRAM_UNAVAILABLE)
        assert self.serving is not None
        return await self.serving.send(message)

    async def log_out(self) -> StateReached:
        """Log out at Telegram and erase the session; where Telegram is out of reach, say that it is being tried."""
        step = (AccountState.LOGGING_OUT, Reason.LOG_OUT_WANTED) if self.holding.row.state.logged_in else ()
        await self.holding.want_log_out()
        await self.holding.set_status(*step)
        self._wake.set()
        over = await wait_for(self._over, LOG_OUT_ANSWER_S)
        return StateReached(state=AccountState.LOGGED_OUT if over else AccountState.LOGGING_OUT)

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
        self._used_at = self.holding.means.clock.boottime()
        self._idle.clear()
        try:
            yield
        finally:
            self._commands -= 1
            if not self._commands:
                self._idle.set()

    async def hand_over(self) -> None:
        """Take no more commands, let those running finish, then have `run` end with the credentials kept. Returns before `run` has."""
        self._stopping = self._handing_over = True
        await wait_for(self._idle, SEND_DEADLINE_S)
        self._wake.set()

    async def hand_back(self) -> None:
        """Hand over for good while this worker goes on: at the end of `run` the account is nobody's, and others claim it."""
        self._given = True
        await self.hand_over()

    @property
    def is_loaded(self) -> bool:
        """Whether it takes commands, or is over."""
        return self._loaded.is_set()

    @property
    def leaving(self) -> bool:
        """Whether it is on its way out of here."""
        return self._stopping

    @property
    def stir(self) -> tuple[bool, bool, bool, float]:
        """How much there is to disturb by moving it elsewhere: a log-in, commands, events, and when it was last used. Sorts."""
        ledger = self.holding.ledger
        return self.holding.user_id is None, self._commands > 0, bool(ledger and ledger.pending), self._used_at
