"""Formatted text in a request: markup in the text, or entities beside it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints

from functions.http.parameters import Whole
from functions.messages.fields import MAX_TEXT
from functions.messages.formatted_text import MAX_ENTITIES, ParseMode
from functions.messages.markup.marked_text import MAX_URL
from shared.rpc.text import EntityType, MarkupEntity


class TextEntity(BaseModel):
    """How a part of the text is formatted, as in the Bot API. `offset` and `length` are in UTF-16 units."""

    model_config = ConfigDict(extra="forbid")

    type: EntityType
    offset: Annotated[Annotated[StrictInt, Field(ge=0, le=MAX_TEXT)], Whole]
    length: Annotated[Annotated[StrictInt, Field(ge=1, le=MAX_TEXT)], Whole]
    url: Annotated[str | None, Field(max_length=MAX_URL, description="Of a `text_link`.")] = None
    user_id: Annotated[
        Annotated[StrictInt, Field(ge=1, lt=10**18), Whole] | None, Field(description="Of a `text_mention`: a user the account has met.")
    ] = None
    language: Annotated[str | None, Field(max_length=64, description="Of a `pre`.")] = None
    custom_emoji_id: Annotated[
        Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,18}$")] | None, Field(description="Of a `custom_emoji`.")
    ] = None

    def entity(self) -> MarkupEntity:
        """Return it as commands carry it."""
        return MarkupEntity(**self.model_dump(exclude={"user_id"}), user_id=None if self.user_id is None else str(self.user_id))


class FormattedFields(BaseModel):
    """How the text is formatted: by markup in it, or by entities beside it."""

    parse_mode: Annotated[ParseMode, Field(description="The text's markup: `none`, `markdown` or `html`.")] = "none"
    entities: Annotated[
        list[TextEntity] | None, Field(max_length=MAX_ENTITIES, description="In place of a parse_mode.", examples=[None])
    ] = None

    def entities_given(self) -> list[MarkupEntity] | None:
        """Return the entities as commands carry them."""
        return None if self.entities is None else [entity.entity() for entity in self.entities]
