"""The command `send`, from the contract's form to Telegram's and back."""

from __future__ import annotations

import re
from typing import Protocol

from listener.telegram.operations.send import Outgoing, Sent
from shared.errors import AvioError, Code
from shared.rpc.send import SendMessage, SendResult

_RECIPIENT = re.compile(r"me|@\w+|-?[0-9]{1,19}")
_MESSAGE_ID = re.compile(r"[0-9]{1,10}")


class Sender(Protocol):
    """An account that sends."""

    async def send(self, message: Outgoing) -> Sent:
        """Send a message once."""


async def send_message(account: Sender, command: SendMessage) -> SendResult:
    """Send a text; raises `invalid_request` for ids that are not Telegram's, and what the send raises."""
    reply_to = command.reply_to
    if not _RECIPIENT.fullmatch(command.to) or (reply_to is not None and not _MESSAGE_ID.fullmatch(reply_to)):
        raise AvioError(Code.INVALID_REQUEST)
    sent = await account.send(Outgoing(command.to, command.text, int(reply_to) if reply_to else None, command.random_id))
    return SendResult(chat_id=str(sent.chat_id), message_id=str(sent.message_id), date=sent.date)
