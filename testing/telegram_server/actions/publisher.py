"""Making an event happen: it enters its box, is noted for whoever watches, and is pushed to those whom it concerns.

An event of an account's box concerns that account, one of a channel's box everybody who is in the channel.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from telethon.tl import types

from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Deletion, Edit, Event, Message, Pinning, Read
from testing.telegram_server.model.world import World
from testing.telegram_server.network.hub import Hub
from testing.telegram_server.settings import Settings
from testing.telegram_server.views.documents import message_json
from testing.telegram_server.views.messages import event_update, short_message
from testing.telegram_server.views.people import People
from testing.telegram_server.views.reactions import reactions_update
from testing.telegram_server.views.related_entities import Company


class Publisher:
    """The one way by which boxes change."""

    def __init__(
        self, world: World, clock: Clock, settings: Settings, changes: Changes, hub: Hub, people: People, company: Company
    ) -> None:
        self._world, self._clock, self._settings = world, clock, settings
        self._changes, self._hub, self._people, self._company = changes, hub, people, company

    def publish(self, event: Event, skip: Key | None = None) -> None:
        """Apply an event whose pts is its box's next, and push it, except to `skip`, whose answer tells."""
        self._world.add_event(event)
        for person_id in self._audience(event.owner):
            self._note(event, person_id)
            self._hub.push(person_id, lambda key: self._as_pushed(key, event), skip, event.owner)

    def _audience(self, owner: int) -> Iterable[int]:
        if owner > 0:
            return (owner,)
        group = self._world.groups.get(owner)
        return [member.user_id for member in self._world.groups.present(group)] if group is not None else ()

    def _note(self, event: Event, person_id: int) -> None:
        kind, describe = _CHANGES[type(event)]
        self._changes.add(kind, person_id, lambda: describe(self._world, event, person_id))

    def _as_pushed(self, key: Key, event: Event) -> Any:
        if isinstance(event, Message) and self._goes_short(key, event):
            return short_message(event)
        company = {"users": [], "chats": []} if isinstance(event, Read) else self._company.of(key, [event])
        return self.updates([event_update(self._world, event, key.user_id or 0)], company)

    def _goes_short(self, key: Key, message: Message) -> bool:
        if message.file is not None or message.action or message.owner < 0:
            return False
        short, told = self._settings.short_updates, self._people.was_told
        known = short == "known" and told(key, message.peer) and (message.peer > 0 or told(key, message.sender))
        return known or short == "always"

    def tell(self, person_id: int, updates: list[Any], skip: Key | None = None, *, peers: Collection[int] = ()) -> None:
        """Push updates that are no events of a box, with the chats that they are about."""
        self._hub.push(person_id, lambda key: self.updates(updates, self._company.of(key, (), peers=peers)), skip)

    def reacted(self, message: Message, skip: Key | None = None) -> None:
        """Push how a message's reactions are now to everybody who sees this copy."""
        for person_id in self._audience(message.owner):
            self.tell(person_id, [reactions_update(self._world, message, person_id)], skip, peers=[message.peer])
            self._changes.add("reactions", person_id, lambda: {"chat_id": message.peer, "message_id": message.id})

    def updates(self, updates: list[Any], company: dict[str, list[Any]]) -> Any:
        return types.Updates(updates, date=self._clock.now(), seq=0, **company)


def _message_change(world: World, event: Any, person_id: int) -> dict[str, Any]:
    return {"message": message_json(world, event, person_id)}


def _read_change(world: World, event: Any, person_id: int) -> dict[str, Any]:
    return {"chat_id": event.peer, "side": event.side, "max_id": event.max_id}


def _edit_change(world: World, event: Any, person_id: int) -> dict[str, Any]:
    return {"chat_id": event.peer, "message_id": event.id, "text": event.text}


def _deletion_change(world: World, event: Any, person_id: int) -> dict[str, Any]:
    return {"chat_id": event.owner if event.owner < 0 else None, "message_ids": event.ids}


def _pinning_change(world: World, event: Any, person_id: int) -> dict[str, Any]:
    return {"chat_id": event.peer, "message_ids": event.ids, "pinned": event.pinned}


_CHANGES: dict[type, tuple[str, Callable[[World, Any, int], dict[str, Any]]]] = {
    Message: ("message", _message_change),
    Read: ("read", _read_change),
    Edit: ("edit", _edit_change),
    Deletion: ("deletion", _deletion_change),
    Pinning: ("pinning", _pinning_change),
}
