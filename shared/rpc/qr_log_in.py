"""The commands that log an account in by QR code, and with the password alone."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from shared.rpc.command import Command, Result
from shared.rpc.log_in import StateReached


class QrCodeIssued(Result):
    """The present code of a log-in: `link` is what it says, `issued` counts the codes of this log-in."""

    qr_id: str
    link: str = Field(repr=False)
    expires_at: datetime
    ends_at: datetime
    issued: int


class StartQrLogIn(Command[QrCodeIssued | StateReached]):
    """Begin a log-in by QR code and return its first code; or return the present code of the log-in that is under way.

    The state is the result where a scan was accepted before, and the password is missing.
    """

    name = "auth/qr"
    since = 3
    repeatable = True


class GivePassword(Command[StateReached]):
    """Complete a log-in whose code or scan was accepted."""

    name = "auth/password"
    since = 3
    repeatable = True

    password: str = Field(repr=False)
