"""Changes messages that exist: edit, delete, react, pin.

Each request brings about a state, so Telegram's "not modified" counts as done, and a repeat does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.telegram.operations.entities import telegram_entities
from listener.telegram.operations.known_media import KnownMedia
from listener.telegram.operations.message_lookup import messages_of_chat, number_of
from listener.telegram.operations.operation_runner import Connected, Operation, Performer
from listener.telegram.operations.recipients import resolve
from listener.telegram.requests.channel_deletion import DeleteChannelMessages
from shared.errors import AvioError, Code
from shared.rpc.message_changes import DeleteMessages, DeletionResult, EditMessage, MessageChanged, PinMessage, SetReactions

_CUSTOM_EMOJI = re.compile(r"[0-9]{5,20}")


async def edit_message(account: Performer, command: EditMessage, media: KnownMedia | None = None) -> MessageChanged:
    """Give a message another text, and other media if there are any.

    Raises `message_not_found`, `message_author_required` or `edit_time_expired`, and what its entities raise.
    """
    message_id = number_of(command.message_id)

    async def request(at: Connected, peer: Any) -> Any:
        return functions.messages.EditMessageRequest(
            peer,
            message_id,
            no_webpage=not command.link_preview,
            message=command.text,
            entities=await telegram_entities(at, command.entities) or None,
            media=await media.of(at, peer) if media else None,
        )

    return await _change(account, command.to, message_id, request)


async def set_reactions(account: Performer, command: SetReactions) -> MessageChanged:
    """Run the command `react`; raise `message_not_found` or `reaction_invalid`."""
    message_id = number_of(command.message_id)

    async def request(_: Connected, peer: Any) -> Any:
        return functions.messages.SendReactionRequest(
            peer, message_id, big=command.big, add_to_recent=False, reaction=[_reaction(each) for each in command.reactions]
        )

    try:
        return await _change(account, command.to, message_id, request)
    except AvioError as error:
        if error.code is Code.ATTACHMENT_REFUSED:  # the number of a custom emoji that there is not
            raise AvioError(Code.REACTION_INVALID, **error.fields) from error.__cause__
        raise


async def pin_message(account: Performer, command: PinMessage) -> MessageChanged:
    """Run the command `pin`; raise `message_not_found` or `pin_forbidden`."""
    message_id = number_of(command.message_id)

    async def request(_: Connected, peer: Any) -> Any:
        return functions.messages.UpdatePinnedMessageRequest(
            peer, message_id, silent=command.silent, unpin=not command.pinned, pm_oneside=not command.for_all
        )

    return await _change(account, command.to, message_id, request)


async def delete_messages(account: Performer, command: DeleteMessages) -> DeletionResult:
    """Run the command `delete`; raise `message_not_found` if none of the messages is in this chat.

    Outside channels Telegram deletes by number alone, in whatever chat a message is. So the messages are looked up first.
    """
    asked = [number_of(each) for each in command.message_ids]
    found: list[int] = []  # kept over tries: the answer to a deletion that was done may be lost

    async def run(at: Connected) -> DeletionResult:
        chat_id, peer = await resolve(at.client, at.peers, at.self_id, command.to)
        if not found:
            found.extend(message.id for message in await messages_of_chat(at, chat_id, peer, asked))
        if not found:
            raise AvioError(Code.MESSAGE_NOT_FOUND)
        if isinstance(peer, types.InputPeerChannel):
            channel = types.InputChannel(peer.channel_id, peer.access_hash)
            await at.client.invoke(DeleteChannelMessages(channel, found))
        else:
            await at.client.invoke(functions.messages.DeleteMessagesRequest(found, revoke=command.for_all))
        return DeletionResult(chat_id=str(chat_id), message_ids=[str(each) for each in found])

    return await account.perform(Operation(run))


async def _change(account: Performer, to: str, message_id: int, request: Callable[[Connected, Any], Awaitable[Any]]) -> MessageChanged:
    async def run(at: Connected) -> MessageChanged:
        chat_id, peer = await resolve(at.client, at.peers, at.self_id, to)
        try:
            answer = await at.client.invoke(await request(at, peer))
        except (errors.MessageNotModifiedError, errors.ChatNotModifiedError):
            date = await _changed_at(at, chat_id, peer, message_id)
        else:
            date = answer.date
        return MessageChanged(chat_id=str(chat_id), message_id=str(message_id), date=date)

    return await account.perform(Operation(run))


async def _changed_at(at: Connected, chat_id: int, peer: Any, message_id: int) -> datetime:
    """Return when a message was last changed, or else when it was sent; raise `message_not_found`."""
    found = await messages_of_chat(at, chat_id, peer, [message_id])
    if not found:
        raise AvioError(Code.MESSAGE_NOT_FOUND)
    date: datetime = getattr(found[0], "edit_date", None) or found[0].date
    return date


def _reaction(text: str) -> Any:
    return types.ReactionCustomEmoji(int(text)) if _CUSTOM_EMOJI.fullmatch(text) else types.ReactionEmoji(text)
