"""Telegram's errors, by name, to ours.

By name and never by number: 401 is also a wanted password, 406 a dozen things, and Telethon's `FrozenMethodInvalidError` is a
FloodError without seconds. Names are those of https://core.telegram.org/api/errors as Telethon spells them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from telethon import errors as telethon

from shared.errors import AvioError, Code
from shared.model.account import AccountState

_CODES: dict[str, Code] = {
    # logging in
    "PhoneNumberInvalidError": Code.INVALID_PHONE,
    "PhoneNumberUnoccupiedError": Code.PHONE_NOT_REGISTERED,
    "PhoneNumberBannedError": Code.PHONE_BANNED,
    "PhoneNumberFloodError": Code.TOO_MANY_ATTEMPTS,
    "PhonePasswordFloodError": Code.TOO_MANY_ATTEMPTS,
    "SendCodeUnavailableError": Code.CODE_UNAVAILABLE,
    "ApiIdInvalidError": Code.TELEGRAM_APP_REJECTED,
    "ApiIdPublishedFloodError": Code.TELEGRAM_APP_REJECTED,
    "UpdateAppToLoginError": Code.TELEGRAM_APP_REJECTED,
    "PhoneCodeInvalidError": Code.INVALID_CODE,
    "PhoneCodeEmptyError": Code.INVALID_CODE,
    "PhoneCodeHashEmptyError": Code.CODE_EXPIRED,
    "PhoneCodeExpiredError": Code.CODE_EXPIRED,
    "EmailVerifyExpiredError": Code.CODE_EXPIRED,
    "SessionPasswordNeededError": Code.TWO_FA_REQUIRED,
    "PasswordHashInvalidError": Code.BAD_PASSWORD,
    # sending
    "MessageTooLongError": Code.MESSAGE_TOO_LONG,
    "PeerFloodError": Code.PEER_FLOOD,
    "FrozenMethodInvalidError": Code.ACCOUNT_FROZEN,
    "FrozenParticipantMissingError": Code.ACCOUNT_FROZEN,
    "PeerIdInvalidError": Code.PEER_NOT_FOUND,
    "UserIdInvalidError": Code.PEER_NOT_FOUND,
    "ChannelInvalidError": Code.PEER_NOT_FOUND,
    "ChannelPrivateError": Code.PEER_NOT_FOUND,
    "ChatIdInvalidError": Code.PEER_NOT_FOUND,
    "InputUserDeactivatedError": Code.USER_NOT_FOUND,
    "UsernameInvalidError": Code.USER_NOT_FOUND,
    "UsernameNotOccupiedError": Code.USER_NOT_FOUND,
    "UserPrivacyRestrictedError": Code.PRIVACY_RESTRICTED,
    "PrivacyPremiumRequiredError": Code.PRIVACY_RESTRICTED,
    "AllowPaymentRequiredError": Code.PRIVACY_RESTRICTED,
    "UserIsBlockedError": Code.WRITE_FORBIDDEN,
    "YouBlockedUserError": Code.WRITE_FORBIDDEN,
    "ChatWriteForbiddenError": Code.WRITE_FORBIDDEN,
    "ChatAdminRequiredError": Code.WRITE_FORBIDDEN,
    "ChatRestrictedError": Code.WRITE_FORBIDDEN,
    "UserBannedInChannelError": Code.WRITE_FORBIDDEN,
    "ChatGuestSendForbiddenError": Code.WRITE_FORBIDDEN,
    "ChatForbiddenError": Code.WRITE_FORBIDDEN,
    "ChatSendPlainForbiddenError": Code.WRITE_FORBIDDEN,
    "BroadcastForbiddenError": Code.WRITE_FORBIDDEN,
    "RightForbiddenError": Code.WRITE_FORBIDDEN,
    "UserDeletedError": Code.USER_NOT_FOUND,
    "PremiumAccountRequiredError": Code.PRIVACY_RESTRICTED,
}
BROKEN = (OSError, asyncio.IncompleteReadError, BufferError, telethon.InvalidChecksumError, telethon.AuthKeyNotFound)
"""What a broken connection looks like: Telethon fails everything pending with what it read. TimeoutError is an OSError."""

_WAITS = ("FloodWaitError", "FloodPremiumWaitError", "SlowModeWaitError", "FloodTestPhoneWaitError", "PhoneNumberFloodWaitError")

_NAMELESS = (  # what Telethon makes of a name that it does not know, by number
    telethon.RPCError,
    telethon.InvalidDCError,
    telethon.BadRequestError,
    telethon.UnauthorizedError,
    telethon.ForbiddenError,
    telethon.NotFoundError,
    telethon.AuthKeyError,
    telethon.FloodError,
)


class End(StrEnum):
    """Why Telegram takes a session for over: the account's state says it from then on."""

    REVOKED = "revoked"
    KEY_UNKNOWN = "key_unknown"  # -404 on the transport: may pass, so it is believed only when it is said again and again
    KEY_DUPLICATED = "key_duplicated"
    BANNED = "banned"

    @property
    def state(self) -> AccountState:
        """The state that an account has then."""
        return {End.KEY_DUPLICATED: AccountState.KEY_DUPLICATED, End.BANNED: AccountState.BANNED}.get(self, AccountState.LOGGED_OUT)


