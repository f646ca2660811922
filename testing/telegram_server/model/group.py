"""Basic groups, supergroups and broadcast channels, and who is in them (https://core.telegram.org/api/channel)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from testing.telegram_server.model.peer import bare

Kind = Literal["basic", "supergroup", "channel"]
Role = Literal["creator", "admin", "member"]
Standing = Literal["in", "left", "kicked"]


@dataclass(slots=True)
class Group:
    """A chat of many. `peer` is its id as one number; `members_write` false lets only admins write."""

    peer: int
    kind: Kind
    title: str
    creator: int
    date: int
    username: str | None = None
    about: str = ""
    members_write: bool = True
    version: int = 1
    messages: int = 0
    migrated_to: int | None = None

    @property
    def id(self) -> int:
        return bare(self.peer)


@dataclass(slots=True)
class Member:
    """What a group knows of a person, also of one who has gone.

    The read marks are those of supergroups and channels; a basic group's are in each member's own box.
    """

    group: int
    user_id: int
    role: Role
    since: int
    invited_by: int
    standing: Standing = "in"
    may_write: bool = True
    changed_at: int = 0
    read_inbox: int = 0
    read_outbox: int = 0
    read_at: int = 0

    @property
    def manages(self) -> bool:
        return self.role != "member"
