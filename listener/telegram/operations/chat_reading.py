"""The commands that read one chat: what it is, its messages, one of them.

Telegram's own chat has the codes of log-ins: whoever reads them takes the account over. It is not read here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from listener.telegram.operations.chat_views import ChatsOfAnswer, fields_of_chat, told
from listener.telegram.operations.cursors import NUMBER, cursor_of, place_of
from listener.telegram.operations.message_lookup import messages_of_chat, number_of
from listener.telegram.operations.operation_runner import Connected, Operation, Performer
from listener.telegram.operations.recipients import resolve
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates.event_mapping import SERVICE_USER_ID
from shared.errors import AvioError, Code
from shared.model.event import Message
from shared.rpc.chats import ChatInFull, FoundMessage, GetChat, GetMessage, ListMessages, MessagePage
from shared.rpc.paging import MOST_BYTES, size_of

MOST_REQUESTS = 20
"""Requests for one page of messages at most; then it is shorter. One is enough unless much of it is no message, or cannot be read."""
_log = logging.getLogger(__name__)


async def chat_named(at: Connected, to: str) -> tuple[int, Any]:
    """Return the marked id and the input peer of a chat that may be read; raise what `resolve` raises."""
    chat_id, peer = await resolve(at.client, at.peers, at.self_id, to)
    if chat_id == SERVICE_USER_ID:
        raise AvioError(Code.PEER_NOT_FOUND, "Telegram's own chat has the codes of log-ins: it is not shown here.")
    return chat_id, peer


def input_user(peer: Any) -> Any:
    """Return a user as requests about users name them; raise `user_not_found` for what is no user."""
    try:
        return utils.get_input_user(peer)
    except TypeError:
        raise AvioError(Code.USER_NOT_FOUND, "This is no user, but a group or channel.") from None


async def get_chat(account: Performer, command: GetChat) -> ChatInFull:
    """Run the command `chats/get`; raise `chat_private` for what the account may not see."""

    async def run(at: Connected) -> ChatInFull:
        chat_id, peer = await chat_named(at, command.to)
        found = await _dialog(at, peer)
        dialog = next((each for each in found.dialogs if utils.get_peer_id(each.peer) == chat_id), None)
        if dialog is None:
            raise AvioError(Code.PEER_NOT_FOUND)
        page = at.peers.page([*found.entities.values()])
        fields = fields_of_chat(at, found, dialog, page)
        await at.peers.keep(page)
        about, count = await _full(at, peer)
        return ChatInFull(
            **fields,
            about=about or None,
            members_count=count,
            member=_is_member(found.entities.get(chat_id)),
            read_up_to=str(dialog.read_inbox_max_id) if dialog.read_inbox_max_id else None,
            others_read_up_to=str(dialog.read_outbox_max_id) if dialog.read_outbox_max_id else None,
        )

    return await account.perform(Operation(run, changes=False))


async def list_messages(account: Performer, command: ListMessages) -> MessagePage:
    """Run the command `chats/messages`; raise `invalid_request` for a cursor that is none, `message_not_found` for ids that are none."""
    start = _start(command)
    after = number_of(command.after) if command.after else 0

    async def run(at: Connected) -> MessagePage:
        chat_id, peer = await chat_named(at, command.to)
        reading = _Reading(at, chat_id, _search(peer, command.query, after) if command.query else _history(peer, after))
        return await reading.page(start, command.limit)

    return await account.perform(Operation(run, changes=False))


async def get_message(account: Performer, command: GetMessage) -> FoundMessage:
    """Run the command `chats/message`; raise `message_not_found`."""
    number = number_of(command.message_id)

    async def run(at: Connected) -> FoundMessage:
        chat_id, peer = await chat_named(at, command.to)
        for message in await messages_of_chat(at, chat_id, peer, [number]):
            if found := told(message, at.self_id, at.peers):
                return FoundMessage(message=found)
        raise AvioError(Code.MESSAGE_NOT_FOUND)

    return await account.perform(Operation(run, changes=False))


@dataclass(frozen=True)
class _From:
    """A place in a history: before a message (0: the newest), and past so many more, which cannot be read."""

    before: int = 0
    skipped: int = 0

    @property
    def cursor(self) -> str:
        return cursor_of("messages", self.before, self.skipped)


def _start(command: ListMessages) -> _From:
    if command.cursor:
        return _From(*place_of(command.cursor, "messages", NUMBER, (0, 1000)))
    return _From(number_of(command.before)) if command.before else _From()


Ask = Callable[[_From, int], Any]
"""Returns the request for so many messages from a place on."""


def _history(peer: Any, after: int) -> Ask:
    return lambda place, count: functions.messages.GetHistoryRequest(peer, place.before, None, place.skipped, count, 0, after, 0)


def _search(peer: Any, query: str, after: int) -> Ask:
    every = types.InputMessagesFilterEmpty()
    return lambda place, count: functions.messages.SearchRequest(
        peer, query, every, None, None, place.before, place.skipped, count, 0, after, 0
    )


@dataclass
class _Reading:
    """Reads one chat, the newest message first."""

    at: Connected
    chat_id: int
    ask: Ask

    async def page(self, start: _From, limit: int) -> MessagePage:
        """Return up to `limit` messages. What is no message, or cannot be read, is passed over."""
        found: list[Message] = []
        place: _From | None = start
        most, size = limit, 0
        for _ in range(MOST_REQUESTS):
            here, count = place, min(most, limit - len(found))
            if here is None or not count:
                break
            try:
                some, following = await self._some(here, count)
            except Unreadable as error:
                most, place = self._narrower(here, count, error)
                continue
            if (size := size + size_of(some)) > MOST_BYTES and count > 1:
                if found:
                    break
                most, size = count // 2, 0
                continue
            found += some
            place, most = following, most * 2
        return MessagePage(messages=tuple(found), next=place.cursor if place else None)

    async def _some(self, place: _From, count: int) -> tuple[list[Message], _From | None]:
        answer = await self.at.client.invoke(self.ask(place, count))
        page = self.at.peers.page([*answer.users, *answer.chats])
        messages = [message for message in answer.messages if not isinstance(message, types.MessageEmpty)]
        found = [message for message in (told(each, self.at.self_id, page) for each in messages) if message]
        for message in found:
            if message.sender_id:
                page.note_message(self.chat_id, int(message.sender_id), (int(message.message_id), message.date))
        await self.at.peers.keep(page)
        whole = isinstance(answer, types.messages.Messages) and len(messages) < count
        return found, None if whole or not answer.messages else _From(answer.messages[-1].id)

    def _narrower(self, place: _From, count: int, error: Unreadable) -> tuple[int, _From]:
        """Return half the count, or, where one message stands alone, the place behind it."""
        if count > 1:
            return count // 2, place
        _log.warning("message unreadable", extra={"constructor": error.constructor})
        return 1, replace(place, skipped=place.skipped + 1)


async def _dialog(at: Connected, peer: Any) -> ChatsOfAnswer:
    """Return a chat as it is in the list, or would be there."""
    try:
        return ChatsOfAnswer.of(await at.client.invoke(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(peer)])))
    except Unreadable as error:  # its last message cannot be read; the chat comes before it
        return ChatsOfAnswer(error.items)


async def _full(at: Connected, peer: Any) -> tuple[str | None, int | None]:
    """Return what a chat says of itself, and how many are in it as far as that is shown."""
    match peer:
        case types.InputPeerChannel():
            full = (await at.client.invoke(functions.channels.GetFullChannelRequest(utils.get_input_channel(peer)))).full_chat
            return full.about, full.participants_count
        case types.InputPeerChat():
            answer = await at.client.invoke(functions.messages.GetFullChatRequest(peer.chat_id))
            members = getattr(answer.full_chat.participants, "participants", None)
            return answer.full_chat.about, None if members is None else len(members)
    answer = await at.client.invoke(functions.users.GetFullUserRequest(input_user(peer)))
    return answer.full_user.about, None


def _is_member(entity: Any) -> bool:
    if isinstance(entity, types.ChatForbidden | types.ChannelForbidden):
        return False
    return not getattr(entity, "left", False)
