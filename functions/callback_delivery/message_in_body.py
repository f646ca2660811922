"""Messages as MessageIn, the form in which providers post them, for callbacks whose `body_format` is `message_in` (contract P4).

What a provider posted goes on as it came, with the tenant's number. A message of Telegram's gets the same form.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shared.message_body import Exact, MediaBody, MessageBody, absent, message_body
from shared.model.callback_key import owner_of
from shared.model.event import Event, MessageReceived, ProviderReady
from shared.model.ids import Channel

Known = Field(exclude_if=absent)
_MEDIA: Mapping[str, str] = {"photo": "image"}


class MediaInBody(BaseModel):
    """What hangs on a message; what is not known is left out."""

    type: Annotated[
        str, Field(description="`image`, or the type of other bodies: `video`, `audio`, `voice`, `sticker`, `file`, `other`...")
    ]
    url: Annotated[str | None, Field(exclude_if=absent, description="Where to GET it with a key of the tenant.")]
    mime_type: Annotated[str | None, Known]
    name: Annotated[str | None, Known]
    size: Annotated[Exact | None, Field(exclude_if=absent, description="Bytes.")]


class MessageInBody(BaseModel):
    """A message as MessageIn. A provider's message has the fields that the provider posted; ids are text."""

    event: Literal["messages.incoming"] = "messages.incoming"
    tenant: Annotated[Exact, Field(description="The tenant's number.")]
    provider: str
    channel: str
    message_id: str
    sender: Annotated[str, Field(serialization_alias="from", description="Who wrote: the sender's id; the chat's where that is not known.")]
    text: str
    ts: Annotated[Exact, Field(description="Seconds since 1970.")]
    media: list[MediaInBody]
    chat_id: Annotated[str, Field(description="Where to answer.")]
    chat_type: Literal["private", "group", "channel"]
    sender_name: Annotated[str | None, Known]
    sender_username: Annotated[str | None, Known]
    sender_phone: Annotated[str | None, Known]
    reply_to: Annotated[str | None, Known]


def message_in_body(event: Event, tenant_number: int, base_url: str) -> dict[str, Any] | None:
    """Return the body of a message, or of a session that is ready; None for kinds that have no such form."""
    match event:
        case MessageReceived(original=None):
            message = message_body(event.channel, event.message, owner_of(event.tenant_id), base_url)
            return message_in_of(event.channel, message, tenant_number)
        case MessageReceived(original=str() as original):
            text = {"text": event.message.text} if event.message.text else {}
            return {**json.loads(original), "tenant": tenant_number, **text}
        case ProviderReady():
            said = event.ready.model_dump(mode="json", include={"state"}, exclude_none=True)
            at = {"ts": int(event.ready.at.timestamp())} if event.ready.at else {}
            return {"event": event.event, "tenant": tenant_number, "channel": event.channel, **said, **at}
    return None


def message_in_of(channel: Channel, message: MessageBody, tenant_number: int) -> dict[str, Any]:
    """Return a message in this form."""
    sender = message.chat_id if message.sender_id is None else message.sender_id
    body = MessageInBody(
        tenant=tenant_number,
        provider=channel,
        channel=channel,
        message_id=str(message.message_id),
        sender=str(sender),
        text=message.text,
        ts=int(message.date.timestamp()),
        media=[_file(message.media)] if message.media else [],
        chat_id=str(message.chat_id),
        chat_type=message.chat_type,
        sender_name=message.sender_name,
        sender_username=message.sender_username,
        sender_phone=message.sender_phone,
        reply_to=None if message.reply_to is None else str(message.reply_to),
    )
    return body.model_dump(mode="json", by_alias=True)


def _file(media: MediaBody) -> MediaInBody:
    known = media.model_dump(include={"url", "mime_type", "name", "size"})
    return MediaInBody(type=_MEDIA.get(media.type, media.type), **{"url": None, "mime_type": None, "name": None, "size": None, **known})
