"""All groups and channels, with their members."""

from __future__ import annotations

from testing.telegram_server.model.group import Group, Kind, Member
from testing.telegram_server.model.message import Message
from testing.telegram_server.model.peer import channel_peer, group_peer
from testing.telegram_server.model.records import Shelf
from testing.telegram_server.store import Store

_FIRST_ID = 1_000_001


class Groups:
    """Find groups by id, username and member; `copies` finds the copies of a basic group's message."""

    def __init__(self, store: Store) -> None:
        self._groups_shelf = Shelf(store, "group", Group)
        self._members_shelf = Shelf(store, "member", Member)
        self._all = {group.peer: group for group in self._groups_shelf.load()}
        self._members: dict[int, dict[int, Member]] = {peer: {} for peer in self._all}
        self._of_person: dict[int, set[int]] = {}
        self._copies: dict[tuple[int, int], dict[int, int]] = {}
        self.by_username = {group.username.lower(): group for group in self._all.values() if group.username}
        for member in self._members_shelf.load():
            self._keep(member)

    def get(self, peer: int) -> Group | None:
        return self._all.get(peer)

    def all(self) -> list[Group]:
        return list(self._all.values())

    def new_peer(self, kind: Kind) -> int:
        number = _FIRST_ID + len(self._all)
        return group_peer(number) if kind == "basic" else channel_peer(number)

    def save(self, group: Group) -> None:
        """Store a group; its username finds it from now on."""
        self._all[group.peer] = group
        self._members.setdefault(group.peer, {})
        if group.username:
            self.by_username[group.username.lower()] = group
        self._groups_shelf.put(str(group.peer), group)

    def member(self, group: Group, user_id: int) -> Member | None:
        """Return what the group knows of a person, who may have left."""
        return self._members[group.peer].get(user_id)

    def is_in(self, group: Group, user_id: int) -> bool:
        member = self.member(group, user_id)
        return member is not None and member.standing == "in"

    def present(self, group: Group) -> list[Member]:
        """Return who is in the group now, in the order in which they first came."""
        return [member for member in self._members[group.peer].values() if member.standing == "in"]

    def all_members(self, group: Group) -> list[Member]:
        """Return who is in the group and who was."""
        return list(self._members[group.peer].values())

    def of(self, user_id: int) -> list[Group]:
        """Return the groups that a person is or was in."""
        return [self._all[peer] for peer in sorted(self._of_person.get(user_id, ()))]

    def save_member(self, member: Member) -> None:
        self._keep(member)
        self._members_shelf.put(f"{member.group}:{member.user_id}", member)

    def _keep(self, member: Member) -> None:
        self._members[member.group][member.user_id] = member
        self._of_person.setdefault(member.user_id, set()).add(member.group)

    def note_copy(self, message: Message) -> None:
        """Remember which id a basic group's message has in a member's box."""
        if message.number is not None:
            self._copies.setdefault((message.peer, message.number), {})[message.owner] = message.id

    def copies(self, message: Message) -> dict[int, int]:
        """Return the ids of a basic group's message by member."""
        return self._copies.get((message.peer, message.number or 0), {})
