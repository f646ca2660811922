"""Sending a message."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result


class SendResult(Result):
    """The chat and the message that a send became."""

    chat_id: MessengerId = Field(alias="peer_resolved")
    message_id: MessengerId
    date: datetime


class SendMessage(Command[SendResult]):
    """Send a text. `random_id` is the same for each try of one message: the messenger takes it once."""

    name = "send"
    repeatable = False

    to: Annotated[str, StringConstraints(pattern=r"^\S{1,128}$")] = Field(repr=False)
    text: str = Field(repr=False)
    random_id: int
    reply_to: MessengerId | None = None
