"""Groups and channels come to be, and people come and go. Each step leaves a service message, as Telegram does.

              make ---> in --leave--> left --add, join--> in
                         \\--kick--> kicked --add--> in
https://core.telegram.org/api/channel, https://core.telegram.org/type/MessageAction
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

from testing.telegram_server.actions.draft import Draft
from testing.telegram_server.actions.publisher import Publisher
from testing.telegram_server.actions.talk import Talk
from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.model.group import Group, Kind, Member, Standing
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.views.documents import group_json


class Membership:
    """Who is where. Posts about comings and goings exist in groups, not in broadcast channels."""

    def __init__(self, world: World, clock: Clock, changes: Changes, publisher: Publisher, talk: Talk) -> None:
        self._world, self._clock, self._changes, self._publisher, self._talk = world, clock, changes, publisher, talk

    def make(
        self, creator: Person, kind: Kind, title: str, members: Iterable[Person] = (), *, skip: Key | None = None, **more: Any
    ) -> tuple[Group, Message]:
        """Make a group with its first members; return it and the service message that says so."""
        groups = self._world.groups
        group = Group(groups.new_peer(kind), kind, title, creator.id, self._clock.now(), **more)
        groups.save(group)
        self._enter(group, creator, creator).role = "creator"
        invited = [person for person in members if person is not creator]
        for person in invited if kind == "basic" else ():
            self._enter(group, person, creator)
        for member in groups.present(group):
            groups.save_member(member)
        message = self._announce(group, creator, _created(group, [creator, *invited]), skip)
        if kind != "basic" and invited:
            self.add(group, creator, invited)
        self._note(group, groups.present(group))
        return group, message

    def add(self, group: Group, by: Person, people: Iterable[Person], skip: Key | None = None) -> Message | None:
        """Put people into a group, or let them join by themselves; return the service message, if there is one."""
        new = [person for person in people if not self._world.groups.is_in(group, person.id)]
        for person in new:
            self._enter(group, person, by)
        if not new:
            return None
        self._touch(group)
        self._note(group, self._world.groups.present(group))
        self._tell(group, new)
        ids = [person.id for person in new]
        return self._announce(group, by, types.MessageActionChatAddUser(ids), skip) if group.kind != "channel" else None

    def remove(self, group: Group, by: Person, person: Person, standing: Standing, skip: Key | None = None) -> Message | None:
        """Let somebody leave, or kick them. A basic group's leaver still gets the service message, a supergroup's does not."""
        member = self._world.groups.member(group, person.id)
        if member is None or member.standing != "in":
            return None
        was_there = self._world.groups.present(group)
        action = types.MessageActionChatDeleteUser(person.id)
        message = self._announce(group, by, action, skip) if group.kind == "basic" else None
        member.standing, member.changed_at = standing, self._clock.now()
        self._world.groups.save_member(member)
        self._touch(group)
        if group.kind == "supergroup":
            message = self._announce(group, by, action, skip)
        self._note(group, was_there)
        self._tell(group, [person])
        return message

    def change(self, group: Group, member: Member | None = None) -> None:
        """Store a changed group or member, and tell those whom it concerns."""
        if member is not None:
            member.changed_at = self._clock.now()
            self._world.groups.save_member(member)
        self._touch(group)
        concerned = [member] if member is not None else self._world.groups.present(group)
        self._note(group, concerned)
        self._tell(group, [self._world.people[each.user_id] for each in concerned])

    def migrate(self, group: Group, by: Person) -> Group:
        """Make a supergroup of a basic group, with the same people; both say so (https://core.telegram.org/api/channel#migration)."""
        people = [self._world.people[member.user_id] for member in self._world.groups.present(group)]
        moved, _ = self.make(by, "supergroup", group.title, people)
        self._announce(group, by, types.MessageActionChatMigrateTo(moved.id), None)
        self._announce(moved, by, types.MessageActionChannelMigrateFrom(group.title, group.id), None)
        group.migrated_to = moved.peer
        self.change(group)
        return moved

    def topic(self, group: Group, by: Person, title: str) -> Message:
        """Begin a topic of a forum (https://core.telegram.org/api/forum)."""
        return self._announce(group, by, types.MessageActionTopicCreate(title, 0x6FB9F0), None)

    def _enter(self, group: Group, person: Person, by: Person) -> Member:
        now = self._clock.now()
        member = self._world.groups.member(group, person.id) or Member(group.peer, person.id, "member", now, by.id)
        member.standing, member.since, member.invited_by, member.changed_at = "in", now, by.id, now
        self._world.groups.save_member(member)
        return member

    def _touch(self, group: Group) -> None:
        group.version += 1
        self._world.groups.save(group)

    def _announce(self, group: Group, by: Person, action: Any, skip: Key | None) -> Message:
        return self._talk.send(by, group, Draft("", action=bytes(action)), skip)

    def _tell(self, group: Group, people: Iterable[Person]) -> None:
        """Say that the chat is another for somebody now (https://core.telegram.org/constructor/updateChannel)."""
        update = types.UpdateChat(group.id) if group.kind == "basic" else types.UpdateChannel(group.id)
        for person in people:
            self._publisher.tell(person.id, [update], peers=[group.peer])

    def _note(self, group: Group, members: Iterable[Member]) -> None:
        for member in members:
            self._changes.add("group", member.user_id, lambda: {"group": group_json(self._world, group)})


def _created(group: Group, people: list[Person]) -> Any:
    if group.kind == "basic":
        return types.MessageActionChatCreate(group.title, [person.id for person in people])
    return types.MessageActionChannelCreate(group.title)
