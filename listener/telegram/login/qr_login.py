"""Logs an account in by QR code: https://core.telegram.org/api/qr-login

    start -> need_qr -> scanned -> authorized
                |          '-> need_2fa -> password -> authorized      (login_flow.py)
                '-> failed                                             nobody scanned or asked in time, or an error

`start` makes the log-in durable, and the account's own task goes on with it (`pair`), on one connection that stays: a code is renewed
when it expires, as long as somebody asks for it, five minutes at most. The key is stored before a code is shown. So after a death the next
owner connects with the same key, finds a scan of before, or shows a new code. A step of another log-in ends the connection first: one key,
one connection.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime

from listener.core.runtime.backoff import AWS_AWAY, back_off_s
from listener.core.runtime.signals import Signal, wait_for
from listener.telegram.connection.answer import drop
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.login import login_requests, qr_requests
from listener.telegram.login.login_flow import MOVES, LoginFlow
from listener.telegram.login.qr_requests import LivesElsewhere, LoggedIn, Outcome, PasswordWanted, QrToken
from listener.telegram.requests.errors import Elsewhere, SessionEndReason, end_of
from listener.telegram.session import QR, PendingLogin, Session
from listener.telegram.telegram_context import TelegramContext
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.qr_code import LASTS, QrCode
from shared.model.states import Reason
from shared.rpc.log_in import StateReached
from shared.rpc.qr_log_in import QrCodeIssued
from shared.store.qr_codes import QrCodeStore

CONNECT_S = 10.0
FIRST_CODE_S = 20.0
"""How long a start waits for its code."""
_OUT_OF_REACH = {Code.TELEGRAM_UNAVAILABLE, Code.PROXY_FAILED}
"""The connection is made anew after these, as long as the log-in lasts."""


class _Over(Exception):
    """The log-in by QR code is over: it has failed. `refused` is Telegram's refusal, if that has ended it."""

    def __init__(self, refused: AvioError | None = None) -> None:
        super().__init__()
        self.refused = refused


