"""Logs an account in with the session of another client, which must have stopped for good.

    claim the key -> connect with it -> whose is it? -> store update state, session, row      (as a log-in that succeeded)

The key is claimed for this account alone, because two owners of one key would have Telegram end it (AUTH_KEY_DUPLICATED). The claim is
given up if nobody can log in with the key, and at the end of the session. After a death between two steps the same import goes through:
the claim is this account's own.

Events count from the import on: the other client knew its own position, and its string does not hold it.
"""

from __future__ import annotations

from typing import Any

from listener.telegram.requests.errors import SessionEndReason, end_of
from listener.telegram.telegram_account import TelegramAccount
from shared.errors import AvioError, Code
from shared.phones import e164
from shared.rpc.import_session import ImportSession
from shared.rpc.log_in import StateReached

_ENDED = {SessionEndReason.BANNED: Code.PHONE_BANNED}
_DUPLICATED = "Telegram saw this session in two places at once and ended it. Log in by phone instead."


async def import_session(account: TelegramAccount, command: ImportSession) -> StateReached:
    """Log in. Raises `session_in_use`, `session_revoked`, `invalid_session` and the errors of connecting."""
    endpoint = account.context.endpoint
    address = endpoint.known(command.dc_id)
    if address is None:
        raise AvioError(Code.INVALID_SESSION, f"The session names data centre {command.dc_id}, which is not known here.")
    session = endpoint.new_session().with_key(command.dc_id, *address, command.auth_key)
    try:
        return await account.flow.adopt(session, lambda user: _check(user, command))
    except AvioError as error:
        raise _refusal(error) from error.__cause__


def _check(user: Any, command: ImportSession) -> None:
    if user.bot:
        raise AvioError(Code.INVALID_SESSION, "This is a bot's session, and accounts are people's.")
    if command.user_id not in (None, user.id):
        raise AvioError(Code.INVALID_SESSION, "The session string names another user than Telegram does: it may have been changed by hand.")
    if command.phone and user.phone and command.phone != e164(f"+{user.phone}"):
        raise AvioError(Code.INVALID_SESSION, "The session belongs to an account with another phone number.")


def _refusal(error: AvioError) -> AvioError:
    """Return what a failed import means: a session that Telegram has ended cannot be taken over."""
    end = end_of(error)
    if end is None:
        return error
    detail = _DUPLICATED if end is SessionEndReason.KEY_DUPLICATED else None
    return AvioError(_ENDED.get(end, Code.SESSION_REVOKED), detail)
