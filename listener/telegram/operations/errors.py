"""Telegram's errors to ours, by Telegram's own names, and what ends a session. What each is called is said in refusals.py."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from telethon import errors as telethon
from telethon.errors.rpcerrorlist import rpc_errors_dict, rpc_errors_re

from listener.telegram.operations.error_table import UNNAMED_WAIT_S, WAITS, code_for
from shared.errors import AvioError, Code
from shared.model.account import AccountState

BROKEN = (OSError, asyncio.IncompleteReadError, BufferError, telethon.InvalidChecksumError, telethon.AuthKeyNotFound)
"""What a broken connection looks like: Telethon fails everything pending with what it read. TimeoutError is an OSError."""

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


_NAMED = {
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
    Code.WRITE_FORBIDDEN,
    Code.PREMIUM_REQUIRED,
    Code.TOPIC_CLOSED,
    Code.TELEGRAM_ERROR,
}
"""Codes that stand for several of Telegram's names, which are worth knowing."""


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
    "AUTH_KEY_UNREGISTERED": End.REVOKED,
    "AUTH_KEY_INVALID": End.REVOKED,
    "SESSION_REVOKED": End.REVOKED,
    "SESSION_EXPIRED": End.REVOKED,
    "AUTH_KEY_DUPLICATED": End.KEY_DUPLICATED,
    "USER_DEACTIVATED": End.BANNED,
    "USER_DEACTIVATED_BAN": End.BANNED,
}
_SPELT = {kind: name.upper() for name, kind in rpc_errors_dict.items()} | {
    kind: pattern.replace(r"(\d+)", "X") for pattern, kind in rpc_errors_re
}
"""Telethon's classes by the names that they stand for."""


def end_of(error: BaseException | None) -> End | None:
    """Return why the session is over, or None where the error does not say that it is."""
    if isinstance(error, AvioError):
        error = error.__cause__
    if isinstance(error, telethon.AuthKeyNotFound):
        return End.KEY_UNKNOWN
    return _ENDS.get(name_of(error)) if isinstance(error, telethon.RPCError) else None


def name_of(error: telethon.RPCError) -> str:
    """Return the name that the tables know an error by: Telegram's, without the numbers in it."""
    return "_".join(part for part in told_name_of(error).split("_") if not part.isdigit() and part != "X")


def told_name_of(error: telethon.RPCError) -> str:
    """Return Telegram's name of an error as it was answered; of one that Telethon knows, with an X for its number."""
    name = str(error.message or "") if type(error) in _NAMELESS else _SPELT.get(type(error), type(error).__name__)
    return name[:100]


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
    """Return the AvioError that an RPC error stands for. All but the plainest keep Telegram's name, in `telegram_error`."""
    name, told = name_of(error), told_name_of(error)
    if name in _ENDS:
        return AvioError(Code.NOT_AUTHORIZED, state=_ENDS[name].state.value)
    code = code_for(name, error.code or 0)
    if code in WAITS:
        return AvioError(code, retry_after_s=_number_in(error, told) or UNNAMED_WAIT_S)
    if code is Code.PAID_MESSAGE:
        return AvioError(code, telegram_error=told, price_stars=_number_in(error, told))
    return AvioError(code, telegram_error=told) if code in _NAMED else AvioError(code)


def _number_in(error: telethon.RPCError, told: str) -> int | None:
    """Return the number that an error's name ends with, in seconds or Stars, if it does."""
    seconds = getattr(error, "seconds", None)
    found = re.search(r"_(\d+)", told)
    return seconds if isinstance(seconds, int) else int(found[1]) if found else None
