"""The commands that change messages which exist: edit, delete, react, pin. Each brings about a state, so it may be repeated."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result, Since
from shared.rpc.recipient import Recipient
from shared.rpc.send_attachments import Attachment
from shared.rpc.text import MarkupEntity

MAX_DELETED = 100
"""How many messages one request deletes at most: https://core.telegram.org/method/messages.deleteMessages takes a hundred."""


class MessageChanged(Result):
    """The message that was changed, and when."""

    chat_id: MessengerId = Field(alias="peer_resolved")
    message_id: MessengerId
    date: datetime


class DeletionResult(Result):
    """The messages that this command deleted."""

    chat_id: MessengerId = Field(alias="peer_resolved")
    message_ids: list[MessengerId]


class EditMessage(Command[MessageChanged]):
    """Give a message of one's own another text, or other text under its media; `attachment` takes the place of the media."""

    name = "edit"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    message_id: MessengerId
    text: str = Field(repr=False)
    entities: Annotated[tuple[MarkupEntity, ...], Since(3)] = Field((), repr=False)
    link_preview: bool = True
    attachment: Annotated[Attachment | None, Since(4)] = None


class DeleteMessages(Command[DeletionResult]):
    """Delete messages of one chat, for everybody or for the account alone."""

    name = "delete"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    message_ids: list[MessengerId] = Field(min_length=1, max_length=MAX_DELETED)
    for_all: bool = True


class SetReactions(Command[MessageChanged]):
    """Set the account's reactions to a message; none takes them away. A custom emoji is given by its id, in digits."""

    name = "react"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    message_id: MessengerId
    reactions: list[str] = Field(repr=False)
    big: bool = False


class PinMessage(Command[MessageChanged]):
    """Pin a message in its chat, or take it down."""

    name = "pin"
    since = 2
    repeatable = True

    to: Recipient = Field(repr=False)
    message_id: MessengerId
    pinned: bool = True
    silent: bool = True
    for_all: bool = True