class QrLogin:
    """One account's log-in by QR code, beside the steps of its other log-ins."""

    def __init__(self, context: TelegramContext, flow: LoginFlow, wake: Signal) -> None:
        self._context = context
        self._core = context.core
        self._codes = QrCodeStore(context.core.services.table)
        self._flow = flow
        self._wake = wake
        self._shown: QrCodeIssued | None = None
        self._failure: AvioError | None = None
        self._failures = 0
        self._news = Signal()
        self._scanned = Signal()

    # steps

    async def start(self) -> QrCodeIssued | StateReached:
        """Begin, and return the first code; or return the code of the log-in that is under way.

        Raises `already_authorized`, and what keeps Telegram from giving a code. Safe to run twice and by two at once.
        """
        self._flow.refuse_logged_in()
        if not (self._waiting and self._lasts):
            async with self._flow.lock:
                self._flow.refuse_logged_in()
                if not self._lasts:
                    await self._begin()
            self._wake.set()
        return await self._first_code()

    async def _begin(self) -> None:
        """Make the log-in durable: its code's item, the session, then the row. A key that another log-in was begun with is dropped."""
        core, ends_at = self._core, self._now() + LASTS
        session = self._context.session
        if session is None or session.login:
            session = self._context.endpoint.new_session()
        login = PendingLogin(phone="", phone_code_hash="", delivery=QR, length=None, next_type=None, resend_at=ends_at)
        self._shown, self._failure, self._failures = None, None, 0
        await core.services.offload(self._codes.begin, core.tenant_id, core.row.channel, core.row.epoch, self._now(), ends_at)
        await self._context.save_session(replace(session, login=login))
        await core.set_status(AccountState.NEED_QR, Reason.SCAN_WANTED, phone=None, last_error=None)

    async def _first_code(self) -> QrCodeIssued | StateReached:
        try:
            async with asyncio.timeout(FIRST_CODE_S):
                while (found := self._outcome()) is None:
                    self._news.clear()
                    await self._news.wait()
                return found
        except TimeoutError:
            raise AvioError(Code.TELEGRAM_UNAVAILABLE) from None

    def _outcome(self) -> QrCodeIssued | StateReached | None:
        """Return what a start answers, None if there is no code yet; raises what has ended the log-in."""
        if self._failure:
            raise self._failure
        if self._context.user_id:
            return StateReached(state=AccountState.AUTHORIZED)
        if self._pending is None:
            raise AvioError(Code.QR_EXPIRED, "Another log-in was begun, or this one was cancelled. Start again.")
        return StateReached(state=AccountState.NEED_2FA) if self._pending.code_accepted else self._showing

    # the wait for a scan

    async def pair(self, wake: Signal) -> None:
        """Show codes until one is scanned, the log-in is over, or woken; return at once if no such log-in is under way. Safe to cancel."""
        while self._waiting and not wake.is_set():
            try:
                async with self._flow.lock.between():
                    await self._go_on(wake)
            except (*AWS_AWAY, AvioError) as error:
                await self._wait_after(error, wake)
            finally:
                self._news.set()

    async def _wait_after(self, error: BaseException, wake: Signal) -> None:
        """Pause before the next connection. The row tells of an outage at its second failure in a row: one may be chance."""
        self._failures += 1
        self._core.log("qr log-in interrupted", fault=type(error).__name__, failures=self._failures)
        if self._failures > 1 and isinstance(error, AvioError):
            await self._core.note(last_error=error.code)
        await wait_for(wake, min(back_off_s(self._failures), CONNECT_S))

    async def _go_on(self, wake: Signal) -> None:
        """Connect and show codes; raises AvioError if Telegram is out of reach."""
        if not self._waiting:
            return  # a step has ended the log-in
        try:
            if self._failures:
                await self._check_wanted()
            await self._connect_and_show(wake)
        except AvioError as error:
            await self._judge(error)
        except Elsewhere as moved:  # the account itself was moved just now: a new start finds it at its new home
            await self._fail(_Over(AvioError(Code.TELEGRAM_ERROR, f"The account was moved to data centre {moved.dc_id}. Start again.")))
        except _Over as over:
            await self._fail(over)

    async def _connect_and_show(self, wake: Signal) -> None:
        """Connect and show codes, at the data centre where the person lives who has scanned one."""
        session, elsewhere = self._context.session, None
        assert session is not None
        for _ in range(MOVES):
            async with self._connected(session) as client:
                await self._keep(client)
                elsewhere = await self._show(client, elsewhere, wake)
                if elsewhere is None:
                    return
                session = await self._flow.moved(client, elsewhere.dc_id)
        raise AvioError(Code.TELEGRAM_ERROR, "Telegram sends the log-in from one data centre to another. Start again later.")

    def _connected(self, session: Session) -> AbstractAsyncContextManager[Client]:
        return connected(session, None, self._core.guard, self._context.endpoint, deadline_s=CONNECT_S, scanned=self._scanned)

    async def _keep(self, client: Client) -> None:
        """Store the key before anything is granted to it, and complete the row where a death came between the two writes of a start."""
        current = client.current()
        if current != self._context.session:
            await self._context.save_session(current)
        if self._core.row.wanted is None:
            await self._core.set_status(AccountState.NEED_QR, Reason.SCAN_WANTED, last_error=None)

    async def _show(self, client: Client, elsewhere: LivesElsewhere | None, wake: Signal) -> LivesElsewhere | None:
        """Show codes, until the log-in is over or has to go on at another data centre, which is returned."""
        if user := await login_requests.myself(client):  # a scan of before; its answer was lost
            await self._flow.authorise(client, "", user)
            return None
        outcome: Outcome | None = await qr_requests.import_token(client, elsewhere.token) if elsewhere else None
        while True:
            self._scanned.clear()
            match outcome or await qr_requests.export_token(client, self._context.endpoint):
                case QrToken() as token:
                    await self._publish(token)
                    if not await self._wait_for_scan(client, token, wake):
                        return None
                case LivesElsewhere() as found:
                    return found
                case PasswordWanted():
                    await self._flow.code_accepted(client, self._pending_login())
                    return None
                case LoggedIn(user):
                    await self._flow.authorise(client, "", user)
                    return None
            outcome = None

    async def _publish(self, token: QrToken) -> None:
        """Show a code to functions, and then to a start that waits. Raises _Over if the log-in's item is gone."""
        core, valid_until = self._core, token.valid_until(self._now())
        stored = await self._stored()
        qr_id, issued = stored.qr_id, stored.issued
        if qr_id is None or stored.link != token.link:
            qr_id, issued, before = secrets.token_hex(16), issued + 1, qr_id
            account = (core.tenant_id, core.row.channel, core.row.epoch)
            await core.services.offload(self._codes.show, *account, qr_id, token.link, valid_until, before)
        self._failures = 0
        self._shown = QrCodeIssued(qr_id=qr_id, link=token.link, expires_at=valid_until, ends_at=stored.ends_at, issued=issued)
        self._news.set()

    async def _wait_for_scan(self, client: Client, token: QrToken, wake: Signal) -> bool:
        """Wait for a scan or the code's end; tell whether to go on. Raises AvioError if the connection breaks, and _Over."""
        over = client.disconnected
        signals = [signal.future() for signal in (self._scanned, wake, self._flow.lock.wanted)]
        try:
            await asyncio.wait((over, *signals), timeout=token.good_for_s, return_when=asyncio.FIRST_COMPLETED)
            scanned, woken, step = (signal.done() for signal in signals)
            if woken or step:
                return False
            if over.done():
                raise AvioError(Code.TELEGRAM_UNAVAILABLE)
        finally:
            drop(over)
            for signal in signals:
                signal.cancel()
        if not scanned:
            await self._check_wanted()
        return True

    async def _check_wanted(self) -> None:
        """Raise _Over if nobody asks for a code any more, or the log-in has lasted too long."""
        if not (await self._stored()).wanted(self._now()):
            raise _Over

    async def _stored(self) -> QrCode:
        code = await self._core.services.offload(self._codes.get, self._core.tenant_id, self._core.row.channel)
        if code is None:
            raise _Over
        return code

    async def _judge(self, error: AvioError) -> None:
        """End the log-in, or raise the error if it says that Telegram is out of reach for now.

        A key that Telegram does not know twice in a row is replaced: once may be a passing fault.
        """
        end = end_of(error)
        if end is SessionEndReason.KEY_UNKNOWN:
            if self._failures:
                await self._context.save_session(replace(self._context.endpoint.new_session(), login=self._pending))
            raise AvioError(Code.TELEGRAM_UNAVAILABLE) from error
        if error.code in _OUT_OF_REACH:
            raise error
        await self._fail(_Over(AvioError(Code.PHONE_BANNED) if end is SessionEndReason.BANNED else error))

    async def _fail(self, over: _Over) -> None:
        """End the log-in: session, then row. After a death in between the next owner corrects the row."""
        session = self._context.session
        assert session is not None
        await self._context.save_session(replace(session, login=None))
        if over.refused:
            await self._core.set_status(AccountState.FAILED, Reason.QR_FAILED, last_error=over.refused.code)
        else:
            await self._core.set_status(AccountState.FAILED, Reason.QR_EXPIRED)
        self._failure = over.refused or AvioError(Code.QR_EXPIRED)

    # what is known of it

    @property
    def _pending(self) -> PendingLogin | None:
        """The log-in by QR code that is under way, its password still to come included."""
        login = self._context.session.login if self._context.session else None
        return login if login and login.by_qr else None

    @property
    def _lasts(self) -> bool:
        """Whether a log-in by QR code is under way, and its time is not over."""
        return self._pending is not None and self._now() < self._pending.resend_at

    def _pending_login(self) -> PendingLogin:
        assert self._pending is not None
        return self._pending

    @property
    def _waiting(self) -> bool:
        pending = self._pending
        return pending is not None and not pending.code_accepted and not self._context.user_id

    @property
    def _showing(self) -> QrCodeIssued | None:
        """The code that is shown now and has not expired."""
        return self._shown if self._waiting and self._shown and self._now() < self._shown.expires_at else None

    def _now(self) -> datetime:
        return self._core.services.now()
