"""The account's list of chats: where its channels stand, and how far its own numbering has come.

https://core.telegram.org/method/messages.getDialogs: by last message, newest first, pinned ones before all others on the first page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from telethon.tl import functions, types

from listener.marks import ChannelMarks

LIMIT = 100  # the most that Telegram gives at once
Ask = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class Page:
    """Some chats. `message_id` is the newest of private chats and basic groups, 0 where there are none; `following` asks for the next."""

    channels: dict[int, ChannelMarks]
    message_id: int
    following: Any | None


def first() -> Any:
    """Return the request for the first page."""
    return functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), LIMIT, 0)


async def page(ask: Ask, request: Any) -> Page:
    """Return the page that a request asks for."""
    answer = await ask(request)
    dialogs = [dialog for dialog in answer.dialogs if isinstance(dialog, types.Dialog)]
    hashes = {chat.id: chat.access_hash for chat in answer.chats if isinstance(chat, types.Channel) and not chat.min}
    return Page(
        channels={
            dialog.peer.channel_id: marks_of(dialog, hashes.get(dialog.peer.channel_id))
            for dialog in dialogs
            if isinstance(dialog.peer, types.PeerChannel) and dialog.pts
        },
        message_id=max((dialog.top_message for dialog in dialogs if not isinstance(dialog.peer, types.PeerChannel)), default=0),
        following=_following(answer, dialogs),
    )


async def newest_message(ask: Ask) -> int:
    """Return the newest message id of private chats and basic groups: the first page has it, or has channels alone."""
    request = first()
    while request is not None:
        found = await page(ask, request)
        if found.message_id:
            return found.message_id
        request = found.following
    return 0


def marks_of(dialog: Any, access_hash: int | None) -> ChannelMarks:
    """Return where a channel's dialog says that it stands."""
    return ChannelMarks(dialog.pts, dialog.top_message, access_hash)


def _following(answer: Any, dialogs: list[Any]) -> Any | None:
    """Return the request for what comes after a page: the offset is its last chat's last message (https://core.telegram.org/api/offsets)."""
    if not isinstance(answer, types.messages.DialogsSlice) or not dialogs:
        return None
    by_place = {(_key(message.peer_id), message.id): message for message in answer.messages if message.peer_id}
    last = next(filter(None, (by_place.get((_key(dialog.peer), dialog.top_message)) for dialog in reversed(dialogs))), None)
    if last is None or not getattr(last, "date", None):
        return None
    return functions.messages.GetDialogsRequest(last.date, last.id, _input(last.peer_id, answer), LIMIT, 0, exclude_pinned=True)


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
