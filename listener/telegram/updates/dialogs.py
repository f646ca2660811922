"""The account's list of chats: where its channels stand, and how far its own numbering has come.

https://core.telegram.org/method/messages.getDialogs: by last message, newest first, pinned ones before all others on the first page.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from telethon.tl import functions, types

from listener.telegram.connection.unreadable import Unreadable
from listener.telegram.updates.update_state import ChannelState

_log = logging.getLogger(__name__)
LIMIT = 100  # the most that Telegram gives at once
Ask = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class DialogPage:
    """Some chats. `message_id` is the newest of private chats and basic groups, 0 where there are none; `following` asks for the next."""

    channels: dict[int, ChannelState]
    message_id: int
    following: Any | None


def first() -> Any:
    """Return the request for the first page."""
    return functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), LIMIT, 0)


async def page(ask: Ask, request: Any) -> DialogPage:
    """Return the page that a request asks for, or a shorter one where that cannot be read.

    A chat whose last message cannot be read is passed over: a channel is met again with its next message.
    """
    try:
        answer = await ask(request)
    except Unreadable as error:
        found = await _around(ask, request, error)
        return replace(found, message_id=max(found.message_id, _newest(error.items)))  # chats come before their messages, and can be read
    told = _told(answer.dialogs)
    hashes = {chat.id: chat.access_hash for chat in answer.chats if isinstance(chat, types.Channel) and not chat.min}
    return DialogPage(
        channels={
            dialog.peer.channel_id: marks_of(dialog, hashes.get(dialog.peer.channel_id))
            for dialog in told
            if isinstance(dialog.peer, types.PeerChannel) and dialog.pts
        },
        message_id=_newest(told),
        following=_following(answer, told),
    )


async def of_channel(ask: Ask, channel: Any) -> Any | None:
    """Return a channel's dialog, also where its last message cannot be read; None where Telegram tells none."""
    try:
        told = (await ask(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(channel)]))).dialogs
    except Unreadable as error:
        told = error.items
    return next((one for one in _told(told) if getattr(one.peer, "channel_id", None) == channel.channel_id), None)


async def newest_message(ask: Ask) -> int:
    """Return the newest message id of private chats and basic groups: the first page has it, or has channels alone."""
    request = first()
    while request is not None:
        found = await page(ask, request)
        if found.message_id:
            return found.message_id
        request = found.following
    return 0


async def _around(ask: Ask, request: Any, error: Unreadable) -> DialogPage:
    """Return half the page, or where it is of one chat, nothing but what asks for those behind it."""
    if request.limit > 1:
        return await page(ask, _from(request.offset_date, request.offset_id, request.offset_peer, request.limit // 2))
    date = request.offset_date or (await ask(functions.updates.GetStateRequest())).date + timedelta(seconds=1)
    _log.warning("chat unreadable", extra={"constructor": error.constructor})
    return DialogPage({}, 0, _from(await _readable_before(ask, date), 0, types.InputPeerEmpty(), LIMIT))


async def _readable_before(ask: Ask, date: datetime) -> datetime:
    """Return the latest date from which on a chat can be read, where it cannot be from another: doubling steps back, then halving.

    Some 60 requests where it is years away.
    """
    reach = 1
    while not await _reads(ask, date - timedelta(seconds=reach)):
        reach *= 2
    near, far = reach // 2, reach
    while far - near > 1:
        middle = (near + far) // 2
        if await _reads(ask, date - timedelta(seconds=middle)):
            far = middle
        else:
            near = middle
    return date - timedelta(seconds=far)


async def _reads(ask: Ask, date: datetime) -> bool:
    if date.timestamp() <= 0:
        return True
    try:
        await ask(_from(date, 0, types.InputPeerEmpty(), 1))
    except Unreadable:
        return False
    return True


def _from(date: datetime | None, message_id: int, peer: Any, limit: int) -> Any:
    """Return a request for chats without the pinned ones, which come first whatever their date."""
    return functions.messages.GetDialogsRequest(date, message_id, peer, limit, 0, exclude_pinned=True)


def _told(items: list[Any]) -> list[Any]:
    return [item for item in items if isinstance(item, types.Dialog)]


def _newest(told: list[Any]) -> int:
    return max((dialog.top_message for dialog in _told(told) if not isinstance(dialog.peer, types.PeerChannel)), default=0)


def marks_of(dialog: Any, access_hash: int | None) -> ChannelState:
    """Return where a channel's dialog says that it stands."""
    return ChannelState(dialog.pts, dialog.top_message, access_hash)


def _following(answer: Any, dialogs: list[Any]) -> Any | None:
    """Return the request for what comes after a page: the offset is its last chat's last message (https://core.telegram.org/api/offsets)."""
    if not isinstance(answer, types.messages.DialogsSlice) or not dialogs:
        return None
    by_place = {(_key(message.peer_id), message.id): message for message in answer.messages if message.peer_id}
    last = next(filter(None, (by_place.get((_key(dialog.peer), dialog.top_message)) for dialog in reversed(dialogs))), None)
    if last is None or not getattr(last, "date", None):
        return None
    return _from(last.date, last.id, _input(last.peer_id, answer), LIMIT)


def _key(peer: Any) -> tuple[str, int]:
    """Return what tells peers apart: ids of people, groups and channels are numbers of their own."""
    return type(peer).__name__, next(iter(vars(peer).values()))


def _input(peer: Any, answer: Any) -> Any:
    users = {user.id: user for user in answer.users}
    chats = {chat.id: chat for chat in answer.chats}
    match peer:
        case types.PeerUser(user_id=number) if number in users:
            return types.InputPeerUser(number, users[number].access_hash or 0)
        case types.PeerChannel(channel_id=number) if number in chats:
            return types.InputPeerChannel(number, chats[number].access_hash or 0)
        case types.PeerChat(chat_id=number):
            return types.InputPeerChat(number)
    return types.InputPeerEmpty()
