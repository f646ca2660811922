"""A text's entities as Telegram's requests take them (https://core.telegram.org/api/entities)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from telethon import utils
from telethon.tl import types

from listener.telegram.operations.operation_runner import Connected
from listener.telegram.operations.recipients import resolve
from shared.errors import AvioError, Code
from shared.rpc.text import EntityType, MarkupEntity

_PLAIN: dict[EntityType, Callable[[int, int], Any]] = {
    EntityType.BOLD: types.MessageEntityBold,
    EntityType.ITALIC: types.MessageEntityItalic,
    EntityType.UNDERLINE: types.MessageEntityUnderline,
    EntityType.STRIKETHROUGH: types.MessageEntityStrike,
    EntityType.SPOILER: types.MessageEntitySpoiler,
    EntityType.BLOCKQUOTE: types.MessageEntityBlockquote,
    EntityType.EXPANDABLE_BLOCKQUOTE: lambda offset, length: types.MessageEntityBlockquote(offset, length, collapsed=True),
    EntityType.CODE: types.MessageEntityCode,
    EntityType.MENTION: types.MessageEntityMention,
    EntityType.HASHTAG: types.MessageEntityHashtag,
    EntityType.CASHTAG: types.MessageEntityCashtag,
    EntityType.BOT_COMMAND: types.MessageEntityBotCommand,
    EntityType.URL: types.MessageEntityUrl,
    EntityType.EMAIL: types.MessageEntityEmail,
    EntityType.PHONE_NUMBER: types.MessageEntityPhone,
}


async def telegram_entities(at: Connected, entities: Sequence[MarkupEntity]) -> list[Any]:
    """Return Telegram's entities; raise `peer_not_found` for a mentioned user whom the account has not met."""
    return [await _entity(at, entity) for entity in entities]


async def _entity(at: Connected, entity: MarkupEntity) -> Any:
    match entity:
        case MarkupEntity(type=EntityType.PRE):
            return types.MessageEntityPre(entity.offset, entity.length, entity.language or "")
        case MarkupEntity(type=EntityType.TEXT_LINK, url=str(url)):
            return types.MessageEntityTextUrl(entity.offset, entity.length, url)
        case MarkupEntity(type=EntityType.CUSTOM_EMOJI, custom_emoji_id=str(emoji_id)):
            return types.MessageEntityCustomEmoji(entity.offset, entity.length, int(emoji_id))
        case MarkupEntity(type=EntityType.TEXT_MENTION, user_id=str(user_id)):
            return types.InputMessageEntityMentionName(entity.offset, entity.length, await _user(at, user_id))
        case _ if entity.type in _PLAIN:
            return _PLAIN[entity.type](entity.offset, entity.length)
    raise AvioError(Code.INVALID_REQUEST)


async def _user(at: Connected, user_id: str) -> Any:
    try:
        _, peer = await resolve(at.client, at.peers, at.self_id, user_id)
        return utils.get_input_user(peer)
    except (AvioError, TypeError) as error:
        detail = f"The account has not met the user {user_id} whom the text mentions. Nothing was sent."
        raise AvioError(Code.PEER_NOT_FOUND, detail) from error
