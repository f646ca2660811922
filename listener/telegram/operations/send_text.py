"""The command `send`: sends a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telethon.tl import functions

from listener.telegram.operations.outgoing import Outgoing, Part, Sender, SendOptions, SendTarget
from shared.errors import AvioError, Code
from shared.rpc.send import SendMessage, SendResult

_RECIPIENT = re.compile(r"me|@\w+|-?[0-9]{1,19}")
_MESSAGE_ID = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True)
class Text:
    """A text without media."""

    text: str

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the one request."""
        (random_id,) = random_ids
        request = functions.messages.SendMessageRequest(target.peer, self.text, random_id=random_id, **target.common)
        return [Part(request, (random_id,), (self._is_it,))]

    def _is_it(self, message: Any) -> bool:
        return bool(message.message == self.text)


async def send_message(account: Sender, command: SendMessage) -> SendResult:
    """Run the command `send`; raise `invalid_request` for ids that are not Telegram's, and what sending raises."""
    reply_to = command.reply_to
    if not _RECIPIENT.fullmatch(command.to) or (reply_to is not None and not _MESSAGE_ID.fullmatch(reply_to)):
        raise AvioError(Code.INVALID_REQUEST)
    options = SendOptions(reply_to=int(reply_to) if reply_to else None)
    sent = await account.send(Outgoing(command.to, Text(command.text), (command.random_id,), options))
    return SendResult(chat_id=str(sent.chat_id), message_id=str(sent.message_id), date=sent.date)
