"""The commands that send. All tries of one have the same random ids, so that the messenger takes each message once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result, Since
from shared.rpc.delivery_options import DeliveryOptions
from shared.rpc.recipient import Recipient
from shared.rpc.text import MarkupEntity


class SendResult(Result):
    """The chat and the id of the message that was sent."""

    chat_id: MessengerId = Field(alias="peer_resolved")
    message_id: MessengerId
    date: datetime


class SeveralSent(SendResult):
    """The messages that were sent, in order; `message_id` is the first."""

    message_ids: tuple[MessengerId, ...]


class SendMessage(DeliveryOptions, Command[SendResult]):
    """Send a text."""

    name = "send"
    repeatable = False

    text: str = Field(repr=False)
    random_id: int
    entities: Annotated[tuple[MarkupEntity, ...], Since(2)] = Field((), repr=False)
    link_preview: Annotated[bool, Since(2)] = True


class SendLocation(DeliveryOptions, Command[SendResult]):
    """Send a place; with title and address a venue."""

    name = "send/location"
    since = 2

    latitude: float
    longitude: float
    accuracy_m: int | None = None
    title: str | None = Field(None, repr=False)
    address: str | None = Field(None, repr=False)
    random_id: int


class SendContact(DeliveryOptions, Command[SendResult]):
    """Send somebody's name and phone number."""

    name = "send/contact"
    since = 2

    phone: str = Field(repr=False)
    first_name: str = Field(repr=False)
    last_name: str = Field("", repr=False)
    vcard: str = Field("", repr=False)
    random_id: int


class FormattedPart(BaseModel):
    """A text with its entities, as a part of something."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    text: str = Field(repr=False)
    entities: tuple[MarkupEntity, ...] = Field((), repr=False)


class SendPoll(DeliveryOptions, Command[SendResult]):
    """Send a poll; one of kind `quiz` has a right answer, counted from 0."""

    name = "send/poll"
    since = 2

    kind: Literal["regular", "quiz"] = "regular"
    question: str = Field(repr=False)
    answers: tuple[str, ...] = Field(repr=False)
    anonymous: bool = True
    several: bool = False
    correct: int | None = None
    solution: FormattedPart | None = Field(None, repr=False)
    open_for_s: int | None = None
    random_id: int


class ForwardMessages(DeliveryOptions, Command[SeveralSent]):
    """Forward messages of a chat, in the order of their ids there; `drop_author` sends them without saying whose they are."""

    name = "send/forward"
    since = 2

    source: Recipient = Field(repr=False)
    message_ids: tuple[MessengerId, ...]
    drop_author: bool = False
    random_ids: tuple[int, ...]
