"""Messages as one account sees them, and the other events that count in its pts.

Private chats exist twice: each side has its own copy under its own message id
(https://core.telegram.org/api/updates, "message box"); `twin` is the id on the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from local.telegram.model.records import BYTES_AS_TEXT


@dataclass(slots=True)
class Message:
    """One copy of a message in the box of `owner`; `peer` is the chat, that is the other person."""

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

    @property
    def out(self) -> bool:
        """Whether the owner sent it to somebody else: Saved Messages are not `out`."""
        return self.sender == self.owner and self.peer != self.owner


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


Event = Message | Read