_ENDS: dict[str, End] = {
    "AuthKeyUnregisteredError": End.REVOKED,
    "AuthKeyInvalidError": End.REVOKED,
    "AuthKeyNotFound": End.KEY_UNKNOWN,
    "SessionRevokedError": End.REVOKED,
    "SessionExpiredError": End.REVOKED,
    "AuthKeyDuplicatedError": End.KEY_DUPLICATED,
    "UserDeactivatedError": End.BANNED,
    "UserDeactivatedBanError": End.BANNED,
}


def end_of(error: BaseException | None) -> End | None:
    """Return why the session is over, or None where the error does not say that it is."""
    if isinstance(error, AvioError):
        error = error.__cause__
    return None if error is None else _ENDS.get(name_of(error))


def name_of(error: BaseException) -> str:
    """Return the name that the tables know an error by: Telethon's class; where it has none, Telegram's name in Telethon's spelling."""
    if type(error) in _NAMELESS:
        return "".join(part.capitalize() for part in str(getattr(error, "message", "")).split("_") if not part.isdigit()) + "Error"
    return type(error).__name__


def code_of(error: BaseException | None) -> Code:
    """Return what a status says of the error that ended a connection; none means that Telegram just closed it."""
    if isinstance(error, AvioError):
        return error.code
    if isinstance(error, telethon.RPCError):
        return translate(error).code
    return Code.TELEGRAM_UNAVAILABLE if error is None or isinstance(error, BROKEN) else Code.INTERNAL_ERROR


def wait_of(error: BaseException | None) -> float:
    """Return the seconds for which Telegram asks to be left alone, 0 where it does not."""
    error = translate(error) if isinstance(error, telethon.RPCError) else error
    return error.retry_after_s or 0.0 if isinstance(error, AvioError) else 0.0


@contextmanager
def translated() -> Iterator[None]:
    """Raise what Telegram answered as an AvioError; connection faults and missed deadlines as `telegram_unavailable`."""
    try:
        yield
    except telethon.RPCError as error:
        raise translate(error) from error
    except BROKEN as error:
        raise AvioError(Code.TELEGRAM_UNAVAILABLE) from error


def translate(error: telethon.RPCError) -> AvioError:
    """Return the AvioError that an RPC error stands for; one that no table names becomes `telegram_error` with its name."""
    name = name_of(error)
    seconds = getattr(error, "seconds", None)
    if name in _WAITS and seconds is not None:
        return AvioError(Code.FLOOD_WAIT, retry_after_s=seconds)
    if name in _CODES:
        return AvioError(_CODES[name], retry_after_s=60 if _CODES[name] is Code.TOO_MANY_ATTEMPTS else None)
    if name in _ENDS:
        return AvioError(Code.NOT_AUTHORIZED, state=_ENDS[name].state.value)
    if isinstance(error, telethon.ServerError | telethon.TimedOutError):
        return AvioError(Code.TELEGRAM_UNAVAILABLE)
    return AvioError(Code.TELEGRAM_ERROR, telegram=name.removesuffix("Error"))
