"""Whom an answer or update must bring along: every person and chat that its messages name (https://core.telegram.org/api/peers)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Deletion, Edit, Event, Message
from testing.telegram_server.model.world import World
from testing.telegram_server.views.groups import GroupViews
from testing.telegram_server.views.messages import action_of
from testing.telegram_server.views.people import People


class Company:
    """Gather the `users` and `chats` of messages and other events."""

    def __init__(self, world: World, people: People, groups: GroupViews) -> None:
        self._world, self._people, self._groups = world, people, groups

    def of(self, key: Key, events: Iterable[Event], *, peers: Collection[int] = ()) -> dict[str, list[Any]]:
        """Return `users` and `chats` of some events, and of chats by their number; people of groups may be `min`."""
        met = {peer for peer in peers if peer > 0}
        seen: set[int] = set()
        chats = {peer for peer in peers if peer < 0}
        for event in events:
            if isinstance(event, Deletion):
                continue
            if event.peer > 0:
                met.update((event.peer, event.owner))
            else:
                chats.add(event.peer)
                seen.update(self._named(event))
        return {"users": self._users(key, met, seen), "chats": self.chats(key, chats)}

    def chats(self, key: Key, peers: Iterable[int]) -> list[Any]:
        groups = [self._world.groups.get(peer) for peer in sorted(peers, reverse=True)]
        return [self._groups.chat(key, group) for group in groups if group is not None]

    def _users(self, key: Key, met: set[int], seen: set[int]) -> list[Any]:
        people = self._world.people
        return [self._people.user(key, people[i]) if i in met else self._people.seen_in_group(key, people[i]) for i in sorted(met | seen)]

    def _named(self, event: Event) -> set[int]:
        message = self._world.box(event.owner).messages.get(event.id) if isinstance(event, Edit) else event
        return named_people(message) if isinstance(message, Message) else set()


def named_people(message: Message) -> set[int]:
    """Return the people whom a group's message names: who sent it, and whom its action is about."""
    action = action_of(message)
    about = {*(getattr(action, "users", None) or ()), *filter(None, [getattr(action, "user_id", None)])}
    return about if message.post else {message.sender, *about}
