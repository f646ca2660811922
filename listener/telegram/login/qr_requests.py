"""The requests of a log-in by QR code: https://core.telegram.org/api/qr-login

Telethon's `QRLogin` does not fit: it loses a scan that comes before its `wait`, and knows no stored key.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.requests.errors import name_of, translated
from shared.errors import AvioError, Code

LINK = "tg://login?token="
SHORTEST_S, LONGEST_S = 1.0, 300.0
"""Bounds for how long a token is taken to be good, whatever the two clocks say. Telegram's are good for 30 s."""


@dataclass(frozen=True)
class QrToken:
    """A token to be shown, and the seconds for which it is good."""

    link: str
    good_for_s: float

    def valid_until(self, now: datetime) -> datetime:
        """Return the time at which it expires."""
        return now + timedelta(seconds=self.good_for_s)


@dataclass(frozen=True)
class LivesElsewhere:
    """The person who accepted the token lives at another data centre: the token is to be imported there."""

    dc_id: int
    token: bytes


class PasswordWanted:
    """The scan was accepted, and two-step verification asks for the password."""


@dataclass(frozen=True)
class LoggedIn:
    """The scan was accepted: the key is this user's."""

    user: Any


Outcome = QrToken | LivesElsewhere | PasswordWanted | LoggedIn


async def export_token(client: Client, endpoint: TelegramEndpoint) -> Outcome:
    """Return a token, or what came of the last one."""
    return await _asked(client, functions.auth.ExportLoginTokenRequest(endpoint.api_id, endpoint.api_hash, []))


async def import_token(client: Client, token: bytes) -> Outcome | None:
    """Return what came of a token that another data centre sent on; None if it is over."""
    try:
        return await _asked(client, functions.auth.ImportLoginTokenRequest(token))
    except AvioError as error:
        cause = error.__cause__
        if isinstance(cause, errors.RPCError) and name_of(cause).startswith("AUTH_TOKEN_"):  # expired, invalid or used already
            return None
        raise


async def _asked(client: Client, request: Any) -> Outcome:
    with translated():
        try:
            answer = await client.invoke(request)
        except errors.SessionPasswordNeededError:
            return PasswordWanted()
    match answer:
        case types.auth.LoginToken():
            return QrToken(link_of(answer.token), _good_for_s(client, answer.expires))
        case types.auth.LoginTokenMigrateTo():
            return LivesElsewhere(answer.dc_id, answer.token)
        case types.auth.LoginTokenSuccess(authorization=types.auth.Authorization()):
            return LoggedIn(answer.authorization.user)
    raise AvioError(Code.PHONE_NOT_REGISTERED)


def link_of(token: bytes) -> str:
    """Return what a QR code says."""
    return LINK + base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _good_for_s(client: Client, expires: datetime | int) -> float:
    """Return how long a token is good. Telegram names the end by its own clock; Telethon knows how far this is ahead of `time.time`."""
    ends = expires.timestamp() if isinstance(expires, datetime) else expires
    return min(max(ends - time.time() - client.clock_ahead_s, SHORTEST_S), LONGEST_S)
