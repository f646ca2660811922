"""Sending a message, without HTTP (contract M1)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from functions.http.acting import Attempt
from functions.http.authenticator import Access
from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState
from shared.model.ids import Channel
from shared.rpc.client import OwnerClient
from shared.rpc.send import SendMessage, SendResult

MAX_UTF16_UNITS = 4096
"""https://core.telegram.org/method/messages.sendMessage: the server's `message_length_max`, which counts UTF-16 code units."""


@dataclass(frozen=True)
class Sending:
    """Sends by way of the account's owner."""

    owner: OwnerClient

    def send(self, access: Access, peer: str, text: str, reply_to: str | None, attempt: Attempt) -> SendResult:
        """Send a text; return what Telegram made of it.

        The random id goes with every try: Telegram takes the same one for the same message, so however often a request is repeated on its
        way, one message comes of it.
        """
        command = SendMessage(to=peer, text=text, reply_to=reply_to, random_id=attempt.random_id(), began_at=attempt.began_at)
        return self.owner.call(access.tenant.id, Channel.TELEGRAM, access.account, command)


def check_logged_in(account: Account | None) -> None:
    """Raise `not_authorized` unless an account is logged in, as far as its row says."""
    state = account.standing if account else AccountState.NEW
    if not state.logged_in:
        raise AvioError(Code.NOT_AUTHORIZED, state=state.value)


def check_text(text: str) -> None:
    """Raise `invalid_request` for a text of nothing to see, `message_too_long` for more than Telegram takes."""
    if not seen(text):
        problem = "A message has something to see: not only blanks and zero-width characters."
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.text", "problem": problem}])
    if len(text.encode("utf-16-le")) // 2 > MAX_UTF16_UNITS:
        raise AvioError(Code.MESSAGE_TOO_LONG)


def seen(text: str) -> bool:
    """Tell whether a text has anything to see: Telegram takes spaces and characters without width for an empty message."""
    return not all(character.isspace() or unicodedata.category(character) == "Cf" for character in text)
