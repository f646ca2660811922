"""Looks up messages by number, in the chat that they are said to be in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from telethon import utils
from telethon.tl import functions, types

from listener.telegram.operations.operation_runner import Connected
from shared.errors import AvioError, Code

_NUMBER = re.compile(r"[0-9]{1,10}")
_MAX = (1 << 31) - 1


def number_of(message_id: str) -> int:
    """Return a message's number; raise `message_not_found` for what cannot be one of Telegram's."""
    if not _NUMBER.fullmatch(message_id) or not 0 < int(message_id) <= _MAX:
        raise AvioError(Code.MESSAGE_NOT_FOUND)
    return int(message_id)


async def messages_of_chat(at: Connected, chat_id: int, peer: Any, numbers: Sequence[int]) -> list[Any]:
    """Return the messages of these numbers that are in this chat, in the order asked for.

    Outside channels numbers are the account's own, whatever the chat: https://core.telegram.org/method/messages.getMessages
    """
    asked = [types.InputMessageID(number) for number in numbers]
    if isinstance(peer, types.InputPeerChannel):
        channel = types.InputChannel(peer.channel_id, peer.access_hash)
        answer = await at.client.invoke(functions.channels.GetMessagesRequest(channel, asked))
    else:
        answer = await at.client.invoke(functions.messages.GetMessagesRequest(asked))
    at.peers.learn([*answer.users, *answer.chats])
    return [message for message in answer.messages if not isinstance(message, types.MessageEmpty) and _chat_of(message) == chat_id]


def _chat_of(message: Any) -> int:
    return int(utils.get_peer_id(message.peer_id))
