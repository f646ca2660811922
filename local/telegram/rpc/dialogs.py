"""messages.getDialogs and its like: the list of chats (https://core.telegram.org/method/messages.getDialogs)."""

from __future__ import annotations

from typing import Any

from telethon.tl import functions, types

from local.telegram.model.box import Chat
from local.telegram.model.message import Message
from local.telegram.rpc.call import Call
from local.telegram.rpc.peers import peer_person
from local.telegram.rpc.table import Methods
from local.telegram.views.messages import message_object, state

METHODS = Methods()
LIMIT_MAX = 100


@METHODS.serves(functions.messages.GetDialogsRequest)
def get_dialogs(call: Call, request: Any) -> Any:
    """Return chats by their last message, newest first, from the given offset on. There is only the main folder."""
    if request.folder_id:
        return types.messages.Dialogs([], [], [], [])
    every = sorted((chat for chat in call.box.chats.values() if chat.ids), key=lambda chat: _place(call, chat), reverse=True)
    offset = _offset(request)
    after = [chat for chat in every if offset is None or _place(call, chat) < offset]
    page = after[: min(request.limit or LIMIT_MAX, LIMIT_MAX)]
    content = _content(call, page)
    if len(page) == len(every):
        return types.messages.Dialogs(**content)
    return types.messages.DialogsSlice(count=len(every), **content)


@METHODS.serves(functions.messages.GetPeerDialogsRequest)
def get_peer_dialogs(call: Call, request: Any) -> Any:
    people = [peer_person(call, asked.peer) for asked in request.peers]
    chats = [call.box.chats.get(person.id) or Chat(person.id) for person in people]
    return types.messages.PeerDialogs(**_content(call, chats), state=state(call.box, call.now))


@METHODS.serves(functions.messages.GetPinnedDialogsRequest)
def get_pinned_dialogs(call: Call, request: Any) -> Any:
    return types.messages.PeerDialogs([], [], [], [], state(call.box, call.now))


def _content(call: Call, chats: list[Chat]) -> dict[str, Any]:
    last = [_last(call, chat) for chat in chats if chat.ids]
    return {
        "dialogs": [_dialog(chat) for chat in chats],
        "messages": [message_object(call.world, message) for message in last],
        "chats": [],
        "users": call.services.people.users(call.key, {chat.peer for chat in chats} | {message.sender for message in last}),
    }


def _dialog(chat: Chat) -> Any:
    return types.Dialog(
        peer=types.PeerUser(chat.peer),
        top_message=chat.ids[-1] if chat.ids else 0,
        read_inbox_max_id=chat.read_inbox,
        read_outbox_max_id=chat.read_outbox,
        unread_count=chat.unread,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
    )


def _last(call: Call, chat: Chat) -> Message:
    return call.box.messages[chat.ids[-1]]


def _place(call: Call, chat: Chat) -> tuple[int, int]:
    last = _last(call, chat)
    return last.date, last.id


def _offset(request: Any) -> tuple[int, int] | None:
    date = int(request.offset_date.timestamp()) if request.offset_date else 0
    return (date, request.offset_id) if date > 0 else None
