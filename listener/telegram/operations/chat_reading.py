"""The commands that read one chat: what it is, its messages, one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from listener.telegram.operations.chat_views import ChatsOfAnswer, fields_of_chat, told
from listener.telegram.operations.message_lookup import messages_of_chat, number_of
from listener.telegram.operations.operation_runner import ConnectedAccount, Operation, Performer
from listener.telegram.operations.pages import NUMBER, cursor_of, filled, place_of
from listener.telegram.operations.recipients import readable
from listener.telegram.requests.unreadable import Unreadable
from shared.errors import AvioError, Code
from shared.model.event import Message
from shared.rpc.chats import ChatInFull, FoundMessage, GetChat, GetMessage, ListMessages, MessagePage

_log = logging.getLogger(__name__)


def input_user(peer: Any) -> Any:
    """Return a user as requests about users name them; raise `user_not_found` for what is no user."""
    try:
        return utils.get_input_user(peer)
    except TypeError:
        raise AvioError(Code.USER_NOT_FOUND, "This is no user, but a group or channel.") from None


async def get_chat(account: Performer, command: GetChat) -> ChatInFull:
    """Run the command `chats/get`; raise `not_a_member` for what the account may not see."""

    async def run(at: ConnectedAccount) -> ChatInFull:
        chat_id, peer = await readable(at.client, at.peers, at.self_id, command.to)
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

    async def run(at: ConnectedAccount) -> MessagePage:
        chat_id, peer = await readable(at.client, at.peers, at.self_id, command.to)
        ask = _search(peer, command.query, after) if command.query else _history(peer, after)
        messages, place = await filled(start, command.limit, partial(_part, at, chat_id, ask))
        return MessagePage(messages=tuple(messages), next=place.cursor if place else None)

    return await account.perform(Operation(run, changes=False))


async def get_message(account: Performer, command: GetMessage) -> FoundMessage:
    """Run the command `chats/message`; raise `message_not_found`."""
    number = number_of(command.message_id)

    async def run(at: ConnectedAccount) -> FoundMessage:
        chat_id, peer = await readable(at.client, at.peers, at.self_id, command.to)
        for message in await messages_of_chat(at, chat_id, peer, [number]):
            if found := told(message, at, at.peers):
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


async def _part(at: ConnectedAccount, chat_id: int, ask: Ask, place: _From, count: int) -> tuple[list[Message], _From | None]:
    """Return up to `count` messages, the newest first. What is no message is passed over, and so is one that cannot be read."""
    try:
        answer = await at.client.invoke(ask(place, count))
    except Unreadable as error:
        if count > 1:
            raise
        _log.warning("message unreadable", extra={"constructor": error.constructor})
        return [], replace(place, skipped=place.skipped + 1)
    page = at.peers.page([*answer.users, *answer.chats])
    found = [message for message in (told(each, at, page) for each in answer.messages) if message]
    for message in found:
        if message.sender_id:
            page.note_message(chat_id, int(message.sender_id), (int(message.message_id), message.date))
    await at.peers.keep(page)
    whole = isinstance(answer, types.messages.Messages) and len(answer.messages) < count
    return found, None if whole or not answer.messages else _From(answer.messages[-1].id)


async def _dialog(at: ConnectedAccount, peer: Any) -> ChatsOfAnswer:
    """Return a chat as it is in the list, or would be there."""
    try:
        return ChatsOfAnswer.of(await at.client.invoke(functions.messages.GetPeerDialogsRequest([types.InputDialogPeer(peer)])))
    except Unreadable as error:  # its last message cannot be read; the chat comes before it
        return ChatsOfAnswer(error.items)


async def _full(at: ConnectedAccount, peer: Any) -> tuple[str | None, int | None]:
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
