"""What a message says beside its text and its media: its formatting, its album, where it was forwarded from, what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypedDict

from telethon import utils
from telethon.tl import types

from shared.model.event import Entity, Forward

MOST_ENTITIES = 200
"""Telegram formats 100 pieces of a text at most: https://core.telegram.org/api/config (entities beyond that are dropped)."""

_ENTITIES: dict[type, str] = {
    types.MessageEntityMention: "mention",
    types.MessageEntityMentionName: "text_mention",
    types.MessageEntityHashtag: "hashtag",
    types.MessageEntityCashtag: "cashtag",
    types.MessageEntityBotCommand: "bot_command",
    types.MessageEntityUrl: "url",
    types.MessageEntityTextUrl: "text_link",
    types.MessageEntityEmail: "email",
    types.MessageEntityPhone: "phone_number",
    types.MessageEntityBankCard: "bank_card",
    types.MessageEntityBold: "bold",
    types.MessageEntityItalic: "italic",
    types.MessageEntityUnderline: "underline",
    types.MessageEntityStrike: "strikethrough",
    types.MessageEntitySpoiler: "spoiler",
    types.MessageEntityBlockquote: "blockquote",
    types.MessageEntityCode: "code",
    types.MessageEntityPre: "pre",
    types.MessageEntityCustomEmoji: "custom_emoji",
}
"""The names are those of the Bot API (https://core.telegram.org/bots/api#messageentity)."""


class MessageDetails(TypedDict, total=False):
    """The fields of `shared.model.event.Message` that this module fills."""

    entities: tuple[Entity, ...] | None
    album_id: str | None
    forward: Forward | None
    reply_chat_id: int | None
    reply_quote: str | None
    thread_id: int | None
    edited_at: datetime | None
    via_bot_id: int | None
    author_signature: str | None
    mentioned: bool | None


def details_of(message: Any) -> MessageDetails:
    """Return the details of a message, or of a short update that stands for one and has fewer of them."""
    reply = message.reply_to if isinstance(message.reply_to, types.MessageReplyHeader) else None
    edited = None if getattr(message, "edit_hide", None) else getattr(message, "edit_date", None)
    album = getattr(message, "grouped_id", None)
    return MessageDetails(
        entities=tuple(filter(None, map(_entity, (message.entities or ())[:MOST_ENTITIES]))) or None,
        album_id=None if album is None else str(album),
        forward=_forward(message.fwd_from),
        reply_chat_id=_marked(reply.reply_to_peer_id) if reply else None,
        reply_quote=(reply.quote_text or None) if reply else None,
        thread_id=_thread(reply) if reply else None,
        edited_at=edited,
        via_bot_id=message.via_bot_id,
        author_signature=getattr(message, "post_author", None),
        mentioned=message.mentioned or None,
    )


def _entity(entity: Any) -> Entity | None:
    kind = _ENTITIES.get(type(entity))
    if kind is None:
        return None
    return Entity(
        type=kind,
        offset=entity.offset,
        length=entity.length,
        url=getattr(entity, "url", None),
        user_id=getattr(entity, "user_id", None),
        language=getattr(entity, "language", None) or None,
        custom_emoji_id=str(entity.document_id) if isinstance(entity, types.MessageEntityCustomEmoji) else None,
    )


def _forward(header: Any) -> Forward | None:
    """Return where a message was forwarded from. People may hide their id: then there is a name alone."""
    if not isinstance(header, types.MessageFwdHeader):
        return None
    return Forward(
        date=header.date,
        sender_id=_marked(header.from_id),
        sender_name=header.from_name,
        message_id=header.channel_post,
        author_signature=header.post_author,
    )


def _thread(reply: Any) -> int | None:
    """Return the message that a topic, or the comments below a post, begin with: https://core.telegram.org/api/threads."""
    return reply.reply_to_top_id or (reply.reply_to_msg_id if reply.forum_topic else None)


def _marked(peer: Any) -> int | None:
    return utils.get_peer_id(peer) if peer else None
