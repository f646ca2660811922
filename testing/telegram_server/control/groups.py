"""Making groups and channels, and letting people come and go."""

from __future__ import annotations

from typing import Any

from testing.telegram_server.control.errors import ControlError, not_found
from testing.telegram_server.control.people import PeopleControl
from testing.telegram_server.control.specs import GroupPatch, GroupSpec, MemberPatch, MemberSpec
from testing.telegram_server.model.group import Group
from testing.telegram_server.services import Services
from testing.telegram_server.views.documents import group_json


class GroupsControl:
    """Basic groups, supergroups and channels. A group is named by its number (below zero) or, when public, its @username."""

    def __init__(self, services: Services, people: PeopleControl) -> None:
        self._services, self._world, self._people = services, services.world, people

    def seek(self, name: str) -> Group | None:
        """Return a group, or None when the name is nobody's or a person's."""
        if name.startswith("@"):
            return self._world.groups.by_username.get(name[1:].lower())
        return self._world.groups.get(int(name)) if name.removeprefix("-").isdigit() and name.startswith("-") else None

    def find(self, name: str) -> Group:
        group = self.seek(name)
        if group is None:
            raise not_found("group", name)
        return group

    def create(self, spec: GroupSpec) -> dict[str, Any]:
        """Make a group with its first members; everybody in it gets the service messages of it."""
        if spec.username and (spec.kind == "basic" or self._name_is_taken(spec.username)):
            raise ControlError(409, "username_taken", f"{spec.username} is taken, or is meant for a basic group, which has none")
        members = [self._people.find(handle) for handle in spec.members]
        more: dict[str, Any] = {"about": spec.about, "username": spec.username, "members_write": spec.members_write}
        group, _ = self._services.membership.make(self._people.find(spec.creator), spec.kind, spec.title, members, **more)
        self._services.hub.flush()
        return group_json(self._world, group)

    def _name_is_taken(self, username: str) -> bool:
        return username.lower() in self._world.groups.by_username or username.lower() in self._world.by_username

    def all(self) -> list[dict[str, Any]]:
        return [group_json(self._world, group) for group in self._world.groups.all()]

    def get(self, name: str) -> dict[str, Any]:
        return group_json(self._world, self.find(name))

    def patch(self, name: str, patch: GroupPatch) -> dict[str, Any]:
        """Change a group; its members learn that it is another."""
        group = self.find(name)
        for field, value in patch.model_dump(exclude_none=True).items():
            setattr(group, field, value)
        self._services.membership.change(group)
        self._services.hub.flush()
        return group_json(self._world, group)

    def migrate(self, name: str, handle: str) -> dict[str, Any]:
        """Make a supergroup of a basic group, as one of its people; return the supergroup."""
        group = self.find(name)
        if group.kind != "basic" or group.migrated_to is not None:
            raise ControlError(409, "not_a_basic_group", f"{name} is no basic group, or was migrated before")
        moved = self._services.membership.migrate(group, self._people.find(handle))
        self._services.hub.flush()
        return group_json(self._world, moved)

    def begin_topic(self, name: str, handle: str, title: str) -> int:
        """Begin a topic in a supergroup, as one of its people; return its id."""
        message = self._services.membership.topic(self.find(name), self._people.find(handle), title)
        self._services.hub.flush()
        return message.id

    def add(self, name: str, spec: MemberSpec) -> dict[str, Any]:
        """Let somebody join by themselves, or be put in by somebody (`by`). Who is there already stays."""
        group, person = self.find(name), self._people.find(spec.person)
        by = self._people.find(spec.by) if spec.by else person
        self._services.membership.add(group, by, [person])
        self._services.hub.flush()
        return group_json(self._world, group)

    def change_member(self, name: str, handle: str, patch: MemberPatch) -> dict[str, Any]:
        """Change somebody's role, or whether they may write."""
        group, person = self.find(name), self._people.find(handle)
        member = self._world.groups.member(group, person.id)
        if member is None:
            raise not_found("member", handle)
        for field, value in patch.model_dump(exclude_none=True).items():
            setattr(member, field, value)
        self._services.membership.change(group, member)
        self._services.hub.flush()
        return group_json(self._world, group)

    def remove(self, name: str, handle: str, by: str | None = None) -> dict[str, Any]:
        """Let somebody leave, or be kicked by somebody (`by`)."""
        group, person = self.find(name), self._people.find(handle)
        if not self._world.groups.is_in(group, person.id):
            raise not_found("member", handle)
        remover = self._people.find(by) if by else person
        self._services.membership.remove(group, remover, person, "left" if remover is person else "kicked")
        self._services.hub.flush()
        return group_json(self._world, group)
