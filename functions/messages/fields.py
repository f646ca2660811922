"""Fields that several routes of messages take and answer with."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from functions.http.parameters import Whole
from functions.messages import peers
from shared.errors import Code
from shared.rpc.chat_changes import ChatChanged
from shared.rpc.message_changes import MessageChanged

MAX_TEXT = 1 << 16  # far above what Telegram takes, which is answered by a code of its own
NOT_BLANK = r"[^\s\x1c-\x1f]"
INT32_MAX = (1 << 31) - 1  # Telegram's message ids are 32 bits

PeerField = Annotated[
    Annotated[StrictInt, Whole] | Annotated[str, StringConstraints(max_length=peers.MAX_LENGTH)],
    Field(
        description="`me`, `@username`, a t.me link, a phone number in international form (`+…`), or the numeric id of a chat or user, "
        "as events carry it.",
        examples=["me"],
        json_schema_extra=peers.SCHEMA,
    ),
]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_TEXT), Field(examples=["Hello!"], json_schema_extra={"pattern": NOT_BLANK})
]
MessageNumber = Annotated[StrictInt, Field(ge=1, le=INT32_MAX, description="A message of that chat.", examples=[456]), Whole]

REFUSALS = (
    Code.INVALID_PHONE,
    Code.PEER_NOT_FOUND,
    Code.USER_NOT_FOUND,
    Code.PHONE_NOT_IN_CONTACTS,
    Code.INVITE_LINK,
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
    Code.NOT_SUPPORTED,
    Code.INVALID_CREDENTIALS,
    Code.NOT_AUTHORIZED,
    Code.FORBIDDEN,
    Code.ACCOUNT_FROZEN,
    Code.WRITE_FORBIDDEN,
    Code.ADMIN_REQUIRED,
    Code.NOT_A_MEMBER,
    Code.RECIPIENT_DELETED,
    Code.RECIPIENT_IS_BOT,
    Code.BLOCKED_BY_RECIPIENT,
    Code.PREMIUM_REQUIRED,
    Code.TENANT_NOT_FOUND,
    Code.FLOOD_WAIT,
    Code.TELEGRAM_ERROR,
    Code.TELEGRAM_LAYER_REJECTED,
    Code.TELEGRAM_UNAVAILABLE,
    Code.OUTCOME_UNKNOWN,
)
"""What any request about a chat may be refused with."""


class InChat(BaseModel):
    """A request about one chat."""

    model_config = ConfigDict(extra="forbid")

    peer: PeerField


class OfMessage(InChat):
    """A request about one message."""

    message_id: MessageNumber


class ChangedMessage(BaseModel):
    """The message that was changed. `peer_resolved` is the chat's marked id, as events carry it."""

    peer_resolved: int
    message_id: int
    date: datetime

    @classmethod
    def of(cls, changed: MessageChanged) -> ChangedMessage:
        """Return a command's result in Telegram's own numbers."""
        return cls(peer_resolved=int(changed.chat_id), message_id=int(changed.message_id), date=changed.date)


class ChangedChat(BaseModel):
    """The chat that was changed. `peer_resolved` is its marked id, as events carry it."""

    peer_resolved: int

    @classmethod
    def of(cls, changed: ChatChanged) -> ChangedChat:
        """Return a command's result in Telegram's own numbers."""
        return cls(peer_resolved=int(changed.chat_id))
