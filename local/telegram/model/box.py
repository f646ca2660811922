"""An account's message box: its messages, chats and the sequence of events numbered by pts.

https://core.telegram.org/api/updates: pts rises with each event by its pts_count, and a client that knows pts N can ask
for all that came after.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from local.telegram.model.message import Event, Message, Read

FIRST_PTS = 1


@dataclass(slots=True)
class Chat:
    """One private chat of the box: its message ids in order, and how far both sides have read."""

    peer: int
    ids: list[int] = field(default_factory=list)
    read_inbox: int = 0
    read_outbox: int = 0
    unread: int = 0


class Box:
    """One account's box. Nothing here knows of storage: whoever adds an event also stores it."""

    def __init__(self, owner: int) -> None:
        self.owner = owner
        self.pts = FIRST_PTS
        self.qts = 0
        self.seq = 1
        self.next_id = 1
        self.messages: dict[int, Message] = {}
        self.chats: dict[int, Chat] = {}
        self.by_random_id: dict[int, Message] = {}
        self._events: list[Event] = []

    def chat(self, peer: int) -> Chat:
        """Return the chat with a person, made when it is new."""
        chat = self.chats.get(peer)
        if chat is None:
            chat = self.chats[peer] = Chat(peer)
        return chat

    def add(self, event: Event) -> None:
        """Apply an event whose pts is the next one; at start the stored ones are added in their order."""
        self.pts = event.pts
        self._events.append(event)
        if isinstance(event, Message):
            self._add_message(event)
        else:
            self._add_read(event)

    def _add_message(self, message: Message) -> None:
        self.messages[message.id] = message
        self.next_id = max(self.next_id, message.id + 1)
        chat = self.chat(message.peer)
        chat.ids.append(message.id)
        if message.random_id is not None:
            self.by_random_id[message.random_id] = message
        if message.sender != self.owner:
            chat.unread += 1

    def _add_read(self, read: Read) -> None:
        chat = self.chat(read.peer)
        if read.side == "inbox":
            chat.read_inbox, chat.unread = read.max_id, read.unread
        else:
            chat.read_outbox = read.max_id

    def after(self, pts: int, limit: int) -> list[Event]:
        """Return up to `limit` events after `pts`, oldest first."""
        start = bisect_right(self._events, pts, key=lambda event: event.pts)
        return self._events[start : start + limit]

    def missing(self, pts: int) -> int:
        """Return how many events come after `pts`."""
        return len(self._events) - bisect_right(self._events, pts, key=lambda event: event.pts)

    def unread_above(self, chat: Chat, max_id: int) -> int:
        """Return how many incoming messages of a chat lie above `max_id`."""
        return sum(self.messages[i].sender != self.owner for i in chat.ids[bisect_right(chat.ids, max_id) :])

    @property
    def unread(self) -> int:
        return sum(chat.unread for chat in self.chats.values())
