"""The commands that log an account in by phone, step by step, and out again."""

from __future__ import annotations

from pydantic import Field

from shared.model.account import AccountState
from shared.rpc.command import Command, Result


class LogInCode(Result):
    """The way by which the messenger sent a code, and the seconds until it can be sent by `next_type`.

    `pattern` is that of the number that calls, `url` where the code is shown, `email_pattern` the address that it went to.
    """

    delivery: str
    length: int | None = None
    next_type: str | None = None
    resend_after_seconds: int | None = None
    form: str = "digits"
    beginning: str | None = None
    pattern: str | None = None
    url: str | None = None
    email_pattern: str | None = None


class StateReached(Result):
    """The account's state after a command."""

    state: AccountState


class StartLogIn(Command[LogInCode | StateReached]):
    """Have a code sent. Telegram may log the account in at once."""

    name = "auth/start"
    repeatable = True

    phone: str = Field(repr=False)


class ResendCode(Command[LogInCode | StateReached]):
    """Have the code sent again, in the next way that the messenger offers."""

    name = "auth/resend"
    repeatable = True


class CancelLogIn(Command[StateReached]):
    """End a log-in that is not complete."""

    name = "auth/cancel"
    repeatable = True


class VerifyLogIn(Command[StateReached]):
    """Sign in with the code, the password, or both."""

    name = "auth/verify"
    repeatable = True

    phone: str = Field(repr=False)
    code: str | None = Field(default=None, repr=False)
    password: str | None = Field(default=None, repr=False)


class SetLogInEmail(Command[LogInCode]):
    """Have a code sent to an address that is to become the account's log-in e-mail, if the messenger wants it set up first."""

    name = "auth/email"
    since = 3
    repeatable = True

    email: str = Field(repr=False)


class VerifyLogInEmail(Command[LogInCode | StateReached]):
    """Prove the address by the code that came there; then the log-in goes on, mostly by a code to the same address."""

    name = "auth/email/verify"
    since = 3
    repeatable = True

    code: str = Field(repr=False)


class LogOut(Command[StateReached]):
    """Log out at the messenger and erase the session."""

    name = "logout"
    repeatable = True
