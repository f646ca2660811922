"""messages.*: reading what was written (https://core.telegram.org/api/offsets), and marking it as read."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from telethon.tl import functions, types

from local.telegram.model.box import Box
from local.telegram.model.message import Message
from local.telegram.rpc.call import Call
from local.telegram.rpc.peers import peer_person
from local.telegram.rpc.table import Methods
from local.telegram.views.messages import message_object

METHODS = Methods()
LIMIT_MAX = 100


@METHODS.serves(functions.messages.GetHistoryRequest)
def get_history(call: Call, request: Any) -> Any:
    """Return a page of a chat, newest first: `offset_id` or else `offset_date` says where, `add_offset` moves from there.

    `min_id` and `max_id` filter the page afterwards (https://core.telegram.org/api/offsets).
    """
    peer = peer_person(call, request.peer)
    chat = call.box.chats.get(peer.id)
    ids = chat.ids if chat else []
    newest = _older_than(call.box, ids, request) - request.add_offset
    oldest = newest - min(request.limit, LIMIT_MAX)
    window = ids[max(0, oldest) : max(0, newest)]
    page = [call.box.messages[i] for i in reversed(window) if i > request.min_id and not 0 < request.max_id <= i]
    return _messages(call, page, len(ids))


@METHODS.serves(functions.messages.GetMessagesRequest)
def get_messages(call: Call, request: Any) -> Any:
    """Return messages by id in the order asked for; what is not there is `messageEmpty`."""
    found = [(asked.id, call.box.messages.get(asked.id)) for asked in request.id]
    messages = [message_object(call.world, message) if message else types.MessageEmpty(id=i, peer_id=None) for i, message in found]
    return types.messages.Messages(messages, [], [], _users(call, [message for _, message in found if message]))


@METHODS.serves(functions.messages.ReadHistoryRequest)
def read_history(call: Call, request: Any) -> Any:
    """Mark a chat as read; both sides get an update with its own pts."""
    peer = peer_person(call, request.peer)
    changed = call.services.chats.read(call.me, peer, request.max_id, call.key)
    return types.messages.AffectedMessages(call.box.pts, int(changed))


@METHODS.serves(functions.messages.SetTypingRequest)
def set_typing(call: Call, request: Any) -> Any:
    peer = peer_person(call, request.peer)
    if peer is not call.me:
        call.services.chats.typing(call.me, peer, request.action)
    return True


@METHODS.serves(functions.messages.ReceivedMessagesRequest)
def received_messages(call: Call, request: Any) -> Any:
    return []


def _older_than(box: Box, ids: list[int], request: Any) -> int:
    """Return how many of the chat's messages lie before the offset."""
    if request.offset_id:
        return bisect_left(ids, request.offset_id)
    date = int(request.offset_date.timestamp()) if request.offset_date else 0
    return bisect_left(ids, date, key=lambda i: box.messages[i].date) if date > 0 else len(ids)


def _messages(call: Call, page: list[Message], count: int) -> Any:
    messages, users = [message_object(call.world, message) for message in page], _users(call, page)
    if len(page) == count:
        return types.messages.Messages(messages, [], [], users)
    return types.messages.MessagesSlice(count=count, messages=messages, topics=[], chats=[], users=users)


def _users(call: Call, messages: list[Message]) -> list[Any]:
    return call.services.people.users(call.key, {person for message in messages for person in (message.peer, message.sender)})
