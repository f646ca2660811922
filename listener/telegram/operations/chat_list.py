"""The command `chats`: the account's chats as its own list has them.

    pinned -> the others by last message -> the archive's pinned -> the archive's others         each part is asked for by itself

The pinned ones are asked for apart, as official clients do it: `messages.getDialogs` has them in its first page alone, whatever their
date, and a short page would leave some out (https://core.telegram.org/method/messages.getPinnedDialogs). Telegram sorts by last message,
so a chat where something is written while somebody pages moves to the front, before what they still read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from listener.telegram.operations.chat_views import ARCHIVE, ChatsOfAnswer, chats_of
from listener.telegram.operations.operation_runner import ConnectedAccount, Operation, Performer
from listener.telegram.operations.pages import NUMBER, cursor_of, filled, place_of
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates import dialogs
from shared.rpc.chats import Chat, ChatPage, ListChats

_BOUNDS = ((0, ARCHIVE), (-1, 1000), NUMBER, NUMBER, (-(10**14), 10**14))
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Place:
    """A place in the list: in a folder, behind so many pinned chats, or behind a chat by its last message (`pinned` is -1 then)."""

    folder: int = 0
    pinned: int = 0
    date: int = 0
    message_id: int = 0
    chat_id: int = 0

    @property
    def cursor(self) -> str:
        return cursor_of("chats", self.folder, self.pinned, self.date, self.message_id, self.chat_id)

    @property
    def after_pinned(self) -> _Place:
        return _Place(self.folder, -1)

    @property
    def next_folder(self) -> _Place | None:
        return _Place(ARCHIVE) if self.folder != ARCHIVE else None


async def list_chats(account: Performer, command: ListChats) -> ChatPage:
    """Run the command `chats`; raise `invalid_request` for a cursor that is none."""
    start = _Place(*place_of(command.cursor, "chats", *_BOUNDS)) if command.cursor else _Place()

    async def run(at: ConnectedAccount) -> ChatPage:
        chats, place = await filled(start, command.limit, partial(_part, at))
        return ChatPage(chats=tuple(chats), next=place.cursor if place else None)

    return await account.perform(Operation(run, changes=False))


async def _part(at: ConnectedAccount, place: _Place, count: int) -> tuple[list[Chat], _Place | None]:
    """Return up to `count` chats, and where they end."""
    return await (_pinned if place.pinned >= 0 else _by_date)(at, place, count)


async def _pinned(at: ConnectedAccount, place: _Place, count: int) -> tuple[list[Chat], _Place | None]:
    try:
        answer = await at.client.invoke(functions.messages.GetPinnedDialogsRequest(place.folder))
        found = ChatsOfAnswer.of(answer)
    except Unreadable as error:  # the chats come before their messages, and can be read
        found = ChatsOfAnswer(error.items)
    end = place.pinned + count
    following = replace(place, pinned=end) if end < len(found.dialogs) else place.after_pinned
    return await chats_of(at, replace(found, dialogs=found.dialogs[place.pinned : end])), following


async def _by_date(at: ConnectedAccount, place: _Place, count: int) -> tuple[list[Chat], _Place | None]:
    try:
        answer = await at.client.invoke(_request(place, count))
    except Unreadable as error:
        if count > 1:
            raise
        return await chats_of(at, ChatsOfAnswer(error.items)), await _behind_unreadable(at, place, error)
    found = ChatsOfAnswer.of(answer)
    following = _behind(found, place) if isinstance(answer, types.messages.DialogsSlice) else None
    return await chats_of(at, found), following or place.next_folder


def _behind(found: ChatsOfAnswer, place: _Place) -> _Place | None:
    """Return the place behind the last chat, by its last message: https://core.telegram.org/api/offsets."""
    last = next(filter(None, map(found.last_message, reversed(found.dialogs))), None)
    if last is None:
        return None
    return replace(place, date=int(last.date.timestamp()), message_id=last.id, chat_id=utils.get_peer_id(last.peer_id))


async def _behind_unreadable(at: ConnectedAccount, place: _Place, error: Unreadable) -> _Place:
    """Return the place behind a chat whose last message cannot be read: nothing but a date passes over it."""
    _log.warning("chat unreadable", extra={"constructor": error.constructor})
    date = datetime.fromtimestamp(place.date, UTC) if place.date else await _newest(at) + timedelta(seconds=1)
    before = await dialogs.readable_before(at.client.invoke, date)
    return replace(place, date=int(before.timestamp()), message_id=0, chat_id=0)


async def _newest(at: ConnectedAccount) -> datetime:
    date: datetime = (await at.client.invoke(functions.updates.GetStateRequest())).date
    return date


def _request(place: _Place, count: int) -> Any:
    date = datetime.fromtimestamp(place.date, UTC) if place.date else None
    peer = _offset_peer(place.chat_id) if place.chat_id else types.InputPeerEmpty()
    return functions.messages.GetDialogsRequest(date, place.message_id, peer, count, 0, exclude_pinned=True, folder_id=place.folder)


def _offset_peer(chat_id: int) -> Any:
    """Return a chat as a place in the list: Telegram does not look at its access hash."""
    number, kind = utils.resolve_id(chat_id)
    if kind is types.PeerChat:
        return types.InputPeerChat(number)
    return types.InputPeerUser(number, 0) if kind is types.PeerUser else types.InputPeerChannel(number, 0)
