"""What Telegram no longer tells by a difference, read from the history: ascending, in pages of at most 100.

Private chats and basic groups share one numbering per account, so all of them are read by `messages.getMessages`, id by id; a supergroup
or channel by `messages.getHistory` (https://core.telegram.org/api/offsets: a negative `add_offset` turns the page towards the newer).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from telethon.tl import functions, types

PAGE = 100
Ask = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Page:
    """Messages as updates, whom they name, and the highest id that is known after them."""

    updates: list[Any]
    users: list[Any]
    chats: list[Any]
    message_id: int


async def of_account(ask: Ask, after: int, top: int) -> AsyncIterator[Page]:
    """Read the messages of private chats and basic groups with ids after one and up to another."""
    for start in range(after + 1, top + 1, PAGE):
        end = min(start + PAGE - 1, top)
        answer = await ask(functions.messages.GetMessagesRequest([types.InputMessageID(number) for number in range(start, end + 1)]))
        yield Page([types.UpdateNewMessage(message, 0, 0) for message in _ascending(answer)], answer.users, answer.chats, end)


async def of_channel(ask: Ask, channel: Any, after: int, top: int | None, since: int = 0) -> AsyncIterator[Page]:
    """Read a channel's messages after one, or without one from a date (epoch seconds) on; up to `top`, or to the newest."""
    date = datetime.fromtimestamp(since, UTC) if since and not after else None
    while top is None or after < top:
        answer = await ask(functions.messages.GetHistoryRequest(channel, after + 1 if after else 0, date, -PAGE, PAGE, 0, 0, 0))
        new = [message for message in _ascending(answer) if message.id > after]
        wanted = [message for message in new if top is None or message.id <= top]
        if wanted:
            after, date = wanted[-1].id, None
            yield Page([types.UpdateNewChannelMessage(message, 0, 0) for message in wanted], answer.users, answer.chats, after)
        if not wanted or len(wanted) < len(new):  # a short page is no end: Telegram may leave messages out
            return


def _ascending(answer: Any) -> list[Any]:
    return sorted((one for one in getattr(answer, "messages", ()) if not isinstance(one, types.MessageEmpty)), key=lambda one: one.id)
