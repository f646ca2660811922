"""Logs an account in and out, step by step. Each step is durable before it is answered.

    start -> code_sent -> verify(code) -> authorized
       |                     '-> need_2fa -> verify(password) -> authorized
       '-> new (e-mail wanted) -> set_email -> code_sent -> verify_email -> as after start
    logout -> logging_out -> logged_out

Each step connects with the stored key and closes again, so another owner can continue after any step.

No step leaves a state in which the next always fails. If Telegram has forgotten or ended the unfinished key, or the code has expired, the
log-in is dropped, and a start begins anew. Cancelling always succeeds.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from telethon.tl import functions

from listener.core.runtime.signals import Signal
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.connection.data_centres import listed
from listener.telegram.login import login_requests
from listener.telegram.login.step_lock import StepLock
from listener.telegram.requests.errors import Elsewhere, SessionEndReason, end_of, translated
from listener.telegram.session import PendingLogin, Session
from listener.telegram.telegram_context import TelegramContext
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason
from shared.rpc.log_in import LogInCode, StateReached

_HOPELESS: dict[Code, dict[str, Any]] = {
    Code.CODE_EXPIRED: {"reason": Reason.CODE_EXPIRED},
    Code.NOT_STARTED: {"reason": Reason.CODE_EXPIRED},
    Code.PHONE_BANNED: {"reason": Reason.LOG_IN_LOST},
    Code.PHONE_NOT_REGISTERED: {"reason": Reason.NOT_REGISTERED, "phone": None},
}
"""After these errors no code or password can complete the log-in: it has to begin anew. What the row says then."""

_KEY_OVER = "Telegram has ended this log-in: it no longer knows the key that it was begun with. Call auth/start for a new code."


_EMAIL_FIRST = "Give the code that came by e-mail first: auth/email/verify. Only then does Telegram send a log-in code."
_NO_EMAIL_WANTED = "Telegram wants no e-mail for this log-in. Call auth/start first; `email_setup_required` says when one is wanted."
_NO_EMAIL_CODE = "No code was sent to an e-mail yet. Call auth/email with the address first."
_BY_QR = "The log-in under way is one by QR code: scan the code, then give the password alone, without a phone."
_CODE_FIRST = "Call verify with the code first; with two-step verification, with the code and the password."

MOVES = 4
"""How often one step is sent on: once is what happens, and more than the number of data centres is a fault of Telegram's."""

T = TypeVar("T")


class _KeyOver(Exception):
    """Telegram no longer accepts the key of an unfinished log-in."""


