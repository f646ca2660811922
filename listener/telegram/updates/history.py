"""What Telegram no longer tells by a difference, read from the history: ascending, in pages of at most 100.

Private chats and basic groups share one numbering per account, so all of them are read by `messages.getMessages`, id by id; a supergroup
or channel by `messages.getHistory` (https://core.telegram.org/api/offsets: a negative `add_offset` turns the page towards the newer).

A page that cannot be read is read by ids, in halves of halves, until the message that cannot be read stands alone and is passed over:
about 14 requests for one in a hundred.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from telethon.tl import functions, types

from listener.telegram.connection.unreadable import Unreadable
from listener.telegram.updates import dialogs

PAGE = 100
_NO_MESSAGE = (1 << 31) - 1
_LOOKED_BACK = (0, 1, 3, 7, 15, 31, 63)
_log = logging.getLogger(__name__)
Ask = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class HistoryPage:
    """Messages as updates, whom they name, and the highest id that is known after them."""

    updates: list[Any]
    users: list[Any]
    chats: list[Any]
    message_id: int


@dataclass
class _Found:
    """What was read by ids: messages, ascending, and whom they name; and how many were passed over."""

    messages: list[Any] = field(default_factory=list)
    users: list[Any] = field(default_factory=list)
    chats: list[Any] = field(default_factory=list)
    passed_over: int = 0

    def add(self, answer: Any) -> None:
        """Add an answer's."""
        self.messages += _ascending(answer)
        self.users += answer.users
        self.chats += answer.chats


async def of_account(ask: Ask, after: int, top: int) -> AsyncIterator[HistoryPage]:
    """Read the messages of private chats and basic groups with ids after one and up to another."""
    for start in range(after + 1, top + 1, PAGE):
        end = min(start + PAGE - 1, top)
        found = await _by_ids(ask, functions.messages.GetMessagesRequest, range(start, end + 1))
        yield HistoryPage([types.UpdateNewMessage(message, 0, 0) for message in found.messages], found.users, found.chats, end)


async def of_channel(ask: Ask, channel: Any, after: int, top: int | None, since: int = 0) -> AsyncIterator[HistoryPage]:
    """Read a channel's messages after one, or without one from a date (epoch seconds) on; up to `top`, or to the newest.

    Raises Unreadable where nothing of the channel can be read.
    """
    date = datetime.fromtimestamp(since, UTC) if since and not after else None
    while top is None or after < top:
        try:
            answer = await ask(functions.messages.GetHistoryRequest(channel, after + 1 if after else 0, date, -PAGE, PAGE, 0, 0, 0))
        except Unreadable:
            break
        new = [message for message in _ascending(answer) if message.id > after]
        wanted = [message for message in new if top is None or message.id <= top]
        if wanted:
            after, date = wanted[-1].id, None
            yield _page_of_channel(wanted, answer)
        if not wanted or len(wanted) < len(new):  # a short page is no end: Telegram may leave messages out
            return
    else:
        return
    if date is not None:
        after = await _newest_before(ask, channel, date)
    async for page in _around(ask, channel, after, await _newest(ask, channel) if top is None else top, date):
        yield page


async def _around(ask: Ask, channel: Any, after: int, top: int, date: datetime | None) -> AsyncIterator[HistoryPage]:
    """Read a channel's messages by their ids, after one and up to another, those from a date on."""
    for start in range(after + 1, top + 1, PAGE):
        end = min(start + PAGE - 1, top)
        found = await _by_ids(ask, partial(functions.channels.GetMessagesRequest, channel), range(start, end + 1))
        if found.passed_over == end + 1 - start:  # is it the channel itself that cannot be read?
            await ask(functions.channels.GetMessagesRequest(channel, [types.InputMessageID(_NO_MESSAGE)]))
        wanted = [message for message in found.messages if date is None or message.date >= date]
        if wanted:
            yield _page_of_channel(wanted, found)


async def _by_ids(ask: Ask, request: Callable[[list[Any]], Any], ids: Sequence[int]) -> _Found:
    """Read messages by id, and pass over those that cannot be read."""
    found, pieces = _Found(), [ids]
    while pieces:
        piece = pieces.pop()
        try:
            found.add(await ask(request([types.InputMessageID(number) for number in piece])))
        except Unreadable as error:
            middle = len(piece) // 2
            if middle:
                pieces += [piece[middle:], piece[:middle]]
            else:
                found.passed_over += 1
                _log.warning("message unreadable", extra={"message_id": piece[0], "constructor": error.constructor})
    return found


async def _newest_before(ask: Ask, channel: Any, date: datetime) -> int:
    """Return the id of a channel's newest readable message before a date, 0 where there is none."""
    for back in _LOOKED_BACK[:-1]:
        try:
            return await _older(ask, channel, date, back)
        except Unreadable:
            continue
    return await _older(ask, channel, date, _LOOKED_BACK[-1])


async def _older(ask: Ask, channel: Any, date: datetime, back: int) -> int:
    answer = await ask(functions.messages.GetHistoryRequest(channel, 0, date, back, 1, 0, 0, 0))
    return answer.messages[0].id if answer.messages else 0


async def _newest(ask: Ask, channel: Any) -> int:
    dialog = await dialogs.of_channel(ask, channel)
    return dialog.top_message if dialog else 0


def _page_of_channel(messages: list[Any], found: Any) -> HistoryPage:
    return HistoryPage([types.UpdateNewChannelMessage(message, 0, 0) for message in messages], found.users, found.chats, messages[-1].id)


def _ascending(answer: Any) -> list[Any]:
    return sorted((one for one in getattr(answer, "messages", ()) if not isinstance(one, types.MessageEmpty)), key=lambda one: one.id)
