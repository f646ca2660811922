"""People as one authorisation sees them (https://core.telegram.org/constructor/user)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from testing.telegram_server.model.key import Key
from testing.telegram_server.model.layers import user_type
from testing.telegram_server.model.person import SERVICE_ID, Person
from testing.telegram_server.model.world import World
from testing.telegram_server.settings import Settings


class People:
    """Make `user` objects, with the viewer's own access hashes, and remember whom each authorisation was told of."""

    def __init__(self, world: World, settings: Settings) -> None:
        self._world, self._settings = world, settings
        self._told: dict[str, set[int]] = {}

    def user(self, key: Key, person: Person) -> Any:
        """Return a person with what the viewer may see: the phone only of themselves and of those whose number they have."""
        viewer = key.user_id or 0
        self.tell(key, person.id)
        if person.deleted:
            return user_type(key.layer)(id=person.id, deleted=True, access_hash=self._world.access_hash(viewer, person.id))
        me = self._world.people[viewer]
        contact = me.contacts.get(person.id)
        return user_type(key.layer)(
            id=person.id,
            is_self=person.id == viewer,
            contact=contact is not None,
            mutual_contact=contact is not None and viewer in person.contacts,
            verified=person.id == SERVICE_ID,
            support=person.id == SERVICE_ID,
            access_hash=self._world.access_hash(viewer, person.id),
            first_name=contact.first_name if contact else person.first_name,
            last_name=(contact.last_name if contact else person.last_name) or None,
            **_usernames(person),
            phone=person.phone if person.id in (viewer, SERVICE_ID) or (contact and contact.knows_phone) else None,
        )

    def users(self, key: Key, ids: Iterable[int]) -> list[Any]:
        """Return each of some people once, the smallest id first."""
        return [self.user(key, self._world.people[i]) for i in sorted(set(ids))]

    def seen_in_group(self, key: Key, person: Person) -> Any:
        """Return somebody whom a group's message names: strangers are `min`, with a hash that cannot be used.

        https://core.telegram.org/api/min. Who is a stranger Telegram does not say; `Settings.min_users` does.
        """
        if person.deleted or not self._is_stranger(key.user_id or 0, person.id):
            return self.user(key, person)
        self.tell(key, person.id)
        return user_type(key.layer)(
            id=person.id,
            min=True,
            access_hash=self._world.min_hash(key.user_id or 0, person.id),
            first_name=person.first_name,
            last_name=person.last_name or None,
            username=person.username,
        )

    def _is_stranger(self, viewer: int, user_id: int) -> bool:
        if viewer == user_id or self._settings.min_users == "nobody":
            return False
        known = user_id in self._world.people[viewer].contacts or user_id in self._world.box(viewer).chats
        return not known or self._settings.min_users == "everybody"

    def tell(self, key: Key, peer: int) -> None:
        """Note that an authorisation was given a person or group."""
        self._told.setdefault(key.name, set()).add(peer)

    def was_told(self, key: Key, peer: int) -> bool:
        """Tell whether this authorisation has been given the person or group since the server started."""
        return peer in self._told.get(key.name, ())


def _usernames(person: Person) -> dict[str, Any]:
    """Return the one username, or all of several (https://core.telegram.org/constructor/user)."""
    if not person.more_usernames:
        return {"username": person.username}
    return {"usernames": [types.Username(name, editable=name == person.username, active=True) for name in person.usernames]}
