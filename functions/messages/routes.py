"""Messages: send (contract M1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from functions.http.access import SendAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from functions.http.parameters import Whole
from functions.messages import peers
from functions.messages.fields import INT32_MAX, PeerField, Text
from functions.messages.send import Sending, check_text
from shared.errors import AvioError, Code

router = APIRouter(tags=["messages"])


class NewMessage(BaseModel):
    """A message to be sent."""

    model_config = ConfigDict(extra="forbid")

    peer: PeerField
    text: Text
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


@router.post("/tenants/{tenant}/messages/send", responses=errors(*_refusals))
def send_message(body: NewMessage, access: SendAccess, sending: Annotated[Sending, provided(Sending)]) -> SentMessage:
    """Send a message as the account's person."""
    check_text(body.text)
    if body.attachments:
        raise AvioError(Code.NOT_SUPPORTED, "Attachments are not supported yet.")
    reply_to = None if body.reply_to is None else str(body.reply_to)
    sent = sending.send(access.tenant.id, access.account, peers.parse(body.peer), body.text, reply_to)
    return SentMessage(peer_resolved=int(sent.chat_id), message_id=int(sent.message_id), date=sent.date)
