"""The command that sends a message."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result, Since


class SendResult(Result):
    """The chat and the id of the message that was sent."""

    chat_id: MessengerId = Field(alias="peer_resolved")
    message_id: MessengerId
    date: datetime


class SendMessage(Command[SendResult]):
    """Send a text. All tries of a message have the same `random_id`, so that the messenger takes it once.

    `began_at` is when the first try began, where an earlier command with this `random_id` may have sent the message.
    """

    name = "send"
    repeatable = False

    to: Annotated[str, StringConstraints(pattern=r"^\S{1,128}$")] = Field(repr=False)
    text: str = Field(repr=False)
    random_id: int
    reply_to: MessengerId | None = None
    began_at: Annotated[datetime | None, Since(2)] = None
