"""Logging an account in by phone, and out again, without HTTP (contract A1, A2, A3).

Only the account's owner talks to Telegram, so each step is a command to it. What cannot be had from an owner right now but must
happen all the same (logging out) is written on the account's row as wanted: whoever owns the account next does it.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel

from functions.auth.codes import entered
from shared import session_strings
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState, Wanted
from shared.model.ids import NOBODY, Channel, TenantId
from shared.phones import e164
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.import_session import ImportSession
from shared.rpc.log_in import (
    CancelLogIn,
    LogInCode,
    LogOut,
    ResendCode,
    SetLogInEmail,
    StartLogIn,
    StateReached,
    VerifyLogIn,
    VerifyLogInEmail,
)
from shared.rpc.qr_log_in import GivePassword
from shared.session_strings import SessionFormat
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore

R = TypeVar("R", bound=BaseModel)
_NOTHING_TO_LOG_OUT = {AccountState.NEW, AccountState.LOGGED_OUT}
_NO_ANSWER = {Code.UNAVAILABLE, Code.NOT_MINE, Code.OUTCOME_UNKNOWN, Code.NOT_SUPPORTED}


@dataclass(frozen=True)
class LogIn:
    """Takes a tenant's account through its log-in; `account` is the row as read with the request."""

    owner: OwnerClient
    accounts: AccountStore
    workers: WorkerStore
    clock: Clock

    def start(self, tenant_id: TenantId, account: Account | None, phone: str) -> LogInCode | StateReached:
        """Have Telegram send a code; a second start before the flow may be resent returns the flow that is under way."""
        if account and account.wanted is None and account.state.logged_in:
            raise AvioError(Code.ALREADY_AUTHORIZED)
        return self._call(tenant_id, account, StartLogIn(phone=e164(phone)))

    def set_email(self, tenant_id: TenantId, account: Account | None, email: str) -> LogInCode:
        """Have a code sent to an address that is to become the account's log-in e-mail."""
        return self._call(tenant_id, account, SetLogInEmail(email=email))

    def verify_email(self, tenant_id: TenantId, account: Account | None, code: str) -> LogInCode | StateReached:
        """Prove the address by its code; Telegram then sends the log-in code."""
        return self._call(tenant_id, account, VerifyLogInEmail(code=entered(code)))

    def resend(self, tenant_id: TenantId, account: Account | None) -> LogInCode | StateReached:
        """Have Telegram send the code again, by the next way it offers."""
        return self._call(tenant_id, account, ResendCode())

    def cancel(self, tenant_id: TenantId, account: Account | None) -> StateReached:
        """Give the flow up."""
        return self._call(tenant_id, account, CancelLogIn())

    def verify(self, tenant_id: TenantId, account: Account | None, phone: str, code: str | None, password: str | None) -> None:
        """Sign in with the code, or where it was accepted before, with the password."""
        self._call(tenant_id, account, VerifyLogIn(phone=e164(phone), code=code and entered(code), password=password))

    def give_password(self, tenant_id: TenantId, account: Account | None, password: str) -> None:
        """Complete a log-in whose code or scan was accepted; raises `not_waiting_2fa` for any other."""
        if account is None or account.standing is not AccountState.NEED_2FA:
            raise AvioError(Code.NOT_WAITING_2FA)
        self._call(tenant_id, account, GivePassword(password=password))

    def take_over(
        self, tenant_id: TenantId, account: Account | None, text: str, given: SessionFormat | None, phone: str | None
    ) -> StateReached:
        """Log in with a session string of another library. What cannot be a session is refused before anybody is asked."""
        found = session_strings.read(text, given)
        if account and account.wanted is None and account.state.logged_in:
            raise AvioError(Code.ALREADY_AUTHORIZED)
        command = ImportSession(
            dc_id=found.dc_id, auth_key=b64encode(found.auth_key), user_id=found.user_id, phone=e164(phone) if phone else None
        )
        return self._call(tenant_id, account, command)

    def logout(self, tenant_id: TenantId, account: Account | None) -> AccountState:
        """Log out; return `logged_out`, or `logging_out` where it is still to happen. Safe to run twice.

        An account that was never logged in, or is logged out, is what the caller wants it to be: no error.
        """
        if account is None or (account.state in _NOTHING_TO_LOG_OUT and account.wanted is None):
            return AccountState.LOGGED_OUT
        try:
            return self._call(tenant_id, account, LogOut()).state
        except AvioError as error:
            if error.code not in _NO_ANSWER:
                raise
        return self._log_out_later(account)

    def _log_out_later(self, account: Account) -> AccountState:
        """Leave word for the owner. Asking again does not begin the 24 hours anew in which Telegram is asked to forget the session."""
        if account.wanted is None:
            left = self.accounts.want(account.tenant_id, account.channel, Wanted.LOG_OUT, self.clock.now())
            if left is None:
                return AccountState.LOGGED_OUT  # erased meanwhile
            if left.owner and left.owner != NOBODY:
                self.workers.nudge(left.owner, left.tenant_id)
        return AccountState.LOGGING_OUT

    def _call(self, tenant_id: TenantId, account: Account | None, command: Command[R]) -> R:
        return self.owner.call(tenant_id, Channel.TELEGRAM, account, command)
