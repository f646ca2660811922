"""`POST /send`: one message for either channel, behind the operator's guard (contract O1, O2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from functions.http.access import NamedSendAccess
from functions.http.acting import Acting
from functions.http.dependencies import provided
from functions.http.openapi_responses import acting
from functions.http.parameters import NUMBER_FORM, UUID_FORM, Whole
from functions.messages import peers
from functions.messages.account_commands import AccountCommands
from functions.messages.attachments import ATTACHMENT_ERRORS, NewAttachment
from functions.messages.delivery_fields import SEND_ERRORS, refused
from functions.messages.fields import INT32_MAX, MAX_TEXT
from functions.messages.outbox_guard import OutboxGuard
from functions.messages.routes import NewMessage, send_message
from shared.errors import AvioError, Code
from shared.model.ids import Channel
from shared.rpc.send_attachments import MAX_ATTACHMENTS, AttachmentType
from shared.whatsapp_numbers import recipient_of

router = APIRouter(tags=["messages"])
_KINDS: dict[str, AttachmentType] = {
    "photo": "photo",
    "image": "photo",
    "video": "video",
    "voice": "voice",
    "audio": "audio",
    "file": "file",
    "document": "file",
}


class TransportAttachment(BaseModel):
    """A file of a message. What it is told apart by are its bytes: `mime` is taken, and not heeded."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["photo", "image", "video", "voice", "audio", "file", "document"] = "file"
    url: Annotated[str, StringConstraints(min_length=1, max_length=2000), Field(description="An https address that anybody can read.")]
    name: Annotated[str, StringConstraints(max_length=255)] = ""
    mime: Annotated[str, StringConstraints(max_length=200)] = ""


class TransportMeta(BaseModel):
    """What a message refers to."""

    model_config = ConfigDict(extra="forbid")

    reply_to: Annotated[
        Annotated[StrictInt, Field(ge=1, le=INT32_MAX), Whole] | Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,9}$")] | None,
        Field(description="The id of the message in that chat which this one answers.", examples=["12345"]),
    ] = None


class TransportMessage(BaseModel):
    """A message for either channel."""

    model_config = ConfigDict(extra="forbid")

    tenant: Annotated[
        Annotated[StrictInt, Field(ge=1, lt=10**9), Whole]
        | Annotated[str, StringConstraints(pattern=f"^({NUMBER_FORM}|{UUID_FORM})$")]
        | None,
        Field(description="By its `number` or `id`. With a tenant's key it may be left out."),
    ] = None
    channel: Channel = Channel.TELEGRAM
    to: Annotated[
        Annotated[StrictInt, Whole] | Annotated[str, StringConstraints(min_length=1, max_length=peers.MAX_LENGTH)],
        Field(
            description="Telegram: as `peer` of `.../messages/send`. WhatsApp: `+E164`, 10 to 15 digits, or `<number>@c.us`.",
            examples=["me"],
            json_schema_extra=peers.SCHEMA,
        ),
    ]
    text: Annotated[str, StringConstraints(max_length=MAX_TEXT)] = ""
    attachments: Annotated[list[TransportAttachment], Field(default_factory=list, max_length=MAX_ATTACHMENTS)]
    meta: TransportMeta | None = None

    def message(self) -> NewMessage:
        """Return it as a message of Telegram's."""
        if not self.text and not self.attachments:
            raise refused("text", "A message has a text, attachments, or both.")
        reply_to = self.meta.reply_to if self.meta else None
        if reply_to is not None and int(reply_to) > INT32_MAX:
            raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.meta.reply_to", "problem": "Message ids are smaller."}])
        files = [NewAttachment(type=_KINDS[one.type], url=one.url, name=one.name) for one in self.attachments]
        fields: dict[str, Any] = {"peer": self.to, "attachments": files, "reply_to": None if reply_to is None else int(reply_to)}
        return NewMessage(**fields, **({"text": self.text} if self.text else {}))


class TransportAnswer(BaseModel):
    """The message is sent. `message_ids` are there where it became several."""

    ok: Literal[True] = True
    peer_resolved: int
    message_id: int
    date: datetime
    message_ids: list[int] | None = None


@router.post(
    "/send",
    responses=acting(
        *SEND_ERRORS,
        *ATTACHMENT_ERRORS,
        Code.MESSAGE_EMPTY,
        Code.MESSAGE_TOO_LONG,
        Code.OUTBOX_DISABLED,
        Code.NOT_WHITELISTED,
        Code.RECIPIENT_UNSUPPORTED,
    ),
)
def send(
    body: TransportMessage,
    access: NamedSendAccess,
    guard: Annotated[OutboxGuard, provided(OutboxGuard)],
    commands: Annotated[AccountCommands, provided(AccountCommands)],
    once: Acting,
) -> TransportAnswer:
    """Send a message by the channel that it names, to recipients whom the operator allows.

    Closed by default: the operator sets `OUTBOX_ENABLED` and `OUTBOX_WHITELIST`. Telegram alone has a worker in this version.
    """
    if access is None:
        raise AvioError(Code.TENANT_NOT_FOUND, "Name the tenant: `tenant` in the body, by its id or number.")
    recipient = peers.parse_field("to", body.to) if body.channel is Channel.TELEGRAM else recipient_of(str(body.to))
    guard.check(recipient)
    if body.channel is not Channel.TELEGRAM:
        raise AvioError(Code.NOT_SUPPORTED, "No worker of this deployment serves WhatsApp yet. Nothing was sent.")
    sent = send_message(body.message(), access, commands, once)
    return TransportAnswer(**sent.model_dump())
