"""Reads the account's list of chats: the state of its channels, and the newest message of its own numbering.

https://core.telegram.org/method/messages.getDialogs sorts by last message, newest first; the first page begins with pinned chats.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from telethon.tl import functions, types

from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates.update_state import ChannelState

_log = logging.getLogger(__name__)
LIMIT = 100  # the most that Telegram returns at once


@dataclass(frozen=True)
class DialogPage:
    """Some chats. `message_id` is the newest of private chats and basic groups, 0 if there are none; `following` requests the next page."""

    channels: dict[int, ChannelState]
    message_id: int
    following: Any | None


def first() -> Any:
    """Return the request for the first page."""
    return functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), LIMIT, 0)


async def page(invoke: Invoke, request: Any) -> DialogPage:
    """Return the page that a request asks for, or a shorter page if that cannot be read.

    A chat whose last message cannot be read is skipped: the next message of a skipped channel makes it known.
    """
    try:
        answer = await invoke(request)
    except Unreadable as error:
        shorter = await _shorter_page(invoke, request, error)
        return replace(shorter, message_id=max(shorter.message_id, _newest(error.items)))  # chats precede their messages, and can be read
    found = _dialogs_in(answer.dialogs)
    hashes = {chat.id: chat.access_hash for chat in answer.chats if isinstance(chat, types.Channel) and not chat.min}
    return DialogPage(
        channels={
            dialog.peer.channel_id: state_of(dialog, hashes.get(dialog.peer.channel_id))
            for dialog in found
            if isinstance(dialog.peer, types.PeerChannel) and dialog.pts
        },
        message_id=_newest(found),
        following=_following(answer, found),
    )


async def of_channel(invoke: Invoke, channel: Any) -> Any | None:
    """Return a channel's dialog, even if its last message cannot be read; None if Telegram returns none."""
    try:
        items = (await invoke(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(channel)]))).dialogs
    except Unreadable as error:
        items = error.items
    return next((dialog for dialog in _dialogs_in(items) if getattr(dialog.peer, "channel_id", None) == channel.channel_id), None)


async def newest_message(invoke: Invoke) -> int:
    """Return the newest message id of private chats and basic groups: it is on the first page that has such a chat."""
    request = first()
    while request is not None:
        found = await page(invoke, request)
        if found.message_id:
            return found.message_id
        request = found.following
    return 0


async def _shorter_page(invoke: Invoke, request: Any, error: Unreadable) -> DialogPage:
    """Return half the page, or, for a page of one chat, an empty page that requests the chats behind it."""
    if request.limit > 1:
        return await page(invoke, _from(request.offset_date, request.offset_id, request.offset_peer, request.limit // 2))
    date = request.offset_date or (await invoke(functions.updates.GetStateRequest())).date + timedelta(seconds=1)
    _log.warning("chat unreadable", extra={"constructor": error.constructor})
    return DialogPage({}, 0, _from(await readable_before(invoke, date), 0, types.InputPeerEmpty(), LIMIT))


async def readable_before(invoke: Invoke, date: datetime) -> datetime:
    """Return the latest date before `date` from which a chat can be read, by doubling steps back, then halving.

    Takes some 60 requests if that date is years away.
    """
    reach = 1
    while not await _is_readable(invoke, date - timedelta(seconds=reach)):
        reach *= 2
    near, far = reach // 2, reach
    while far - near > 1:
        middle = (near + far) // 2
        if await _is_readable(invoke, date - timedelta(seconds=middle)):
            far = middle
        else:
            near = middle
    return date - timedelta(seconds=far)


async def _is_readable(invoke: Invoke, date: datetime) -> bool:
    if date.timestamp() <= 0:
        return True
    try:
        await invoke(_from(date, 0, types.InputPeerEmpty(), 1))
    except Unreadable:
        return False
    return True


def _from(date: datetime | None, message_id: int, peer: Any, limit: int) -> Any:
    """Return a request for chats except pinned chats, which come first whatever their date."""
    return functions.messages.GetDialogsRequest(date, message_id, peer, limit, 0, exclude_pinned=True)


def _dialogs_in(items: list[Any]) -> list[Any]:
    return [item for item in items if isinstance(item, types.Dialog)]


def _newest(items: list[Any]) -> int:
    return max((dialog.top_message for dialog in _dialogs_in(items) if not isinstance(dialog.peer, types.PeerChannel)), default=0)


def state_of(dialog: Any, access_hash: int | None) -> ChannelState:
    """Return a channel's state by its dialog."""
    return ChannelState(dialog.pts, dialog.top_message, access_hash)


def _following(answer: Any, dialogs: list[Any]) -> Any | None:
    """Return the request for the next page: its offset is the page's last chat's last message (https://core.telegram.org/api/offsets)."""
    if not isinstance(answer, types.messages.DialogsSlice) or not dialogs:
        return None
    by_position = {(_key(message.peer_id), message.id): message for message in answer.messages if message.peer_id}
    last = next(filter(None, (by_position.get((_key(dialog.peer), dialog.top_message)) for dialog in reversed(dialogs))), None)
    if last is None or not getattr(last, "date", None):
        return None
    return _from(last.date, last.id, _input(last.peer_id, answer), LIMIT)


def _key(peer: Any) -> tuple[str, int]:
    """Return a key that tells peers apart: people, groups and channels each have their own numbering."""
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
