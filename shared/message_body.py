"""A message, as callbacks get it and as the history shows it (contract C1, M5). Fields are added, never changed or removed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, PlainSerializer

from shared.model.event import MediaType, Message
from shared.model.ids import Channel, TenantId

Iso = Annotated[datetime, PlainSerializer(datetime.isoformat)]
EXACT = (1 << 53) - 1
"""The largest integer that every JSON parser reads as it is (RFC 8259, section 6). Telegram's ids and sizes stay below by its own bounds:
https://core.telegram.org/api/bots/ids."""
Exact = Annotated[int, Field(json_schema_extra={"minimum": -EXACT, "maximum": EXACT})]


def absent(value: object) -> bool:
    return value is None


class MediaBody(BaseModel):
    """What hangs on a message; what is not known is left out."""

    type: MediaType
    id: Annotated[str | None, Field(exclude_if=absent, description="Of what can be fetched.")] = None
    url: Annotated[
        str | None,
        Field(exclude_if=absent, description="Where to GET it with a key of the tenant; a path if `APP_BASE_URL` is not set."),
    ] = None
    mime_type: Annotated[str | None, Field(exclude_if=absent)] = None
    name: Annotated[str | None, Field(exclude_if=absent, description="Where the sender gave one.")] = None
    size: Annotated[Exact | None, Field(exclude_if=absent, description="Bytes.")] = None
    width: Annotated[Exact | None, Field(exclude_if=absent, description="Pixels.")] = None
    height: Annotated[Exact | None, Field(exclude_if=absent, description="Pixels.")] = None
    duration: Annotated[float | None, Field(exclude_if=absent, description="Seconds.")] = None


class EntityBody(BaseModel):
    """A formatted piece of the text; `offset` and `length` count UTF-16 units, as JavaScript does."""

    type: Annotated[str, Field(description="As in Telegram's Bot API: `bold`, `url`, `text_link`, `mention`, `custom_emoji` and so on.")]
    offset: Exact
    length: Exact
    url: Annotated[str | None, Field(exclude_if=absent, description="With `text_link`.")]
    user_id: Annotated[Exact | None, Field(exclude_if=absent, description="With `text_mention`.")]
    language: Annotated[str | None, Field(exclude_if=absent, description="With `pre`.")]
    custom_emoji_id: Annotated[str | None, Field(exclude_if=absent, description="With `custom_emoji`.")]


class ForwardBody(BaseModel):
    """Where the message was forwarded from. People may hide their id: then there is a name alone."""

    date: Annotated[Iso, Field(description="When it was first sent.")]
    sender_id: Annotated[Exact | None, Field(exclude_if=absent)]
    sender_name: Annotated[str | None, Field(exclude_if=absent)]
    message_id: Annotated[Exact | None, Field(exclude_if=absent, description="The post, where it came from a channel.")]
    author_signature: Annotated[str | None, Field(exclude_if=absent)]


class MessageBody(BaseModel):
    """A message; the first six fields are there in every event, null where they are not known."""

    chat_id: Annotated[Exact, Field(description="The chat's marked id; a `peer` to send to.")]
    message_id: Exact
    sender_id: Annotated[
        Exact | None, Field(description="Of a channel's post and of an anonymous admin, the chat's own. Null where Telegram names nobody.")
    ]
    sender_username: str | None
    text: Annotated[str, Field(description="Empty where there is only media.")]
    date: Iso
    sender_name: str | None
    sender_phone: Annotated[str | None, Field(exclude_if=absent, description="Where Telegram shows it to this account.")]
    chat_type: Literal["private", "group", "channel"]
    reply_to: Annotated[Exact | None, Field(exclude_if=absent, description="The message of that chat which this one answers.")]
    media: Annotated[MediaBody | None, Field(exclude_if=absent)]
    outgoing: Annotated[bool | None, Field(exclude_if=absent, description="True where the account itself wrote it.")] = None
    entities: Annotated[list[EntityBody] | None, Field(exclude_if=absent, description="How the text is formatted.")] = None
    album_id: Annotated[str | None, Field(exclude_if=absent, description="The same in each message of an album.")] = None
    forward: Annotated[ForwardBody | None, Field(exclude_if=absent)] = None
    reply_chat_id: Annotated[Exact | None, Field(exclude_if=absent, description="The chat of `reply_to`, where that is another chat.")] = (
        None
    )
    reply_quote: Annotated[str | None, Field(exclude_if=absent, description="What the sender quoted of the message answered.")] = None
    thread_id: Annotated[
        Exact | None, Field(exclude_if=absent, description="The message that its topic, or its thread of comments, begins with.")
    ] = None
    edited_at: Annotated[Iso | None, Field(exclude_if=absent, description="When it was last edited.")] = None
    via_bot_id: Annotated[Exact | None, Field(exclude_if=absent, description="The inline bot that it was written with.")] = None
    author_signature: Annotated[str | None, Field(exclude_if=absent, description="A channel's or an anonymous admin's signature.")] = None
    mentioned: Annotated[bool | None, Field(exclude_if=absent, description="True where it mentions the account, or answers it.")] = None


class TextIdMessageBody(MessageBody):
    """A message of a channel whose ids are text."""

    chat_id: str  # type: ignore[assignment]
    message_id: str  # type: ignore[assignment]
    sender_id: str | None  # type: ignore[assignment]
    reply_to: Annotated[str | None, Field(exclude_if=absent)]  # type: ignore[assignment]


def message_body(channel: Channel, message: Message, tenant_id: TenantId, base_url: str) -> MessageBody:
    """Return a message with its ids as the channel's users know them: Telegram's are numbers. `base_url` begins links."""
    fields = message.model_dump()
    if (media := fields["media"]) and media["id"]:
        media["url"] = f"{base_url.rstrip('/')}/tenants/{tenant_id}/media/{media['id']}"
    kind = MessageBody if channel is Channel.TELEGRAM else TextIdMessageBody
    return kind.model_validate(fields)
