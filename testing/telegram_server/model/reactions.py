"""Reactions to messages, and chats marked as unread: both without a pts, each a record of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

from testing.telegram_server.model.message import Message
from testing.telegram_server.model.records import BYTES_AS_TEXT, Shelf
from testing.telegram_server.store import Store


@dataclass(slots=True)
class Reactions:
    """Reactions to one copy of a message: each person's as serialized TL objects, in the order chosen."""

    __pydantic_config__ = BYTES_AS_TEXT

    owner: int
    id: int
    by_person: dict[int, list[bytes]] = field(default_factory=dict)
    dates: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UnreadMark:
    """A person's mark on a chat."""

    person: int
    peer: int


class ReactionBook:
    """All reactions."""

    def __init__(self, store: Store) -> None:
        self._shelf = Shelf(store, "reactions", Reactions)
        self._all = {(each.owner, each.id): each for each in self._shelf.load()}

    def of(self, message: Message) -> Reactions | None:
        return self._all.get((message.owner, message.id))

    def set(self, message: Message, person: int, reactions: list[bytes], date: int) -> None:
        """Set a person's reactions to one copy of a message; none takes them away."""
        found = self._all.setdefault((message.owner, message.id), Reactions(message.owner, message.id))
        found.by_person.pop(person, None)
        found.dates.pop(person, None)
        if reactions:
            found.by_person[person], found.dates[person] = reactions, date
        self._shelf.put(f"{message.owner}:{message.id}", found)


class UnreadMarks:
    """Which chats people have marked as unread."""

    def __init__(self, store: Store) -> None:
        self._shelf = Shelf(store, "unread_mark", UnreadMark)
        self._all = set(self._shelf.load())

    def has(self, person: int, peer: int) -> bool:
        return UnreadMark(person, peer) in self._all

    def set(self, person: int, peer: int, *, unread: bool) -> bool:
        """Set or clear a mark; False: it was so already."""
        mark = UnreadMark(person, peer)
        if unread == (mark in self._all):
            return False
        if unread:
            self._all.add(mark)
            self._shelf.put(f"{person}:{peer}", mark)
        else:
            self._all.discard(mark)
            self._shelf.delete(f"{person}:{peer}")
        return True
