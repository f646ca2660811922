"""Sending a message, without HTTP (contract M1)."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import dataclass

from shared.errors import AvioError, Code
from shared.model.account import Account, AccountState
from shared.model.ids import Channel, TenantId
from shared.rpc.client import OwnerClient
from shared.rpc.send import SendMessage, SendResult

MAX_UTF16_UNITS = 4096
"""https://core.telegram.org/method/messages.sendMessage: the server's `message_length_max`, which counts UTF-16 code units."""


@dataclass(frozen=True)
class Sending:
    """Sends by way of the account's owner."""

    owner: OwnerClient

    def send(self, tenant_id: TenantId, account: Account | None, peer: str, text: str, reply_to: str | None) -> SendResult:
        """Send a text; return what Telegram made of it.

        The random id is chosen here, once, and goes with every try: Telegram takes the same one for the same message, so however often
        a request is repeated on its way, one message comes of it.
        """
        state = account.standing if account else AccountState.NEW
        if not state.logged_in:
            raise AvioError(Code.NOT_AUTHORIZED, state=state.value)
        command = SendMessage(to=peer, text=text, reply_to=reply_to, random_id=random_id())
        return self.owner.call(tenant_id, Channel.TELEGRAM, account, command)


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


def random_id() -> int:
    """Return 63 random bits: positive in Telegram's signed 64."""
    return int.from_bytes(os.urandom(8), "big") >> 1
