"""Reads messages from the history that Telegram no longer sends by a difference: ascending, in pages of at most 100.

Private chats and basic groups share one numbering per account, so `messages.getMessages` reads all of them by id. `messages.getHistory`
reads a supergroup or channel (https://core.telegram.org/api/offsets: a negative `add_offset` turns the page towards newer messages).

A page that cannot be read is read by ids, in halves of halves, until the unreadable message stands alone and is skipped: about 14
requests for an unreadable message in a hundred.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from telethon.tl import functions, types

from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates import dialogs

PAGE = 100
_NO_MESSAGE = (1 << 31) - 1
_STEPS_BACK = (0, 1, 3, 7, 15, 31, 63)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HistoryPage:
    """Messages as updates, the users and chats in them, and the highest id that is known after them."""

    updates: list[Any]
    users: list[Any]
    chats: list[Any]
    message_id: int


@dataclass
class _Found:
    """Messages that were read by ids, ascending, the users and chats in them, and how many messages were skipped."""

    messages: list[Any] = field(default_factory=list)
    users: list[Any] = field(default_factory=list)
    chats: list[Any] = field(default_factory=list)
    skipped: int = 0

    def add(self, answer: Any) -> None:
        """Add an answer's messages, users and chats."""
        self.messages += _ascending(answer)
        self.users += answer.users
        self.chats += answer.chats


async def of_account(invoke: Invoke, after: int, top: int) -> AsyncIterator[HistoryPage]:
    """Read the messages of private chats and basic groups with ids behind `after` and up to `top`."""
    for start in range(after + 1, top + 1, PAGE):
        end = min(start + PAGE - 1, top)
        found = await _by_ids(invoke, functions.messages.GetMessagesRequest, range(start, end + 1))
        yield HistoryPage([types.UpdateNewMessage(message, 0, 0) for message in found.messages], found.users, found.chats, end)


async def of_channel(invoke: Invoke, channel: Any, after: int, top: int | None, since: int = 0) -> AsyncIterator[HistoryPage]:
    """Read a channel's messages with ids behind `after`, up to `top` or to the newest.

    If `after` is 0, read from `since` (epoch seconds) on. Raises Unreadable if nothing of the channel can be read.
    """
    date = datetime.fromtimestamp(since, UTC) if since and not after else None
    while top is None or after < top:
        try:
            answer = await invoke(functions.messages.GetHistoryRequest(channel, after + 1 if after else 0, date, -PAGE, PAGE, 0, 0, 0))
        except Unreadable:
            break
        new = [message for message in _ascending(answer) if message.id > after]
        wanted = [message for message in new if top is None or message.id <= top]
        if wanted:
            after, date = wanted[-1].id, None
            yield _page_of_channel(wanted, answer)
        if not wanted or len(wanted) < len(new):  # a short page does not mean the end: Telegram may leave messages out
            return
    else:
        return
    if date is not None:
        after = await _newest_before(invoke, channel, date)
    async for page in _channel_by_ids(invoke, channel, after, await _newest(invoke, channel) if top is None else top, date):
        yield page


async def _channel_by_ids(invoke: Invoke, channel: Any, after: int, top: int, date: datetime | None) -> AsyncIterator[HistoryPage]:
    """Read a channel's messages by id, behind `after` and up to `top`; keep those from a date on."""
    for start in range(after + 1, top + 1, PAGE):
        end = min(start + PAGE - 1, top)
        found = await _by_ids(invoke, partial(functions.channels.GetMessagesRequest, channel), range(start, end + 1))
        if found.skipped == end + 1 - start:  # then the channel itself may be unreadable: this raises if it is
            await invoke(functions.channels.GetMessagesRequest(channel, [types.InputMessageID(_NO_MESSAGE)]))
        wanted = [message for message in found.messages if date is None or message.date >= date]
        if wanted:
            yield _page_of_channel(wanted, found)


async def _by_ids(invoke: Invoke, request: Callable[[list[Any]], Any], ids: Sequence[int]) -> _Found:
    """Read messages by id, and skip those that cannot be read."""
    found, pieces = _Found(), [ids]
    while pieces:
        piece = pieces.pop()
        try:
            found.add(await invoke(request([types.InputMessageID(number) for number in piece])))
        except Unreadable as error:
            middle = len(piece) // 2
            if middle:
                pieces += [piece[middle:], piece[:middle]]
            else:
                found.skipped += 1
                _log.warning("message unreadable", extra={"message_id": piece[0], "constructor": error.constructor})
    return found


async def _newest_before(invoke: Invoke, channel: Any, date: datetime) -> int:
    """Return the id of a channel's newest readable message before a date, 0 if there is none."""
    for back in _STEPS_BACK[:-1]:
        try:
            return await _older(invoke, channel, date, back)
        except Unreadable:
            continue
    return await _older(invoke, channel, date, _STEPS_BACK[-1])


async def _older(invoke: Invoke, channel: Any, date: datetime, back: int) -> int:
    answer = await invoke(functions.messages.GetHistoryRequest(channel, 0, date, back, 1, 0, 0, 0))
    return answer.messages[0].id if answer.messages else 0


async def _newest(invoke: Invoke, channel: Any) -> int:
    dialog = await dialogs.of_channel(invoke, channel)
    return dialog.top_message if dialog else 0


def _page_of_channel(messages: list[Any], found: Any) -> HistoryPage:
    return HistoryPage([types.UpdateNewChannelMessage(message, 0, 0) for message in messages], found.users, found.chats, messages[-1].id)


def _ascending(answer: Any) -> list[Any]:
    return sorted((item for item in getattr(answer, "messages", ()) if not isinstance(item, types.MessageEmpty)), key=lambda item: item.id)