class LoginFlow:
    """One account's log-in. A lock serialises its steps."""

    def __init__(self, context: TelegramContext, wake: Signal) -> None:
        self._context = context
        self._core = context.core
        self._wake = wake
        self.lock = StepLock()

    async def start(self, phone: str) -> LogInCode | StateReached:
        """Make Telegram send a code. A second start for the same phone returns the pending log-in until a new code may be requested."""
        async with self.lock:
            self.refuse_logged_in()
            pending = self._pending()
            if pending and pending.phone == phone and self._now() < pending.resend_at:
                return self._answer(pending)
            if (session := self._context.session) and not (pending and pending.by_qr):  # whoever scans its code late would log in here
                with contextlib.suppress(_KeyOver):
                    return await self._begin(session, phone)
            try:
                return await self._begin(self._context.endpoint.new_session(), phone)
            except _KeyOver as error:  # Telegram refused even the new key
                raise AvioError(Code.TELEGRAM_UNAVAILABLE) from error

    async def resend(self) -> LogInCode | StateReached:
        """Make Telegram send the code by the next delivery type."""
        async with self.lock:
            self.refuse_logged_in()
            pending, session = self._coded()
            if (wait_s := (pending.resend_at - self._now()).total_seconds()) > 0:
                raise AvioError(Code.FLOOD_WAIT, "A new code can be asked for after this time.", retry_after_s=wait_s)

            async def ask(client: Client) -> LogInCode | StateReached:
                return await self._advance(client, pending.phone, await login_requests.resend(client, pending, self._now()))

            return await self._step(session, ask)

    async def cancel(self) -> StateReached:
        """Give up a log-in, whatever Telegram answers and even if it does not answer."""
        async with self.lock:
            self.refuse_logged_in()
            pending, session = self._started()
            with contextlib.suppress(AvioError):
                await self._at_home(session, lambda client: self._cancel_code(client, pending))
            await self._drop(Reason.CANCELLED, phone=None)
            return StateReached(state=AccountState.NEW)

    async def verify(self, phone: str, code: str | None, password: str | None) -> StateReached:
        """Present code, password or both. After the code was accepted only the password is needed, and a wrong password costs nothing."""
        async with self.lock:
            self.refuse_logged_in()
            pending, session = self._coded()
            if pending.phone != phone:
                raise AvioError(Code.NOT_STARTED)

            async def prove(client: Client) -> None:
                user = await self._prove(client, client.stored.login or pending, code, password)
                await self.authorise(client, phone, user)

            await self._step(session, prove)
            return StateReached(state=AccountState.AUTHORIZED)

    async def give_password(self, password: str) -> StateReached:
        """Present the password alone, after a code or scan was accepted; raise `not_waiting_2fa` before. A wrong password costs nothing."""
        async with self.lock:
            self.refuse_logged_in()
            pending, session = self._pending(), self._context.session
            if pending is None or session is None or not pending.code_accepted:
                raise AvioError(Code.NOT_WAITING_2FA)

            async def prove(client: Client) -> None:
                login = client.stored.login or pending
                if not login.code_accepted:  # Telegram has moved the account, and forgotten the code or scan
                    self._wake.set()  # a QR code is shown again
                    raise AvioError(Code.NOT_WAITING_2FA)
                await self.authorise(client, pending.phone, await self._prove(client, login, None, password))

            await self._step(session, prove)
            return StateReached(state=AccountState.AUTHORIZED)

    async def set_email(self, email: str) -> LogInCode:
        """Make Telegram send a code to an address that is to be the account's log-in e-mail. Another address may follow."""
        async with self.lock:
            self.refuse_logged_in()
            pending, session = self._pending(), self._context.session
            if pending is None or session is None or not pending.email_wanted:
                raise AvioError(Code.NOT_STARTED, _NO_EMAIL_WANTED)

            async def ask(client: Client) -> LogInCode:
                sent = await login_requests.send_email_code(client, client.stored.login or pending, email)
                await self._context.save_session(replace(client.current(), login=sent))
                await self._core.set_status(AccountState.CODE_SENT, Reason.EMAIL_CODE_WANTED, last_error=None)
                return self._told(sent)

            return await self._step(session, ask)

    async def verify_email(self, code: str) -> LogInCode | StateReached:
        """Prove the address. Telegram sends a log-in code next; a repeat tells of the same code.

        If Telegram's answer is lost, the next try ends the log-in, and a start has that code sent.
        """
        async with self.lock:
            self.refuse_logged_in()
            pending, session = self._pending(), self._context.session
            if pending and pending.email_proven:
                return self._told(pending)
            if pending is None or session is None or not pending.email_sent:
                raise AvioError(Code.NOT_STARTED, _NO_EMAIL_CODE)

            async def prove(client: Client) -> LogInCode | StateReached:
                found = await login_requests.verify_email(client, client.stored.login or pending, code, self._now())
                return await self._advance(client, pending.phone, found)

            return await self._step(session, prove)

    async def adopt(self, session: Session, check: Callable[[Any], None]) -> StateReached:
        """Log in with the credentials of another client; `check` refuses a user by raising. A log-in under way ends with it.

        The key is claimed for this account alone, and given up if the log-in fails. The session is stored only once Telegram has said
        whose it is: a try that dies before leaves no more than the claim, which lets this account try again.
        """
        async with self.lock:
            self.refuse_logged_in()
            if not await self._core.claim_credentials(session.auth_key or b""):
                raise AvioError(Code.SESSION_IN_USE)
            try:
                await self._adopt(session, check)
            except AvioError:
                if not self._context.user_id:
                    await self._core.release_credentials()
                raise
            return StateReached(state=AccountState.AUTHORIZED)

    async def _adopt(self, session: Session, check: Callable[[Any], None]) -> None:
        try:
            async with self._connect(session) as client:
                user = await login_requests.owner(client)
                check(user)
                await self.authorise(client, "", user)
        except Elsewhere as moved:
            raise AvioError(Code.SESSION_REVOKED, f"The account has moved to data centre {moved.dc_id}: log in by phone.") from moved

    async def _prove(self, client: Client, pending: PendingLogin, code: str | None, password: str | None) -> Any:
        if not pending.code_accepted:
            if code is None:
                raise AvioError(Code.INVALID_CODE, _CODE_FIRST)
            try:
                return await login_requests.sign_in(client, pending, code)
            except AvioError as error:
                if user := await self._succeeded_before(client, error):
                    return user
                if error.code is Code.PHONE_NOT_REGISTERED:  # the code would still be good for a sign-up
                    with contextlib.suppress(AvioError):
                        await login_requests.cancel(client, pending)
                if error.code is not Code.TWO_FA_REQUIRED:
                    raise
            await self.code_accepted(client, pending)
        if password is None:
            raise AvioError(Code.TWO_FA_REQUIRED)
        try:
            return await login_requests.check_password(client, password)
        except AvioError as error:
            if user := await self._succeeded_before(client, error):
                return user
            raise

    async def _succeeded_before(self, client: Client, error: AvioError) -> Any | None:
        """Return the user if an earlier attempt had succeeded, but its owner died or the connection broke before it was noted."""
        if error.code is Code.CODE_EXPIRED or (end_of(error) and client.up):
            return await login_requests.myself(client)
        return None

    async def code_accepted(self, client: Client, pending: PendingLogin) -> None:
        """Store that only the password is missing."""
        accepted = pending.model_copy(update={"code_accepted": True})
        await self._context.save_session(replace(client.current(), login=accepted))
        await self._core.set_status(AccountState.NEED_2FA, Reason.PASSWORD_WANTED)

    async def _begin(self, session: Session, phone: str) -> LogInCode | StateReached:
        """Request a code; raise _KeyOver if Telegram no longer accepts the key."""

        async def begin(client: Client) -> LogInCode | StateReached:
            return await self._advance(client, phone, await login_requests.start(client, self._context.endpoint, phone, self._now()))

        try:
            return await self._at_home(replace(session, login=None), begin)
        except AvioError as error:
            if end_of(error) is SessionEndReason.BANNED:
                raise AvioError(Code.PHONE_BANNED) from error
            if end_of(error):
                raise _KeyOver from error
            raise

    async def _step(self, session: Session, step: Callable[[Client], Awaitable[T]]) -> T:
        """Connect for a step; if it fails, note in row and session what that means for the next step."""
        try:
            return await self._at_home(session, step)
        except AvioError as error:
            end = end_of(error)
            failure = _failure(end) if end else error
            await self._failed(failure, key_over=end is not None)
            raise failure from error.__cause__

    async def _failed(self, error: AvioError, *, key_over: bool) -> None:
        if key_over:
            await self._drop(Reason.LOG_IN_LOST, last_error=error.code)
        elif told := _HOPELESS.get(error.code):
            await self._drop(**told, key_over=False, last_error=error.code)
        elif error.code is not Code.TWO_FA_REQUIRED:
            await self._core.set_status(last_error=error.code)

    async def _cancel_code(self, client: Client, pending: PendingLogin) -> None:
        if pending.by_qr:
            if await login_requests.myself(client):  # somebody has scanned it just now
                await login_requests.log_out(client)
            return
        try:
            await login_requests.cancel(client, pending)
        except AvioError as error:
            if await self._succeeded_before(client, error):
                await login_requests.log_out(client)  # no caller knows of the new session, so nobody else would end it

    async def _drop(self, reason: Reason, *, key_over: bool = True, **status: Any) -> None:
        """Drop the log-in under way, and its key if the key is over."""
        session = self._context.session
        if key_over or session is None:
            session = self._context.endpoint.new_session()
        await self._context.save_session(replace(session, login=None))
        await self._core.set_status(AccountState.NEW, reason, **status)

    async def _advance(self, client: Client, phone: str, found: Any) -> LogInCode | StateReached:
        if not isinstance(found, PendingLogin):
            await self.authorise(client, phone, found)
            return StateReached(state=AccountState.AUTHORIZED)
        await self._context.save_session(replace(client.current(), login=found))
        await self._core.set_status(*state_of(found), phone=phone, last_error=None)
        if found.code_accepted:
            raise AvioError(Code.TWO_FA_REQUIRED)
        return self._answer(found)

    async def authorise(self, client: Client, phone: str, user: Any) -> None:
        """Store that this user is logged in, and have the account serve."""
        state = await login_requests.first_state(client)
        try:
            await self._context.log_in(client.current(), user.id, state, phone=f"+{user.phone}" if user.phone else phone or None)
        finally:
            self._wake.set()  # also if only the row could not be written

    async def _at_home(self, session: Session, step: Callable[[Client], Awaitable[T]]) -> T:
        """Take a step at the data centre where the log-in is at home: Telegram sends it on, and it is taken anew there, under a new key.

        The new key is stored before the step: what Telegram grants to it is not lost with this process. The old key is dropped.
        """
        for moves in range(MOVES):
            async with self._connect(session) as client:
                if moves:
                    await self._settle(client.current())
                try:
                    return await step(client)
                except Elsewhere as found:
                    session = await self.moved(client, found.dc_id)
        raise AvioError(Code.TELEGRAM_UNAVAILABLE, "Telegram sends the log-in from one data centre to another. Try again later.")

    async def moved(self, client: Client, dc_id: int) -> Session:
        """Return the credentials for another data centre, where a new key is to be made."""
        with translated():
            config = await client.invoke(functions.help.GetConfigRequest())
        address = listed(config, dc_id) or self._context.endpoint.known(dc_id)
        if address is None:
            raise AvioError(Code.TELEGRAM_ERROR, f"Telegram sends the log-in to data centre {dc_id}, whose address is not known.")
        self._core.log("log-in moves", data_centre=dc_id)
        return client.current().moved(dc_id, *address)

    async def _settle(self, session: Session) -> None:
        """Store the log-in under its new key. Telegram takes its code anew there."""
        await self._context.save_session(session)
        if session.login and self._core.row.state is AccountState.NEED_2FA:
            await self._core.set_status(*state_of(session.login))

    @asynccontextmanager
    async def _connect(self, session: Session) -> AsyncIterator[Client]:
        """Connect. An unknown key may be a passing fault, so it counts only after two in a row."""
        endpoint = self._context.endpoint
        async with contextlib.AsyncExitStack() as stack:
            try:
                client = await stack.enter_async_context(connected(session, None, self._core.guard, endpoint))
            except AvioError as error:
                if end_of(error) is not SessionEndReason.KEY_UNKNOWN:
                    raise
                client = await stack.enter_async_context(connected(session, None, self._core.guard, endpoint))
            yield client

    def refuse_logged_in(self) -> None:
        """Raise `already_authorized`, or `unavailable` while the account is being logged out."""
        if self._core.row.wanted is not None:
            raise AvioError(Code.UNAVAILABLE, "The account is being logged out.", retry_after_s=5)
        if self._context.user_id:
            raise AvioError(Code.ALREADY_AUTHORIZED)

    def _pending(self) -> PendingLogin | None:
        return self._context.session.login if self._context.session else None

    def _started(self) -> tuple[PendingLogin, Session]:
        pending, session = self._pending(), self._context.session
        if pending is None or session is None:
            raise AvioError(Code.NOT_STARTED)
        return pending, session

    def _coded(self) -> tuple[PendingLogin, Session]:
        """Return the log-in under way, for which Telegram has sent a code."""
        pending, session = self._started()
        if pending.by_qr:
            raise AvioError(Code.NOT_STARTED, _BY_QR)
        if pending.email_wanted:
            raise AvioError(Code.EMAIL_SETUP_REQUIRED, _EMAIL_FIRST if pending.email_sent else None)
        return pending, session

    def _answer(self, pending: PendingLogin) -> LogInCode:
        if pending.email_wanted:
            raise AvioError(Code.EMAIL_SETUP_REQUIRED)
        return self._told(pending)

    def _told(self, pending: PendingLogin) -> LogInCode:
        left = max(0, round((pending.resend_at - self._now()).total_seconds()))
        return LogInCode(
            delivery=pending.delivery,
            length=pending.length,
            next_type=pending.next_type,
            resend_after_seconds=left,
            form=pending.form,
            beginning=pending.beginning,
            pattern=pending.pattern,
            url=pending.url,
            email_pattern=pending.email_pattern,
        )

    def _now(self) -> Any:
        return self._core.services.now()


def state_of(login: PendingLogin) -> tuple[AccountState, Reason]:
    """Return the account's state while this log-in is under way."""
    if login.code_accepted:
        return AccountState.NEED_2FA, Reason.PASSWORD_WANTED
    if login.by_qr:
        return AccountState.NEED_QR, Reason.SCAN_WANTED
    if login.email_sent:
        return AccountState.CODE_SENT, Reason.EMAIL_CODE_WANTED
    return (AccountState.NEW, Reason.EMAIL_WANTED) if login.email_wanted else (AccountState.CODE_SENT, Reason.CODE_WANTED)


def _failure(end: SessionEndReason) -> AvioError:
    """Return a step's error for a key that is over. Nobody is logged in yet, so a log-in has ended and not a session."""
    return AvioError(Code.PHONE_BANNED) if end is SessionEndReason.BANNED else AvioError(Code.CODE_EXPIRED, _KEY_OVER)
