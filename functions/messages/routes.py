"""Messages: send (contract M1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from functions.http.access import SendAccess
from functions.http.acting import Acting, Attempt
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting
from functions.http.parameters import Whole
from functions.messages import peers
from functions.messages.send import Sending, Text, check_logged_in, seen
from shared.errors import AvioError, Code

router = APIRouter(tags=["messages"])
MAX_TEXT = 1 << 16  # far above what Telegram takes, which is answered by a code of its own
NOT_BLANK = r"[^\s\x1c-\x1f]"
INT32_MAX = (1 << 31) - 1  # Telegram's message ids are 32 bits


class NewMessage(BaseModel):
    """A message to be sent."""

    model_config = ConfigDict(extra="forbid")

    peer: Annotated[
        Annotated[StrictInt, Whole] | Annotated[str, StringConstraints(max_length=64)],
        Field(
            description="`me`, `@username`, or the numeric id of a chat or user, as events carry it.",
            examples=["me"],
            json_schema_extra=peers.SCHEMA,
        ),
    ]
    text: Annotated[
        str, StringConstraints(min_length=1, max_length=MAX_TEXT), Field(examples=["Hello!"], json_schema_extra={"pattern": NOT_BLANK})
    ]
    allow_import_contact: Annotated[
        StrictBool, Field(description="For phone numbers, which are not supported yet; true where it is left out.")
    ] = True
    reply_to: Annotated[
        Annotated[StrictInt, Field(ge=1, le=INT32_MAX), Whole] | None, Field(description="The message of that chat which this one answers.")
    ] = None
    attachments: Annotated[
        list[Any],
        Field(max_length=10, description="Not supported yet: leave it out.", json_schema_extra={"maxItems": 0, "items": {"not": {}}}),
    ] = []


class SentMessage(BaseModel):
    """What Telegram made of it. `peer_resolved` is the chat's marked id, as events carry it."""

    peer_resolved: int
    message_id: int
    date: datetime


_refusals = (
    Code.INVALID_PHONE,
    Code.PEER_NOT_FOUND,
    Code.USER_NOT_FOUND,
    Code.MESSAGE_EMPTY,
    Code.MESSAGE_TOO_LONG,
    Code.REPLY_NOT_FOUND,
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
    Code.TENANT_NOT_FOUND,
    Code.FLOOD_WAIT,
    Code.TELEGRAM_ERROR,
    Code.TELEGRAM_UNAVAILABLE,
    Code.OUTCOME_UNKNOWN,
)


@router.post("/tenants/{tenant}/messages/send", responses=acting(*_refusals))
def send_message(body: NewMessage, access: SendAccess, sending: Annotated[Sending, provided(Sending)], once: Acting) -> SentMessage:
    """Send a message as the account's person.

    With an `Idempotency-Key` a repeat within 24 hours sends nothing: it gets the first answer.
    """
    if not seen(body.text):
        problem = "A message has something to see: not only blanks and zero-width characters."
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.text", "problem": problem}])
    if body.attachments:
        raise AvioError(Code.NOT_SUPPORTED, "Attachments are not supported yet.")
    message = Text(peers.parse(body.peer), body.text, None if body.reply_to is None else str(body.reply_to))

    def send(attempt: Attempt) -> SentMessage:
        sent = sending.send(access, message, attempt)
        return SentMessage(peer_resolved=int(sent.chat_id), message_id=int(sent.message_id), date=sent.date)

    return once.run(SentMessage, send, ready=lambda: check_logged_in(access.account))
