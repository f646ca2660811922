"""Translates Telegram's errors to ours, by Telegram's own names, and tells which of them end a session. error_table.py has the names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from telethon import errors as telethon
from telethon.errors.rpcerrorlist import rpc_errors_dict, rpc_errors_re

from listener.telegram.requests.error_table import NAMES, UNNAMED_WAIT_S, WAITS, code_for
from shared.errors import AvioError, Code
from shared.model.account import AccountState

BROKEN = (OSError, asyncio.IncompleteReadError, BufferError, telethon.InvalidChecksumError, telethon.AuthKeyNotFound)
"""The errors of a broken connection: Telethon fails all pending requests with them. TimeoutError is an OSError."""

_NAMELESS = (  # Telethon's classes for names that it does not know, by number
    telethon.RPCError,
    telethon.InvalidDCError,
    telethon.BadRequestError,
    telethon.UnauthorizedError,
    telethon.ForbiddenError,
    telethon.NotFoundError,
    telethon.AuthKeyError,
    telethon.FloodError,
    telethon.ServerError,
    telethon.TimedOutError,
)


_NAMED = {
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
    Code.WRITE_FORBIDDEN,
    Code.CONTENT_FORBIDDEN,
    Code.ADMIN_REQUIRED,
    Code.NOT_A_MEMBER,
    Code.PREMIUM_REQUIRED,
    Code.TOPIC_CLOSED,
    Code.SCHEDULE_REFUSED,
    Code.INVALID_MARKUP,
    Code.POLL_REFUSED,
    Code.ATTACHMENT_REFUSED,
    Code.REACTION_INVALID,
    Code.TELEGRAM_LAYER_REJECTED,
    Code.TELEGRAM_ERROR,
}
"""Codes that stand for several of Telegram's names. Their errors keep the name."""


class SessionEndReason(StrEnum):
    """Why Telegram has ended a session; it decides the account's state from then on."""

    REVOKED = "revoked"
    KEY_UNKNOWN = "key_unknown"  # -404 on the transport: may pass, so it is believed only after several times in a row
    KEY_DUPLICATED = "key_duplicated"
    BANNED = "banned"

    @property
    def state(self) -> AccountState:
        """The account's state after such an end."""
        return {SessionEndReason.KEY_DUPLICATED: AccountState.KEY_DUPLICATED, SessionEndReason.BANNED: AccountState.BANNED}.get(
            self, AccountState.LOGGED_OUT
        )


_ENDS: dict[str, SessionEndReason] = {
    "AUTH_KEY_UNREGISTERED": SessionEndReason.REVOKED,
    "AUTH_KEY_INVALID": SessionEndReason.REVOKED,
    "SESSION_REVOKED": SessionEndReason.REVOKED,
    "SESSION_EXPIRED": SessionEndReason.REVOKED,
    "AUTH_KEY_DUPLICATED": SessionEndReason.KEY_DUPLICATED,
    "USER_DEACTIVATED": SessionEndReason.BANNED,
    "USER_DEACTIVATED_BAN": SessionEndReason.BANNED,
}
_SPELT = {kind: name.upper() for name, kind in rpc_errors_dict.items()} | {
    kind: pattern.replace(r"(\d+)", "X") for pattern, kind in rpc_errors_re
}
"""Telegram's name of an error by Telethon's class."""


class Elsewhere(Exception):
    """Telegram serves this request at another data centre."""

    def __init__(self, dc_id: int) -> None:
        super().__init__(f"data centre {dc_id}")
        self.dc_id = dc_id


def end_of(error: BaseException | None) -> SessionEndReason | None:
    """Return why the session is over, or None if the error does not end it."""
    if isinstance(error, AvioError):
        error = error.__cause__
    if isinstance(error, telethon.AuthKeyNotFound):
        return SessionEndReason.KEY_UNKNOWN
    return _ENDS.get(name_of(error)) if isinstance(error, telethon.RPCError) else None


def name_of(error: telethon.RPCError) -> str:
    """Return an error's name as the tables spell it: Telegram's, without the numbers in it."""
    return "_".join(part for part in sent_name_of(error).split("_") if not part.isdigit() and part != "X")


def sent_name_of(error: telethon.RPCError) -> str:
    """Return Telegram's name of an error as Telegram sent it; if Telethon knows the name, with an X for its number."""
    name = str(error.message or "") if type(error) in _NAMELESS else _SPELT.get(type(error), type(error).__name__)
    return name[:100]


def code_of(error: BaseException | None) -> Code:
    """Return the code that a status shows for the error that ended a connection; None means that Telegram closed it."""
    if isinstance(error, AvioError):
        return error.code
    if isinstance(error, telethon.RPCError):
        return translate(error).code
    if isinstance(error, Elsewhere):
        return Code.TELEGRAM_ERROR
    return Code.TELEGRAM_UNAVAILABLE if error is None or isinstance(error, BROKEN) else Code.INTERNAL_ERROR


def wait_of(error: BaseException | None) -> float:
    """Return the seconds that Telegram asks us to wait, 0 if it does not ask."""
    error = translate(error) if isinstance(error, telethon.RPCError) else error
    return error.retry_after_s or 0.0 if isinstance(error, AvioError) else 0.0


@contextmanager
def translated() -> Iterator[None]:
    """Raise Telegram's errors as AvioError, and connection faults and missed deadlines as `telegram_unavailable`."""
    try:
        yield
    except telethon.RPCError as error:
        raise translate(error) from error
    except BROKEN as error:
        raise AvioError(Code.TELEGRAM_UNAVAILABLE) from error


def translate(error: telethon.RPCError, names: Mapping[str, Code] = NAMES) -> AvioError:
    """Return the AvioError that an RPC error stands for. If the code covers several names, `telegram_error` has Telegram's name."""
    name, sent_name = name_of(error), sent_name_of(error)
    if name in _ENDS:
        return AvioError(Code.NOT_AUTHORIZED, state=_ENDS[name].state.value)
    code = code_for(name, error.code or 0, names)
    if code in WAITS:
        return AvioError(code, retry_after_s=_number_in(error, sent_name) or UNNAMED_WAIT_S)
    if code is Code.PAID_MESSAGE:
        return AvioError(code, telegram_error=sent_name, price_stars=_number_in(error, sent_name))
    return AvioError(code, telegram_error=sent_name) if code in _NAMED else AvioError(code)


def _number_in(error: telethon.RPCError, sent_name: str) -> int | None:
    """Return the number at the end of an error's name (seconds or Stars), or None."""
    seconds = getattr(error, "seconds", None)
    found = re.search(r"_(\d+)", sent_name)
    return seconds if isinstance(seconds, int) else int(found[1]) if found else None
