"""Logging an account in by QR code, without HTTP (contract Q1 to Q5).

The account's owner gets the codes from Telegram and stores each one. So a status or an image costs one read, of the code beside the
account. A note that somebody asks is written once in a while, and keeps the owner renewing.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from functions.http.authenticator import Access
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel, TenantId
from shared.model.qr_code import LASTS, QrCode
from shared.model.states import Reason, reason_of
from shared.rpc.client import OwnerClient
from shared.rpc.qr_log_in import QrCodeIssued, StartQrLogIn
from shared.store import keys
from shared.store.qr_codes import QrCodeStore, code_of
from shared.store.table import StoreUnavailable

NOTED_EVERY = timedelta(seconds=15)
"""A poll is noted if the last note is as old as this: a quarter of the time within which the owner wants one."""
TAKEOVER = timedelta(seconds=60)
"""A code that has not been renewed for this long never will be: a new owner of the account would have done so by now."""
_OUT_OF_REACH = {Code.TELEGRAM_UNAVAILABLE, Code.PROXY_FAILED}


@dataclass(frozen=True)
class QrStatus:
    """How a log-in by QR code is doing. The code's fields are None where no code is to be scanned."""

    state: AccountState
    reason: Reason
    last_error: str | None = None
    qr_id: str | None = None
    link: str | None = None
    expires_at: datetime | None = None
    ends_at: datetime | None = None
    issued: int = 0


@dataclass(frozen=True)
class QrLogIn:
    """Begins log-ins by QR code, and tells how they are doing."""

    owner: OwnerClient
    codes: QrCodeStore
    clock: Clock

    def start(self, access: Access) -> QrStatus:
        """Begin a log-in, or return the one that is under way; raises `already_authorized` and what the owner raises."""
        account = access.account
        if account and account.wanted is None and account.state.logged_in:
            raise AvioError(Code.ALREADY_AUTHORIZED)
        found = self.owner.call(access.tenant.id, Channel.TELEGRAM, account, StartQrLogIn())
        if not isinstance(found, QrCodeIssued):
            return QrStatus(found.state, reason_of(found.state, None))
        state = AccountState.NEED_QR
        return QrStatus(state, reason_of(state, None), None, found.qr_id, found.link, found.expires_at, found.ends_at, found.issued)

    def status(self, access: Access) -> QrStatus:
        """Tell how the log-in is doing, from what is stored. Nobody is asked."""
        account, code, now = access.account, stored_code(access), self.clock.now()
        state = account.standing if account else AccountState.NEW
        error = account.last_error if account else None
        if state is not AccountState.NEED_QR:
            return QrStatus(state, reason_of(state, account.reason if account else None), error)
        if code is None or given_up(code, error, now):
            return QrStatus(AccountState.FAILED, Reason.QR_EXPIRED, error)
        self._note(access.tenant.id, code, now)
        shown = QrStatus(state, Reason.SCAN_WANTED, error, ends_at=code.ends_at, issued=code.issued)
        if code.valid_until is None or code.valid_until <= now:
            return shown
        return QrStatus(state, Reason.SCAN_WANTED, error, code.qr_id, code.link, code.valid_until, code.ends_at, code.issued)

    def link(self, access: Access, qr_id: str | None) -> str:
        """Return what a code says; the present one where no id is given. Raises `qr_not_found`, `qr_expired` or `telegram_unavailable`."""
        found, code = self.status(access), stored_code(access)
        if found.link and qr_id in (None, found.qr_id):
            return found.link
        if code is None or (qr_id not in (None, code.qr_id, *code.past_ids)):
            raise AvioError(Code.QR_NOT_FOUND)
        if out_of_reach(found) and qr_id in (None, code.qr_id):
            raise AvioError(Code.TELEGRAM_UNAVAILABLE)
        raise AvioError(Code.QR_EXPIRED)

    def _note(self, tenant_id: TenantId, code: QrCode, now: datetime) -> None:
        if now - code.asked_at >= NOTED_EVERY:
            with contextlib.suppress(StoreUnavailable):  # the next poll notes it
                self.codes.asked(tenant_id, Channel.TELEGRAM, now)


def qr_rows(tenant_id: TenantId) -> list[keys.Key]:
    """Name the row that the routes need beside the account."""
    return [keys.qr_code(tenant_id, Channel.TELEGRAM)]


def stored_code(access: Access) -> QrCode | None:
    """Return the code as read with the request."""
    row = access.rows.get(keys.qr_code(access.tenant.id, Channel.TELEGRAM)["sk"])
    return code_of(row) if row else None


def given_up(code: QrCode, error: str | None, now: datetime) -> bool:
    """Tell whether nobody goes on with the log-in: the account's owner is dead, and nobody has taken the account over in good time.

    An owner that cannot reach Telegram says so, and tries until the log-in's end.
    """
    due = code.ends_at if error in _OUT_OF_REACH else code.valid_until or code.ends_at - LASTS
    return now > due + TAKEOVER


def out_of_reach(status: QrStatus) -> bool:
    """Tell whether the account cannot reach Telegram, so that its code is not renewed."""
    return status.state is AccountState.NEED_QR and status.link is None and status.last_error in _OUT_OF_REACH
