"""Messages: send (contract M1)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from functions.http.access import SendAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors, never_null
from functions.http.parameters import Whole
from functions.messages import peers
from functions.messages.attachments import FileSending, NewAttachment
from functions.messages.fields import INT32_MAX, PeerField, Text
from functions.messages.send import Sending, check_text
from shared.errors import AvioError, Code
from shared.rpc.send_attachments import MAX_ATTACHMENTS

router = APIRouter(tags=["messages"])


class NewMessage(BaseModel):
    """A message to be sent."""

    model_config = ConfigDict(extra="forbid")

    peer: PeerField
    text: Annotated[Text | None, Field(json_schema_extra=never_null, description="May be left out where there are attachments.")] = None
    allow_import_contact: Annotated[
        StrictBool, Field(description="For phone numbers, which are not supported yet; true where it is left out.")
    ] = True
    reply_to: Annotated[
        Annotated[StrictInt, Field(ge=1, le=INT32_MAX), Whole] | None, Field(description="The message of that chat which this one answers.")
    ] = None
    attachments: Annotated[
        list[NewAttachment],
        Field(max_length=MAX_ATTACHMENTS, description="Files, grouped as Telegram groups them. The text is the first one's caption."),
    ] = []


class SentMessage(BaseModel):
    """What Telegram made of it. `peer_resolved` is the chat's marked id, as events carry it."""

    peer_resolved: int
    message_id: int
    date: datetime
    message_ids: Annotated[
        list[int] | None,
        Field(exclude_if=lambda ids: ids is None, json_schema_extra=never_null, description="With attachments: all messages, in order."),
    ] = None


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
    Code.ATTACHMENT_REFUSED,
    Code.ATTACHMENT_UNREACHABLE,
    Code.ATTACHMENT_TOO_LARGE,
    Code.ATTACHMENTS_UNDER_WAY,
    Code.UPLOAD_NOT_FOUND,
    Code.PARTLY_SENT,
    Code.RATE_LIMITED,
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
def send_message(
    body: NewMessage,
    access: SendAccess,
    sending: Annotated[Sending, provided(Sending)],
    files: Annotated[FileSending, provided(FileSending)],
) -> SentMessage:
    """Send a message as the account's person."""
    reply_to = None if body.reply_to is None else str(body.reply_to)
    if body.text is not None:
        check_text(body.text)
    if body.attachments:
        attachments = [one.for_owner(number) for number, one in enumerate(body.attachments)]
        made = files.send(access.tenant.id, access.account, peers.parse(body.peer), body.text or "", reply_to, attachments)
        ids = [int(one) for one in made.message_ids]
        return SentMessage(peer_resolved=int(made.chat_id), message_id=ids[0], date=made.date, message_ids=ids)
    if body.text is None:
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.text", "problem": "This field is required without attachments."}])
    sent = sending.send(access.tenant.id, access.account, peers.parse(body.peer), body.text, reply_to)
    return SentMessage(peer_resolved=int(sent.chat_id), message_id=int(sent.message_id), date=sent.date)
