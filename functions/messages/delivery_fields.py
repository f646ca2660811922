"""The fields that all bodies of requests to send have in common, their answer, and the errors that sending can end with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from functions.http.parameters import Since, Whole
from functions.messages import peers
from functions.messages.fields import INT32_MAX, PeerField
from shared.errors import AvioError, Code
from shared.rpc.delivery_options import QuotedText
from shared.rpc.send import SendResult, SeveralSent

MAX_QUOTE = 1024
SOONEST = timedelta(seconds=30)
"""Telegram sends at once what is scheduled for the next 10 s, and a send may take 20 s."""
LATEST = timedelta(days=365)

MessageId = Annotated[StrictInt, Field(ge=1, le=INT32_MAX), Whole]


class Quoted(BaseModel):
    """The part of the answered message that is quoted, word for word."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUOTE)]
    offset: Annotated[
        Annotated[StrictInt, Field(ge=0, le=1 << 16), Whole] | None,
        Field(description="Where it begins there, in UTF-16 units: where the same words come twice."),
    ] = None


class RecipientFields(BaseModel):
    """Whom to, and how."""

    model_config = ConfigDict(extra="forbid")

    peer: PeerField
    allow_import_contact: Annotated[
        StrictBool,
        Field(description="Where a phone number leads to nobody: add it to the account's contacts, under the number, to find out."),
    ] = True
    thread_id: Annotated[MessageId | None, Field(description="The topic of a forum: the id of the message that began it.")] = None
    silent: Annotated[StrictBool, Field(description="Without a sound.")] = False
    schedule_at: Annotated[
        Since | None,
        Field(description="When Telegram sends it: 30 seconds to a year from now. `message_id` is then its id among scheduled messages."),
    ] = None
    send_as: Annotated[PeerField | None, Field(description="The channel or group in whose name it is sent.")] = None

    def check_schedule(self, now: datetime) -> None:
        """Raise `schedule_refused` if the time to send at is not from 30 seconds to a year from now."""
        if self.schedule_at and not now + SOONEST <= self.schedule_at <= now + LATEST:
            raise AvioError(Code.SCHEDULE_REFUSED, "schedule_at is from 30 seconds to 365 days in the future.")

    def options(self) -> dict[str, Any]:
        """Return the fields of a command; raise AvioError for what cannot be."""
        to = peers.parse(self.peer)
        return {
            "to": to,
            "phone_lookup": ("import" if self.allow_import_contact else "known") if to.startswith("+") else None,
            "thread_id": None if self.thread_id is None else str(self.thread_id),
            "silent": self.silent,
            "schedule_at": self.schedule_at,
            "send_as": None if self.send_as is None else peers.parse_field("send_as", self.send_as),
        }


class DeliveryFields(RecipientFields):
    """Whom to, how, and what it answers."""

    reply_to: Annotated[MessageId | None, Field(description="The message of that chat which this one answers.")] = None
    quote: Annotated[Quoted | None, Field(description="A part of the message that `reply_to` names.")] = None

    def options(self) -> dict[str, Any]:
        """Return the fields of a command; raise AvioError for what cannot be."""
        if self.quote and self.reply_to is None:
            raise refused("quote", "A quote is of the message that reply_to names: give both.")
        return {
            **super().options(),
            "reply_to": None if self.reply_to is None else str(self.reply_to),
            "quote": QuotedText(text=self.quote.text, offset=self.quote.offset) if self.quote else None,
        }


class SentMessage(BaseModel):
    """What Telegram made of it. `peer_resolved` is the chat's marked id, as events carry it."""

    peer_resolved: int
    message_id: int
    date: datetime

    @classmethod
    def of(cls, sent: SendResult) -> SentMessage:
        """Return the answer to a command's result."""
        return cls(peer_resolved=int(sent.chat_id), message_id=int(sent.message_id), date=sent.date)


class SentMessages(SentMessage):
    """Of several messages: all ids, in order. `message_id` and `date` are those of the first."""

    message_ids: list[int]

    @classmethod
    def of_several(cls, sent: SeveralSent) -> SentMessages:
        """Return the answer to a command's result."""
        ids = [int(number) for number in sent.message_ids]
        return cls(peer_resolved=int(sent.chat_id), message_id=ids[0], date=sent.date, message_ids=ids)


def refused(field: str, problem: str) -> AvioError:
    """Return the error for a field of the body that does not go with the others."""
    return AvioError(Code.CONTRADICTORY_FIELDS, problem, fields=[{"field": f"body.{field}", "problem": problem}])


SEND_ERRORS = (
    Code.CONTRADICTORY_FIELDS,
    Code.INVALID_PHONE,
    Code.PEER_NOT_FOUND,
    Code.USER_NOT_FOUND,
    Code.PHONE_NOT_IN_CONTACTS,
    Code.PHONE_NOT_ON_TELEGRAM,
    Code.INVITE_LINK,
    Code.REPLY_NOT_FOUND,
    Code.QUOTE_NOT_FOUND,
    Code.SCHEDULE_REFUSED,
    Code.SEND_AS_REFUSED,
    Code.MESSAGE_NOT_FOUND,
    Code.RECIPIENT_DELETED,
    Code.RECIPIENT_IS_BOT,
    Code.BLOCKED_BY_RECIPIENT,
    Code.RECIPIENT_BLOCKED,
    Code.PREMIUM_REQUIRED,
    Code.PAID_MESSAGE,
    Code.TOPIC_CLOSED,
    Code.SLOW_MODE,
    Code.REFUSED_BY_TELEGRAM,
    Code.FORBIDDEN_BY_TELEGRAM,
    Code.NOT_SUPPORTED,
    Code.INVALID_CREDENTIALS,
    Code.NOT_AUTHORIZED,
    Code.FORBIDDEN,
    Code.PEER_FLOOD,
    Code.ACCOUNT_FROZEN,
    Code.PRIVACY_RESTRICTED,
    Code.WRITE_FORBIDDEN,
    Code.CONTENT_FORBIDDEN,
    Code.ADMIN_REQUIRED,
    Code.NOT_A_MEMBER,
    Code.ATTACHMENT_REFUSED,
    Code.TENANT_NOT_FOUND,
    Code.FLOOD_WAIT,
    Code.TELEGRAM_ERROR,
    Code.TELEGRAM_LAYER_REJECTED,
    Code.TELEGRAM_UNAVAILABLE,
    Code.OUTCOME_UNKNOWN,
)
"""What every route that sends can end with."""
