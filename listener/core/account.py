"""One account's life while this worker owns it: the phases of listener/core/phase.py, run by one task.

    load -> serve                    logged in (the channel connects, receives and sends)
         '-> wait for log-in steps   not logged in
         '-> log out, erase          wanted
    over: the session ended, logged out, released, superseded; or handed over, with the credentials kept

An account's failure ends this task, never another account's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

from listener.core.account_context import AccountContext
from listener.core.channel import ChannelDriver, SessionEnd
from listener.core.phase import Departure, Phase, PhaseMachine
from listener.core.runtime.backoff import back_off_s, retry_forever
from listener.core.runtime.signals import Signal, wait_for
from shared.crypto import DecryptionFailed
from shared.errors import AvioError, Code
from shared.model.account import AccountState, Wanted
from shared.model.live_status import Live
from shared.model.states import Reason
from shared.rpc.log_in import StateReached
from shared.store.fenced import Superseded

IDLE_LOGIN_S = 900.0
LOG_OUT_ANSWER_S = 10.0
COMMANDS_FINISH_S = 20.0
"""How long a hand-over waits for commands under way: as long as a send may take."""

LOG_OUT_TRIED_FOR = timedelta(hours=24)
ERASURE_TRIED_FOR = timedelta(hours=22)
"""How long the messenger is asked before the account of an ended tenant is erased all the same: the tenant is gone within 24 hours."""


class _Released(Exception):
    """The account was let go: nothing of it is left to do here."""


class OwnedAccount:
    """One owned account. `run` is its task; the other public methods are what commands and ownership ask of it."""

    def __init__(self, context: AccountContext, driver: ChannelDriver) -> None:
        self.context = context
        self._wake = Signal()
        self.channel = driver.open(context, self._wake)
        self._phases = PhaseMachine()
        self._commands = 0
        self._used_at = 0.0
        self._idle = Signal()
        self._idle.set()

    # its task

    async def run(self) -> None:
        """Live until handed over or over. Safe to cancel: what was not durable yet comes again."""
        try:
            await retry_forever(self._load)
            while not self._phases.leaving:
                self._wake.clear()
                await self._run_phase()
            if self._phases.departure is Departure.HANDED_BACK:
                await retry_forever(self.context.give)
        except _Released:
            self.context.log("account let go")
        except Superseded:
            self.context.log("account superseded")
        except DecryptionFailed:
            self.context.log("session unreadable")
            with contextlib.suppress(_Released, Superseded):
                await self._leave(lambda: self.context.release(AccountState.FAILED, Reason.SESSION_UNREADABLE))
        finally:
            self._phases.enter(Phase.OVER)
            self.context.guard.close()

    async def _load(self) -> None:
        """Fence and load what is stored, and have the row say what the session shows."""
        saved = await self.context.load()
        self.channel.restore(saved.session, saved.position)
        if self.context.row.wanted is None:
            await self.context.complete(self.channel.state_shown(self.context.row.state), self.channel.user_id)

    async def _run_phase(self) -> None:
        """Run the phase that the row and the session call for, until something changes."""
        phase = self._due_phase()
        self._phases.enter(phase)
        match phase:
            case Phase.LEFT_ALONE:
                await self._wake.wait()
            case Phase.LOGGING_OUT:
                await self._carry_out(self.context.row.wanted)
            case Phase.SERVING:
                if end := await self.channel.serve(self._wake):
                    await self._leave(lambda: self._let_go(end))
            case _:
                await self._await_login()

    def _due_phase(self) -> Phase:
        row = self.context.row
        if row.left_alone:
            return Phase.LEFT_ALONE
        if row.wanted:
            return Phase.LOGGING_OUT
        return Phase.SERVING if self.channel.user_id else Phase.AWAITING_LOGIN

    async def _await_login(self) -> None:
        """Wait for a scan or for log-in steps. An account whose log-in nobody continues is released, and claimed again by the next step."""
        await self.channel.pair(self._wake)
        if not await wait_for(self._wake, IDLE_LOGIN_S) and self._idle.is_set():
            await self._leave(self.context.release)

    async def _carry_out(self, wanted: Wanted | None) -> None:
        """Log out at the messenger (tried for a day), then erase: the session, or the account (the last one with its tenant)."""
        if wanted is None or wanted is Wanted.UNKNOWN:
            raise _Released  # a later version does what only it knows
        since, failures = self.context.row.wanted_since or self.context.services.now(), 0
        tried_for = ERASURE_TRIED_FOR if wanted is Wanted.ERASE else LOG_OUT_TRIED_FOR
        while self.channel.user_id and not await self.channel.log_out(failures) and self.context.services.now() - since < tried_for:
            failures += 1
            await wait_for(self._wake, back_off_s(failures))
            self._wake.clear()
            if self._phases.handing_over:
                return
        if wanted is not Wanted.ERASE:
            await self._leave(lambda: self._let_go(SessionEnd(AccountState.LOGGED_OUT, Reason.LOGGED_OUT_HERE)))
        await retry_forever(self.context.erase_account)
        raise _Released

    async def _leave(self, leave: Callable[[], Awaitable[None]]) -> NoReturn:
        """Release the account; what came to be wanted of it meanwhile is done first, since nobody would come back to it."""
        self._phases.depart(Departure.RELEASED)  # a command that comes now is "not mine": whoever is asked next claims the account
        await retry_forever(leave)
        if not self.context.released and self.context.row.wanted:
            await self._carry_out(self.context.row.wanted)
        raise _Released

    async def _let_go(self, end: SessionEnd) -> None:
        """Erase the session and release the account for good."""
        await self.context.erase_session(end.state, end.reason)
        self.channel.forget()
        await self.context.release_for_good()

    # what commands and ownership ask of it

    async def loaded(self) -> None:
        """Wait until the account takes commands."""
        await self._phases.wait_loaded()

    @property
    def phase(self) -> Phase:
        """What its task is doing."""
        return self._phases.phase

    @property
    def live(self) -> Live:
        """How the account is doing this moment."""
        return self.channel.live

    async def log_out(self) -> StateReached:
        """Log out at the messenger and erase the session; where the messenger is out of reach, say that it is being tried."""
        step = (AccountState.LOGGING_OUT, Reason.LOG_OUT_WANTED) if self.context.row.state.logged_in else ()
        await self.context.want_log_out()
        await self.context.set_status(*step)
        self._wake.set()
        over = await self._phases.over_within(LOG_OUT_ANSWER_S)
        return StateReached(state=AccountState.LOGGED_OUT if over else AccountState.LOGGING_OUT)

    async def look_again(self) -> None:
        """Read what is wanted of the account now: somebody has written its row."""
        if await self.context.look_again():
            self._wake.set()

    @contextmanager
    def command(self) -> Iterator[None]:
        """Count a command as running; raises `not_mine` where the account is on its way out."""
        if self._phases.leaving:
            raise AvioError(Code.NOT_MINE)
        self._commands += 1
        self._used_at = self.context.services.clock.boottime()
        self._idle.clear()
        try:
            yield
        finally:
            self._commands -= 1
            if not self._commands:
                self._idle.set()

    async def hand_over(self, departure: Departure = Departure.HANDED_OVER) -> None:
        """Take no more commands, let those running finish, then have `run` end with the credentials kept. Returns before `run` has."""
        self._phases.depart(departure)
        await wait_for(self._idle, COMMANDS_FINISH_S)
        self._wake.set()

    async def hand_back(self) -> None:
        """Hand over for good while this worker goes on: at the end of `run` the account is nobody's, and others claim it."""
        await self.hand_over(Departure.HANDED_BACK)

    @property
    def is_loaded(self) -> bool:
        """Whether it takes commands, or is over."""
        return self._phases.loaded

    @property
    def leaving(self) -> bool:
        """Whether it is on its way out of here."""
        return self._phases.leaving

    @property
    def disturbance(self) -> tuple[bool, bool, bool, float]:
        """How much moving the account elsewhere would disturb: a log-in, commands, events, and when it was last used. Sorts."""
        ledger = self.context.ledger
        return self.channel.user_id is None, self._commands > 0, bool(ledger and ledger.pending), self._used_at
