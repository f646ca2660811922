"""Logging an account in and out, step by step, each step durable before it is answered.

    start -> code_sent -> verify(code) -> authorized
                             '-> need_2fa -> verify(password) -> authorized
    logout -> logging_out -> logged_out

Each step connects by itself with the stored key and closes again. So a step after the owner's death is the same as one before it.

Telegram forgets a key that nobody is logged in with, after some weeks, and says so by -404 on the transport. Such a log-in is over: a start
begins with a new key, a cancel has nothing left to take back, and the other steps say that the code has expired.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from listener.holding import Holding
from listener.patience import Signal
from listener.session import PendingLogin, Session
from listener.telegram import login
from listener.telegram.client import Client, connected
from listener.telegram.errors import End, end_of
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason


class LoginFlow:
    """One account's log-in. Steps exclude each other."""

    def __init__(self, holding: Holding, wake: Signal) -> None:
        self._holding = holding
        self._wake = wake
        self._lock = asyncio.Lock()

    async def start(self, phone: str) -> dict[str, Any]:
        """Have a code sent. A second start for the same phone, before a new code may be asked for, returns the pending flow."""
        async with self._lock:
            self._refuse_logged_in()
            pending = self._pending()
            if pending and pending.phone == phone and self._now() < pending.resend_at:
                return self._answer(pending)
            try:
                return await self._begin(phone, self._holding.session or self._holding.means.telegram.new_session())
            except AvioError as error:
                if end_of(error) is not End.KEY_UNKNOWN or self._holding.session is None:
                    raise
            await self._key_forgotten()
            return await self._begin(phone, self._holding.means.telegram.new_session())

    async def resend(self) -> dict[str, Any]:
        """Have the code sent by the next way."""
        async with self._lock:
            self._refuse_logged_in()
            pending, session = self._started()
            if (wait_s := (pending.resend_at - self._now()).total_seconds()) > 0:
                raise AvioError(Code.FLOOD_WAIT, "A new code can be asked for after this time.", retry_after_s=wait_s)
            async with self._known(session) as client:
                return await self._advance(client, pending.phone, await login.resend(client, pending, self._now()))

    async def cancel(self) -> dict[str, Any]:
        """Give a log-in up."""
        async with self._lock:
            self._refuse_logged_in()
            pending, session = self._started()
            try:
                async with self._connect(session) as client:
                    await login.cancel(client, pending)
            except AvioError as error:
                if end_of(error) is not End.KEY_UNKNOWN:
                    raise
                await self._holding.save_session(None)
            else:
                await self._forget(client.current())
            await self._holding.set_status(AccountState.NEW, Reason.CANCELLED, phone=None)
            return {"state": AccountState.NEW}

    async def verify(self, phone: str, code: str | None, password: str | None) -> dict[str, Any]:
        """Present code, password or both. Once the code was accepted only the password is asked for, and a wrong one burns nothing."""
        async with self._lock:
            self._refuse_logged_in()
            pending, session = self._started()
            if pending.phone != phone:
                raise AvioError(Code.NOT_STARTED)
            async with self._known(session) as client:
                try:
                    user = await self._prove(client, pending, code, password)
                except AvioError as error:
                    await self._failed(client, error)
                    raise
                await self._authorise(client, phone, user)
            return {"state": AccountState.AUTHORIZED}

    async def _begin(self, phone: str, session: Session) -> dict[str, Any]:
        async with self._connect(session) as client:
            return await self._advance(client, phone, await login.start(client, self._holding.means.telegram, phone, self._now()))

    @asynccontextmanager
    async def _known(self, session: Session) -> AsyncIterator[Client]:
        """Connect for a step that needs the key of the step before; raises `code_expired` where Telegram does not know it any more."""
        try:
            async with self._connect(session) as client:
                yield client
        except AvioError as error:
            if end_of(error) is not End.KEY_UNKNOWN:
                raise
            await self._key_forgotten()
            raise AvioError(Code.CODE_EXPIRED, "Telegram has forgotten this log-in. Call auth/start for a new code.") from error

    async def _key_forgotten(self) -> None:
        await self._holding.save_session(None)
        await self._holding.set_status(AccountState.NEW, Reason.CODE_EXPIRED, last_error=Code.CODE_EXPIRED)

    async def _prove(self, client: Client, pending: PendingLogin, code: str | None, password: str | None) -> Any:
        if not pending.code_accepted:
            if code is None:
                raise AvioError(Code.INVALID_CODE, "Call verify with the code first.")
            try:
                return await login.sign_in(client, pending, code)
            except AvioError as error:
                if error.code is Code.CODE_EXPIRED and (user := await login.myself(client)):
                    return user  # an earlier try had succeeded, and its owner died before it could say so
                if error.code is not Code.TWO_FA_REQUIRED:
                    raise
            await self._code_accepted(client, pending)
        if password is None:
            raise AvioError(Code.TWO_FA_REQUIRED)
        return await login.check_password(client, password)

    async def _code_accepted(self, client: Client, pending: PendingLogin) -> None:
        accepted = pending.model_copy(update={"code_accepted": True})
        await self._holding.save_session(replace(client.current(), login=accepted))
        await self._holding.set_status(AccountState.NEED_2FA, Reason.PASSWORD_WANTED)

    async def _failed(self, client: Client, error: AvioError) -> None:
        if error.code is Code.CODE_EXPIRED:
            await self._forget(client.current())
            await self._holding.set_status(AccountState.NEW, Reason.CODE_EXPIRED, last_error=error.code)
        elif error.code is not Code.TWO_FA_REQUIRED:
            await self._holding.set_status(last_error=error.code)

    async def _advance(self, client: Client, phone: str, found: Any) -> dict[str, Any]:
        if not isinstance(found, PendingLogin):
            await self._authorise(client, phone, found)
            return {"state": AccountState.AUTHORIZED}
        await self._holding.save_session(replace(client.current(), login=found))
        await self._holding.set_status(AccountState.CODE_SENT, Reason.CODE_WANTED, phone=phone, last_error=None)
        return self._answer(found)

    async def _authorise(self, client: Client, phone: str, user: Any) -> None:
        marks = await login.first_marks(client)
        await self._holding.authorise(client.current(), user.id, marks, phone=f"+{user.phone}" if user.phone else phone)
        self._wake.set()

    async def _forget(self, session: Session) -> None:
        await self._holding.save_session(replace(session, login=None))

    def _connect(self, session: Session) -> Any:
        return connected(session, None, self._holding.guard, self._holding.means.telegram)

    def _refuse_logged_in(self) -> None:
        if self._holding.row.wanted is not None:
            raise AvioError(Code.UNAVAILABLE, "The account is being logged out.", retry_after_s=5)
        if self._holding.user_id:
            raise AvioError(Code.ALREADY_AUTHORIZED)

    def _pending(self) -> PendingLogin | None:
        return self._holding.session.login if self._holding.session else None

    def _started(self) -> tuple[PendingLogin, Session]:
        pending, session = self._pending(), self._holding.session
        if pending is None or session is None:
            raise AvioError(Code.NOT_STARTED)
        return pending, session

    def _answer(self, pending: PendingLogin) -> dict[str, Any]:
        left = max(0, round((pending.resend_at - self._now()).total_seconds()))
        return {"delivery": pending.delivery, "length": pending.length, "next_type": pending.next_type, "resend_after_seconds": left}

    def _now(self) -> Any:
        return self._holding.means.now()
