"""An account's message box: its messages, chats and the sequence of events numbered by pts.

https://core.telegram.org/api/updates: pts rises with each event by its pts_count, and a client that knows pts N can ask
for all that came after.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from testing.telegram_server.model.message import Deletion, Edit, Event, Message, Pinning, Read

FIRST_PTS = 1


@dataclass(slots=True)
class Chat:
    """One chat of the box: its message ids in order, and how far both sides have read."""

    peer: int
    ids: list[int] = field(default_factory=list)
    read_inbox: int = 0
    read_outbox: int = 0
    unread: int = 0


class Box:
    """One account's box, or a channel's. Nothing here knows of storage: whoever adds an event also stores it."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.pts = FIRST_PTS
        self.qts = 0
        self.seq = 1
        self.next_id = 1
        self.changed_at = 0
        self.messages: dict[int, Message] = {}
        self.chats: dict[int, Chat] = {}
        self.by_random_id: dict[int, Message] = {}
        self._events: list[Event] = []

    def chat(self, peer: int) -> Chat:
        """Return a chat, made when it is new."""
        chat = self.chats.get(peer)
        if chat is None:
            chat = self.chats[peer] = Chat(peer)
        return chat

    def add(self, event: Event) -> None:
        """Apply an event whose pts is the next one; at start the stored ones are added in their order."""
        self.pts = event.pts
        self._events.append(event)
        _APPLY[type(event)](self, event)

    def _add_message(self, message: Message) -> None:
        self.messages[message.id] = message
        self.changed_at = message.date
        self.next_id = max(self.next_id, message.id + 1)
        chat = self.chat(message.peer)
        chat.ids.append(message.id)
        if message.sender != self.owner:
            chat.unread += 1

    def _add_read(self, read: Read) -> None:
        chat = self.chat(read.peer)
        if read.side == "inbox":
            chat.read_inbox, chat.unread = read.max_id, read.unread
        else:
            chat.read_outbox = read.max_id

    def _edit(self, edit: Edit) -> None:
        self.changed_at = edit.date
        message = self.messages.get(edit.id)
        if message is not None:
            message.text, message.entities, message.edit_date = edit.text, edit.entities, edit.date
            message.file = message.file if edit.file is None else edit.file

    def _pin(self, pinning: Pinning) -> None:
        self.changed_at = pinning.date
        for message in [self.messages[i] for i in pinning.ids if i in self.messages]:
            message.pinned = pinning.pinned

    def _delete(self, deletion: Deletion) -> None:
        self.changed_at = deletion.date
        for message in [self.messages.pop(i) for i in deletion.ids if i in self.messages]:
            chat = self.chat(message.peer)
            del chat.ids[bisect_left(chat.ids, message.id)]
            if message.sender != self.owner and message.id > chat.read_inbox:
                chat.unread -= 1

    def after(self, pts: int, limit: int) -> list[Event]:
        """Return up to `limit` events after `pts`, oldest first."""
        start = bisect_right(self._events, pts, key=lambda event: event.pts)
        return self._events[start : start + limit]

    def missing(self, pts: int) -> int:
        """Return how many events come after `pts`."""
        return len(self._events) - bisect_right(self._events, pts, key=lambda event: event.pts)

    def unread_above(self, chat: Chat, max_id: int, reader: int | None = None) -> int:
        """Return how many messages of a chat lie above `max_id` that are not the reader's own."""
        reader = self.owner if reader is None else reader
        return sum(self.messages[i].sender != reader for i in chat.ids[bisect_right(chat.ids, max_id) :])

    @property
    def unread(self) -> int:
        return sum(chat.unread for chat in self.chats.values())


_APPLY: dict[type, Callable[[Box, Any], None]] = {
    Message: Box._add_message,
    Read: Box._add_read,
    Edit: Box._edit,
    Deletion: Box._delete,
    Pinning: Box._pin,
}
