"""One account at Telegram: implements the core's channel account by the log-in flow, the connection loop and the session."""

from __future__ import annotations

import contextlib
from typing import TypeVar

from listener.core.account_context import AccountContext
from listener.core.channel import SessionEnd
from listener.core.connect_limiter import ConnectLimiter
from listener.core.runtime.backoff import AWS_AWAY
from listener.core.runtime.signals import Signal, wait_for
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.connection_loop import KEY_UNKNOWN_TRIES, ConnectionLoop
from listener.telegram.login import login_requests
from listener.telegram.login.login_flow import LoginFlow, state_of
from listener.telegram.login.qr_login import QrLogin
from listener.telegram.media.outgoing_files import OutgoingFiles
from listener.telegram.media.transfers import Transfers
from listener.telegram.operations.operation_runner import DEADLINE_S, Operation
from listener.telegram.operations.outgoing import Outgoing, Sent
from listener.telegram.requests.answers import AnswerRoom
from listener.telegram.requests.errors import SessionEndReason, end_of
from listener.telegram.session import PendingLogin, Session
from listener.telegram.telegram_context import TelegramContext
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.live_status import Live
from shared.model.states import Reason

R = TypeVar("R")


class TelegramAccount:
    """A channel account (listener/core/channel.py). `loop` exists while it serves."""

    def __init__(
        self, core: AccountContext, endpoint: TelegramEndpoint, limiter: ConnectLimiter, answer_room: AnswerRoom, wake: Signal
    ) -> None:
        self.context = TelegramContext(core, endpoint, limiter, answer_room)
        self.flow = LoginFlow(self.context, wake)
        self.qr = QrLogin(self.context, self.flow, wake)
        self.loop: ConnectionLoop | None = None
        self._serves = Signal()
        self._wake = wake
        self._transfers: Transfers | None = None

    @property
    def user_id(self) -> str | None:
        """The account's own id, None if nobody is logged in."""
        return str(self.context.user_id) if self.context.user_id else None

    @property
    def live(self) -> Live:
        """The account's present condition; without a connection loop, only the time of its last event."""
        return self.loop.live if self.loop else Live(last_event_at=self.context.core.last_event_at)

    def restore(self, session: str | None, position: str | None) -> None:
        """Read what an earlier owner has saved. Safe to run twice."""
        self.context.restore(session, position)

    def state_shown(self, said: AccountState) -> tuple[AccountState, Reason] | None:
        """Return the state that the session shows if it differs from the row's, `said`; None if they agree."""
        found = _state_of(self.context.session, said)
        return found if found and found[0] is not said else None

    async def pair(self, wake: Signal) -> None:
        """Show QR codes while a log-in waits for a scan."""
        await self.qr.pair(wake)

    async def serve(self, wake: Signal) -> SessionEnd | None:
        """Stay connected until woken, or until Telegram ends the session; return why it is over."""
        user_id, ledger = self.context.user_id, self.context.ledger
        assert user_id is not None
        assert ledger is not None
        with contextlib.suppress(*AWS_AWAY):  # completes a log-in whose row could not be written
            await self.context.core.complete(self.state_shown(self.context.core.row.state), self.user_id)
        self.loop = ConnectionLoop(self.context, user_id, ledger, wake)
        self._serves.set()
        try:
            end = await self.loop.run()
        finally:
            self._serves.clear()
            self.loop = None
            if transfers := self._transfers:
                self._transfers = None
                await transfers.close()
        return SessionEnd(end.state, Reason(end.value)) if end else None

    async def send(self, message: Outgoing) -> Sent:
        """Send a message; raises what `_serving` raises, and what sending raises."""
        return await (await self._serving()).send(message)

    async def connected_client(self) -> Client:
        """Return the account's client once it is connected; raises what `_serving` raises, and `telegram_unavailable`."""
        return await (await self._serving()).connected_client()

    def transfers(self) -> Transfers:
        """Return the account's downloads, which end when it serves no more; raises `telegram_unavailable` if it does not serve."""
        if not self._serves.is_set():
            raise AvioError(Code.TELEGRAM_UNAVAILABLE)
        if self._transfers is None:
            core = self.context.core
            outgoing = OutgoingFiles(core.tenant_id, core.services.files)
            self._transfers = Transfers(self.connected_client, core.services.files, outgoing)
        return self._transfers

    async def perform(self, operation: Operation[R]) -> R:
        """Run an operation that may be done twice; raise `not_authorized` as `send` does."""
        return await (await self._serving()).perform(operation)

    async def _serving(self) -> ConnectionLoop:
        """Return the connection loop; raise `not_authorized` if nobody is logged in, or the account is being logged out or left alone."""
        row = self.context.core.row
        if not self.context.user_id or row.wanted or row.left_alone:
            raise AvioError(Code.NOT_AUTHORIZED, state=str(row.state))
        if not await wait_for(self._serves, DEADLINE_S):
            raise AvioError(Code.TELEGRAM_UNAVAILABLE)
        assert self.loop is not None
        return self.loop

    async def log_out(self, failures: int) -> bool:
        """Log out; tell whether the session is over. An unknown key may be a passing fault: it counts only after several failures."""
        session, core = self.context.session, self.context.core
        assert session is not None
        try:
            async with connected(session, None, core.guard, self.context.endpoint) as client:
                await login_requests.log_out(client)
        except AvioError as error:
            unknown = end_of(error) is SessionEndReason.KEY_UNKNOWN and failures >= KEY_UNKNOWN_TRIES
            return error.code is Code.NOT_AUTHORIZED or unknown
        return True

    def reconnect(self) -> None:
        """End the present connection, if there is one, and connect anew."""
        self._wake.set()

    def forget(self) -> None:
        """Drop the session from memory, after it was erased."""
        self.context.session = None


def _state_of(session: Session | None, said: AccountState) -> tuple[AccountState, Reason] | None:
    """Return the state that a session shows, or None if the row's state is right."""
    match session:
        case Session(user_id=int()):
            return None if said.logged_in else (AccountState.AUTHORIZED, Reason.LOGGED_IN)
        case Session(login=PendingLogin() as login):
            return state_of(login)
        case _ if said.logged_in:
            return AccountState.LOGGED_OUT, Reason.KEY_UNKNOWN
        case _ if said is AccountState.NEED_QR:
            return AccountState.FAILED, Reason.QR_EXPIRED
        case _ if said in {AccountState.CODE_SENT, AccountState.NEED_2FA}:
            return AccountState.NEW, Reason.NOT_STARTED
    return None
