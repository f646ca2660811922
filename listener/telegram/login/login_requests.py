"""Logs in and out by raw requests.

Telethon's own functions do not fit: `send_code_request` turns a second start into a resend and breaks on `sentCodeSuccess` and
`sentCodePaymentRequired`; `sign_in` knows no e-mail codes. Flow: https://core.telegram.org/api/auth, password:
https://core.telegram.org/api/srp
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from telethon import errors
from telethon.password import compute_check
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.login.sent_codes import pending_login
from listener.telegram.requests.errors import name_of, translated
from listener.telegram.session import PendingLogin
from listener.telegram.updates import dialogs
from listener.telegram.updates.update_state import UpdateState
from shared.errors import AvioError, Code

_RESTART = "AUTH_RESTART"
_START_ANEW = "Telegram wants the log-in started once more. Call auth/start again."
_BEING_CHANGED = "Telegram says that the password is being changed. Call auth/verify again, with the password as it is now."


async def start(client: Client, endpoint: TelegramEndpoint, phone: str, now: datetime) -> PendingLogin | types.User:
    """Make Telegram send a code; return the pending log-in, or the user if Telegram requires no code.

    Telegram may want the password at once: then the pending log-in says that the code was accepted.
    """
    request = functions.auth.SendCodeRequest(phone, endpoint.api_id, endpoint.api_hash, types.CodeSettings())
    with translated():
        try:
            sent = await _sent_or_over(client, request, Code.TELEGRAM_UNAVAILABLE)
        except errors.SessionPasswordNeededError:
            return PendingLogin(
                phone=phone, phone_code_hash="", delivery="app", length=None, next_type=None, resend_at=now, code_accepted=True
            )
    return _sent(sent, phone, now)


async def resend(client: Client, pending: PendingLogin, now: datetime) -> PendingLogin | types.User:
    """Make Telegram send the code by the next delivery type; raise `code_unavailable` if there is none."""
    if pending.next_type is None:
        raise AvioError(Code.CODE_UNAVAILABLE)
    with translated():
        sent = await client(functions.auth.ResendCodeRequest(pending.phone, pending.phone_code_hash))
    return _sent(sent, pending.phone, now)


async def cancel(client: Client, pending: PendingLogin) -> None:
    """Cancel the code."""
    with translated():
        await client(functions.auth.CancelCodeRequest(pending.phone, pending.phone_code_hash))


async def sign_in(client: Client, pending: PendingLogin, code: str) -> types.User:
    """Present the code; raise `2fa_required` if it was right and Telegram wants the password."""
    by_email = types.EmailVerificationCode(code) if pending.by_email else None
    request = functions.auth.SignInRequest(pending.phone, pending.phone_code_hash, None if by_email else code, by_email)
    with translated():
        try:
            return _authorised(await _sent_or_over(client, request, Code.CODE_EXPIRED))
        except errors.SessionPasswordNeededError as error:
            raise AvioError(Code.TWO_FA_REQUIRED) from error


async def send_email_code(client: Client, pending: PendingLogin, email: str) -> PendingLogin:
    """Make Telegram send a code to an address that is to be the log-in e-mail; return the log-in, which says where the code went."""
    with translated():
        sent = await client(functions.account.SendVerifyEmailCodeRequest(_setup_of(pending), email))
    return pending.model_copy(update={"length": sent.length, "email_pattern": sent.email_pattern})


async def verify_email(client: Client, pending: PendingLogin, code: str, now: datetime) -> PendingLogin | types.User:
    """Present the code that came by e-mail; Telegram then sends a log-in code.

    https://core.telegram.org/api/auth#email-verification: for a log-in the answer is account.emailVerifiedLogin.
    """
    with translated():
        verified = await client(functions.account.VerifyEmailRequest(_setup_of(pending), types.EmailVerificationCode(code)))
    if not isinstance(verified, types.account.EmailVerifiedLogin):
        raise AvioError(Code.TELEGRAM_ERROR, telegram_error=type(verified).__name__)
    sent = _sent(verified.sent_code, pending.phone, now)
    return sent.model_copy(update={"email_proven": True}) if isinstance(sent, PendingLogin) else sent


async def check_password(client: Client, password: str) -> types.User:
    """Present the password; once more with new parameters if they have changed. The code stays accepted if the password is wrong."""
    changed = (errors.SrpIdInvalidError, errors.SrpPasswordChangedError)
    with translated():
        try:
            return await _check_password(client, password)
        except changed:
            try:
                return await _check_password(client, password)
            except changed as error:
                raise AvioError(Code.TELEGRAM_UNAVAILABLE, _BEING_CHANGED) from error


async def myself(client: Client) -> types.User | None:
    """Return the user that this key is authorised for, or None if Telegram says that it is not authorised."""
    with translated():
        try:
            users = await client(functions.users.GetUsersRequest([types.InputUserSelf()]))
        except errors.UnauthorizedError:
            return None
    return users[0] if users else None


async def owner(client: Client) -> types.User:
    """Return the user that this key is authorised for; an error says why there is none."""
    with translated():
        (user,) = await client(functions.users.GetUsersRequest([types.InputUserSelf()]))
    return user


async def first_state(client: Client) -> UpdateState:
    """Return the update state of an account that has just logged in, with the hundred channels that have the latest news.

    Everything after this state will be delivered. If there are more dialogs, the first connection reads them.
    """
    with translated():
        state = await client(functions.updates.GetStateRequest())
        page = await dialogs.page(client, dialogs.first())
        message_id = page.message_id or (await dialogs.newest_message(client) if page.following else 0)
    date = int(state.date.timestamp())
    seeded = 0 if page.following else date
    return UpdateState(pts=state.pts, qts=state.qts, date=date, seq=state.seq, message_id=message_id, seeded=seeded, channels=page.channels)


async def log_out(client: Client) -> None:
    """Make Telegram end the session.

    By `invoke`, which does not wrap the request: Telethon does not see that Telegram only acknowledges a wrapped log-out.
    """
    with translated():
        await client.invoke(functions.auth.LogOutRequest())


async def _sent_or_over(client: Client, request: Any, code: Code) -> Any:
    """Send a request. Telethon repeats it once after AUTH_RESTART or AUTH_RESTART_n; raise `code` if Telegram answers that again.

    https://core.telegram.org/method/auth.sendCode
    """
    try:
        return await client(request)
    except errors.ServerError as error:
        if name_of(error) != _RESTART:
            raise
        raise AvioError(code, _START_ANEW) from error


async def _check_password(client: Client, password: str) -> types.User:
    parameters = await client(functions.account.GetPasswordRequest())
    if parameters.current_algo is None:
        raise AvioError(Code.NOT_STARTED, "The account has no password any more. Call auth/start again.")
    proof = await asyncio.to_thread(compute_check, parameters, password)  # computes for 70 ms and more
    return _authorised(await client(functions.auth.CheckPasswordRequest(proof)))


def _authorised(answer: Any) -> types.User:
    if isinstance(answer, types.auth.AuthorizationSignUpRequired):
        raise AvioError(Code.PHONE_NOT_REGISTERED)
    return answer.user


def _sent(sent: Any, phone: str, now: datetime) -> PendingLogin | types.User:
    match sent:
        case types.auth.SentCodeSuccess():
            return _authorised(sent.authorization)
        case types.auth.SentCodePaymentRequired():
            raise AvioError(Code.PAYMENT_REQUIRED)
    return pending_login(sent, phone, now)


def _setup_of(pending: PendingLogin) -> Any:
    return types.EmailVerifyPurposeLoginSetup(pending.phone, pending.phone_code_hash)
