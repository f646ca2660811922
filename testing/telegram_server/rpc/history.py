"""messages.*: reading what was written (https://core.telegram.org/api/offsets), and marking it as read."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Any

from telethon.tl import functions, types

from testing.telegram_server.model.box import Box
from testing.telegram_server.model.dialog import Dialog, dialog_of
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.peer import is_channel
from testing.telegram_server.rpc.call import Call
from testing.telegram_server.rpc.errors import bad_request
from testing.telegram_server.rpc.peers import number, peer_of
from testing.telegram_server.rpc.table import Methods
from testing.telegram_server.views.messages import message_object

METHODS = Methods()
LIMIT_MAX = 100


@METHODS.serves(functions.messages.GetHistoryRequest)
def get_history(call: Call, request: Any) -> Any:
    """Return a page of a chat, newest first: `offset_id` or else `offset_date` says where, `add_offset` moves from there.

    `min_id` and `max_id` filter the page afterwards (https://core.telegram.org/api/offsets).
    """
    dialog = dialog_of(call.world, call.me.id, number(peer_of(call, request.peer)))
    return _page(call, dialog, dialog.chat.ids, request)


@METHODS.serves(functions.messages.SearchRequest)
def search(call: Call, request: Any) -> Any:
    """Return a page of the messages of a chat that have the words, newest first, as `get_history` pages.

    Each word asked for begins a word of the text, in any case. Only the filter of everything is there.
    """
    wanted = request.q.casefold().split()
    if not isinstance(request.filter, types.InputMessagesFilterEmpty):
        raise bad_request("INPUT_FILTER_INVALID")
    if not wanted:
        raise bad_request("SEARCH_QUERY_EMPTY")
    dialog = dialog_of(call.world, call.me.id, number(peer_of(call, request.peer)))
    found = [i for i in dialog.chat.ids if has_words(dialog.box.messages[i].text, wanted)]
    return _page(call, dialog, found, request)


def has_words(text: str, wanted: list[str]) -> bool:
    """Tell whether each of some words, in lower case, begins a word of a text."""
    words = re.findall(r"\w+", text.casefold())
    return all(any(word.startswith(each) for word in words) for each in wanted)


def _page(call: Call, dialog: Dialog, ids: list[int], request: Any) -> Any:
    box = dialog.box
    newest = _older_than(box, ids, request) - request.add_offset
    oldest = newest - min(request.limit, LIMIT_MAX)
    window = ids[max(0, oldest) : max(0, newest)]
    page = [box.messages[i] for i in reversed(window) if i > request.min_id and not 0 < request.max_id <= i]
    return _messages(call, dialog, page, len(ids))


@METHODS.serves(functions.messages.GetMessagesRequest)
def get_messages(call: Call, request: Any) -> Any:
    """Return messages by id in the order asked for; what is not there is `messageEmpty`."""
    return types.messages.Messages(topics=[], **by_ids(call, call.box, request.id))


def by_ids(call: Call, box: Box, asked: list[Any]) -> dict[str, Any]:
    """Return messages of a box by id, with whom they name."""
    found = [(each.id, box.messages.get(each.id)) for each in asked]
    messages = [
        message_object(call.world, message, call.me.id) if message else types.MessageEmpty(id=i, peer_id=None) for i, message in found
    ]
    return {"messages": messages, **call.services.company.of(call.key, [message for _, message in found if message])}


@METHODS.serves(functions.messages.ReadHistoryRequest)
def read_history(call: Call, request: Any) -> Any:
    """Mark a private chat or basic group as read; all sides get an update with a pts of their own."""
    peer = peer_of(call, request.peer)
    if is_channel(number(peer)):
        raise bad_request("PEER_ID_INVALID")
    changed = call.services.talk.read(call.me, peer, request.max_id, call.key)
    return types.messages.AffectedMessages(call.box.pts, int(changed))


@METHODS.serves(functions.messages.SetTypingRequest)
def set_typing(call: Call, request: Any) -> Any:
    peer = peer_of(call, request.peer)
    if peer is not call.me:
        call.services.talk.typing(call.me, peer, request.action)
    return True


@METHODS.serves(functions.messages.ReceivedMessagesRequest)
def received_messages(call: Call, request: Any) -> Any:
    return []


def _older_than(box: Box, ids: list[int], request: Any) -> int:
    """Return how many of the chat's messages lie before the offset."""
    if request.offset_id:
        return bisect_left(ids, request.offset_id)
    offset_date = getattr(request, "offset_date", None)
    date = int(offset_date.timestamp()) if offset_date else 0
    return bisect_left(ids, date, key=lambda i: box.messages[i].date) if date > 0 else len(ids)


def _messages(call: Call, dialog: Dialog, page: list[Message], count: int) -> Any:
    messages = [message_object(call.world, message, call.me.id) for message in page]
    content = {"messages": messages, "topics": [], **call.services.company.of(call.key, page, peers=[dialog.peer])}
    if dialog.pts is not None:
        return types.messages.ChannelMessages(pts=dialog.pts, count=count, **content)
    return types.messages.Messages(**content) if len(page) == count else types.messages.MessagesSlice(count=count, **content)
