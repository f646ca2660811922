"""Messages as one account sees them, and the other events that count in its pts.

Private chats exist twice: each side has its own copy under its own message id; `twin` is the id on the other side. A basic
group has a copy for every member, which `number` holds together. A supergroup or channel has one message box of its own,
with one copy for all (https://core.telegram.org/api/updates, "message box").

A chat is one number, as in Telethon and the Bot API: a person's id, minus a basic group's id, or minus (10^12 plus a
channel's id) (https://core.telegram.org/api/bots/ids).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from testing.telegram_server.model.records import BYTES_AS_TEXT


@dataclass(slots=True)
class Message:
    """One copy of a message in the box of `owner`, which is a person or a channel; `peer` is the chat.

    `action` is the serialized action of a service message; `post` one that hides its sender behind the channel; `topic` is the
    forum topic, `forward` the serialized header of a forwarded message.
    """

    __pydantic_config__ = BYTES_AS_TEXT

    owner: int
    id: int
    peer: int
    sender: int
    date: int
    text: str
    pts: int
    entities: bytes = b""
    reply_to: int | None = None
    file: int | None = None
    spoiler: bool = False
    silent: bool = False
    random_id: int | None = None
    twin: int | None = None
    pts_count: int = 1
    number: int | None = None
    post: bool = False
    action: bytes = b""
    edit_date: int | None = None
    quote: str = ""
    quote_offset: int | None = None
    topic: int | None = None
    forward: bytes = b""
    album: int | None = None
    pinned: bool = False

    def out_for(self, viewer: int) -> bool:
        """Tell whether the viewer sent it to somebody else: Saved Messages are not `out`."""
        return self.sender == viewer and self.peer != viewer


@dataclass(frozen=True, slots=True)
class Read:
    """Somebody read a chat up to `max_id`: the owner on another device (`inbox`), or the other side (`outbox`)."""

    owner: int
    pts: int
    side: Literal["inbox", "outbox"]
    peer: int
    max_id: int
    unread: int = 0
    pts_count: int = 1


@dataclass(frozen=True, slots=True)
class Edit:
    """A message of the box has another text from now on, and another file if `file` is set."""

    __pydantic_config__ = BYTES_AS_TEXT

    owner: int
    pts: int
    peer: int
    id: int
    text: str
    entities: bytes
    date: int
    pts_count: int = 1
    file: int | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """Messages of the box are gone; pts rises by one for each (https://core.telegram.org/constructor/updateDeleteMessages)."""

    owner: int
    pts: int
    ids: list[int]
    pts_count: int
    date: int


@dataclass(frozen=True, slots=True)
class Pinning:
    """Messages of a chat are pinned from now on, or no longer (https://core.telegram.org/constructor/updatePinnedMessages)."""

    owner: int
    pts: int
    peer: int
    ids: list[int]
    pinned: bool
    date: int
    pts_count: int = 1


Event = Message | Read | Edit | Deletion | Pinning
