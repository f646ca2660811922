"""Logs in and out by raw requests.

Telethon's own functions do not fit: `send_code_request` turns a second start into a resend and breaks on `sentCodeSuccess` and
`sentCodePaymentRequired`; `sign_in` knows no e-mail codes. Flow: https://core.telegram.org/api/auth, password:
https://core.telegram.org/api/srp
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from telethon import errors
from telethon.password import compute_check
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.requests.errors import translated
from listener.telegram.session import PendingLogin
from listener.telegram.updates import dialogs
from listener.telegram.updates.update_state import UpdateState
from shared.errors import AvioError, Code

RESEND_AFTER_S = 60  # if Telegram names no time; a second start before then returns the pending flow

_DELIVERIES: dict[type, str] = {
    types.auth.SentCodeTypeApp: "app",
    types.auth.SentCodeTypeSms: "sms",
    types.auth.SentCodeTypeSmsWord: "sms",
    types.auth.SentCodeTypeSmsPhrase: "sms",
    types.auth.SentCodeTypeFirebaseSms: "sms",
    types.auth.SentCodeTypeCall: "call",
    types.auth.SentCodeTypeFlashCall: "call",
    types.auth.SentCodeTypeMissedCall: "call",
    types.auth.SentCodeTypeEmailCode: "email",
    types.auth.SentCodeTypeFragmentSms: "fragment",
}
_FORMS: dict[type, str] = {types.auth.SentCodeTypeSmsWord: "word", types.auth.SentCodeTypeSmsPhrase: "phrase"}
_NEXT: dict[type, str] = {
    types.auth.CodeTypeSms: "sms",
    types.auth.CodeTypeCall: "call",
    types.auth.CodeTypeFlashCall: "call",
    types.auth.CodeTypeMissedCall: "call",
    types.auth.CodeTypeFragmentSms: "fragment",
}


async def start(client: Client, endpoint: TelegramEndpoint, phone: str, now: datetime) -> PendingLogin | types.User:
    """Make Telegram send a code; return the pending log-in, or the user if Telegram requires no code."""
    request = functions.auth.SendCodeRequest(phone, endpoint.api_id, endpoint.api_hash, types.CodeSettings())
    with translated():
        try:
            sent = await client(request)
        except (
            errors.AuthRestartError
        ):  # "Restart the authorization process", which is done once: https://core.telegram.org/method/auth.sendCode
            try:
                sent = await client(request)
            except errors.AuthRestartError as error:
                raise AvioError(Code.TELEGRAM_UNAVAILABLE, "Telegram wants the log-in started once more. Call auth/start again.") from error
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
            return _authorised(await client(request))
        except errors.SessionPasswordNeededError as error:
            raise AvioError(Code.TWO_FA_REQUIRED) from error


async def check_password(client: Client, password: str) -> types.User:
    """Present the password. The code stays accepted if the password is wrong."""
    with translated():
        try:
            return await _check_password(client, password)
        except (errors.SrpIdInvalidError, errors.SrpPasswordChangedError):  # the parameters have changed: try once more with new parameters
            return await _check_password(client, password)


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
        case types.auth.SentCode(type=types.auth.SentCodeTypeSetUpEmailRequired()):
            raise AvioError(Code.EMAIL_SETUP_REQUIRED)
    return PendingLogin(
        phone=phone,
        phone_code_hash=sent.phone_code_hash,
        delivery=_DELIVERIES.get(type(sent.type), "app"),
        length=_length(sent.type),
        next_type=_NEXT.get(type(sent.next_type)),
        resend_at=now + timedelta(seconds=sent.timeout or RESEND_AFTER_S),
        by_email=isinstance(sent.type, types.auth.SentCodeTypeEmailCode),
        form=_FORMS.get(type(sent.type), "digits"),
        beginning=getattr(sent.type, "beginning", None),
    )


def _length(kind: Any) -> int | None:
    return getattr(kind, "length", None)  # flash calls and SMS words have no length
