"""A text with its entities, as commands carry it. The names are the Bot API's: https://core.telegram.org/bots/api#messageentity."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.model.ids import MessengerId


class EntityType(StrEnum):
    """What an entity makes of its part of the text. Telegram finds those from `mention` on by itself as well."""

    BOLD = "bold"
    ITALIC = "italic"
    UNDERLINE = "underline"
    STRIKETHROUGH = "strikethrough"
    SPOILER = "spoiler"
    BLOCKQUOTE = "blockquote"
    EXPANDABLE_BLOCKQUOTE = "expandable_blockquote"
    CODE = "code"
    PRE = "pre"
    TEXT_LINK = "text_link"
    TEXT_MENTION = "text_mention"
    CUSTOM_EMOJI = "custom_emoji"
    MENTION = "mention"
    HASHTAG = "hashtag"
    CASHTAG = "cashtag"
    BOT_COMMAND = "bot_command"
    URL = "url"
    EMAIL = "email"
    PHONE_NUMBER = "phone_number"


class MarkupEntity(BaseModel):
    """One entity. `offset` and `length` are in UTF-16 units. Only the types that need it have a further field."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: EntityType
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=1)]
    url: str | None = Field(None, repr=False)
    user_id: MessengerId | None = None
    language: str | None = None
    custom_emoji_id: MessengerId | None = None

    @property
    def end(self) -> int:
        """Where it ends, in UTF-16 units."""
        return self.offset + self.length


def utf16_length(text: str) -> int:
    """Return the length of a text as Telegram counts it. https://core.telegram.org/api/entities#entity-length"""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
