"""What happened on an account, as it is queued and delivered."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

from shared.model.frozen import FrozenModel
from shared.model.ids import Channel, EventId, TenantId


class Media(FrozenModel):
    """What hangs on a message. `size` in bytes; `name` where the sender gave one."""

    type: Literal["photo", "video", "audio", "voice", "sticker", "file", "other"]
    mime_type: str | None = None
    name: str | None = None
    size: int | None = None


class Message(FrozenModel):
    """An incoming message. `chat_id` is the marked id (-100... for channels); `text` may be empty where media is set."""

    chat_id: int
    message_id: int
    sender_id: int | None = None
    sender_username: str | None = None
    sender_name: str | None = None
    sender_phone: str | None = None
    chat_type: Literal["private", "group", "channel"]
    text: str
    date: datetime
    reply_to: int | None = None
    media: Media | None = None


class Event(FrozenModel):
    """One event of one account, as its queue entry carries it. `received_at` is when the listener had it first."""

    id: EventId
    tenant_id: TenantId
    channel: Channel
    event: Literal["message"] = "message"
    received_at: datetime
    backfilled: bool = False
    message: Message

    @property
    def group(self) -> str:
        """The FIFO message group: what is ordered is one chat of one account."""
        return f"{self.tenant_id}:{self.chat}"

    @property
    def chat(self) -> str:
        """The chat's name among the tenant's chats."""
        return f"{self.channel}:{self.message.chat_id}"


def event_id(channel: Channel, account_user_id: int, chat_id: int, message_id: int, kind: str, version: str = "") -> EventId:
    """Name an event by what happened, so that the same happening always gets the same id, whoever sees it and however often.

    Message ids of private chats are per account, hence the account's own user id. `version` tells edits of one message apart. Hashed to
    a fixed length that every queue and header takes.
    """
    name = f"{channel}/{account_user_id}/{chat_id}/{message_id}/{kind}/{version}"
    return EventId("evt_" + hashlib.sha256(name.encode()).hexdigest()[:32])
