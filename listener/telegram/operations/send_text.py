"""The command `send`: sends a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from telethon.tl import functions

from listener.telegram.operations.entities import telegram_entities
from listener.telegram.operations.outgoing import Outgoing, Part, Sender, SendTarget, Sent
from listener.telegram.operations.send_options import options_of
from shared.rpc.send import SendMessage, SendResult, SeveralSent
from shared.rpc.text import MarkupEntity


@dataclass(frozen=True)
class Text:
    """A text without media."""

    text: str
    entities: tuple[MarkupEntity, ...] = ()
    link_preview: bool = True

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the one request."""
        (random_id,) = random_ids
        request = functions.messages.SendMessageRequest(
            target.peer,
            self.text,
            no_webpage=None if self.link_preview else True,
            random_id=random_id,
            entities=await telegram_entities(target, self.entities) or None,
            **target.common,
        )
        return [Part(request, (random_id,), (self._is_it,))]

    def _is_it(self, message: Any) -> bool:
        return bool(message.message.strip() == self.text.strip())  # Telegram trims


async def send_message(account: Sender, command: SendMessage) -> SendResult:
    """Run the command `send`; raise `invalid_request` for ids that are not Telegram's, and what sending raises."""
    content = Text(command.text, command.entities, command.link_preview)
    return result_of(await account.send(Outgoing(command.to, content, (command.random_id,), options_of(command))))


def result_of(sent: Sent) -> SendResult:
    """Return the result of a command that sends one message."""
    return SendResult(chat_id=str(sent.chat_id), message_id=str(sent.message_id), date=sent.date)


def several_of(sent: Sent) -> SeveralSent:
    """Return the result of a command that sends several messages."""
    ids = tuple(map(str, sent.message_ids))
    return SeveralSent(chat_id=str(sent.chat_id), message_id=ids[0], date=sent.date, message_ids=ids)
