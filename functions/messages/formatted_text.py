"""A caller's text and how it is formatted, brought into the one form that is sent: a text with entities.

The text is trimmed as Telegram trims it, and counted after that, as Telegram counts it: in UTF-16 units.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from functions.messages.markup.html import parse_html
from functions.messages.markup.markdown import parse_markdown
from functions.messages.markup.marked_text import is_url
from shared.errors import AvioError, Code
from shared.rpc.text import EntityType, MarkupEntity, utf16_length

MAX_UTF16_UNITS = 4096
"""https://core.telegram.org/method/messages.sendMessage: the server's `message_length_max`, which counts UTF-16 code units."""
MAX_ENTITIES = 100
"""https://core.telegram.org/api/entities: Telegram passes over those beyond, so the text would be half-marked."""

ParseMode = Literal["none", "markdown", "html"]
_PARSERS: dict[ParseMode, Callable[[str], tuple[str, tuple[MarkupEntity, ...]]]] = {
    "none": lambda text: (text, ()),
    "markdown": parse_markdown,
    "html": parse_html,
}
_NEEDS = {
    EntityType.TEXT_LINK: "url",
    EntityType.TEXT_MENTION: "user_id",
    EntityType.CUSTOM_EMOJI: "custom_emoji_id",
}


@dataclass(frozen=True)
class FormattedText:
    """A text as it is sent."""

    text: str
    entities: tuple[MarkupEntity, ...] = ()


def formatted(
    text: str,
    parse_mode: ParseMode = "none",
    entities: Sequence[MarkupEntity] | None = None,
    limit: int = MAX_UTF16_UNITS,
    *,
    empty: bool = False,
) -> FormattedText:
    """Return what is sent of a caller's text; `empty` allows that there is nothing to see.

    Raises `invalid_markup` with the place of what is wrong, `message_too_long`, and `invalid_request` for entities that do not fit the
    text and for a text with nothing to see.
    """
    if entities is not None:
        if parse_mode != "none":
            raise _refused("entities", "Give parse_mode or entities, not both.")
        _check(text, entities)
    parsed, found = _PARSERS[parse_mode](text)
    trimmed = _trimmed(parsed, tuple(entities) if entities is not None else found)
    if not empty and not seen(trimmed.text):
        raise _refused("text", "A message has something to see: not only blanks and zero-width characters.", Code.INVALID_REQUEST)
    if utf16_length(trimmed.text) > limit:
        raise AvioError(Code.MESSAGE_TOO_LONG)
    if len(trimmed.entities) > MAX_ENTITIES:
        raise AvioError(Code.INVALID_MARKUP, f"Telegram formats at most {MAX_ENTITIES} parts of one message. Nothing was sent.")
    return trimmed


def seen(text: str) -> bool:
    """Tell whether a text has anything to see: Telegram takes spaces and characters without width for an empty message."""
    return not all(character.isspace() or unicodedata.category(character) == "Cf" for character in text)


def _trimmed(text: str, entities: tuple[MarkupEntity, ...]) -> FormattedText:
    kept = text.strip()
    begins = utf16_length(text[: len(text) - len(text.lstrip())])
    ends = begins + utf16_length(kept)
    moved = []
    for entity in entities:
        first, last = max(entity.offset, begins), min(entity.end, ends)
        if first < last:
            moved.append(entity.model_copy(update={"offset": first - begins, "length": last - first}))
    return FormattedText(kept, tuple(moved))


def _check(text: str, entities: Sequence[MarkupEntity]) -> None:
    units, inside, at = utf16_length(text), set(), 0
    for character in text:  # between the two units of one character nothing begins or ends
        at += 1 if ord(character) < 0x10000 else 2
        if ord(character) >= 0x10000:
            inside.add(at - 1)
    for number, entity in enumerate(entities):
        if problem := _problem(entity, units, inside):
            raise _refused(f"entities.{number}", f"{problem} (offset {entity.offset}, length {entity.length})")


def _problem(entity: MarkupEntity, units: int, inside: set[int]) -> str | None:
    if entity.end > units:
        return f"The entity ends behind the text, which has {units} UTF-16 units."
    if {entity.offset, entity.end} & inside:
        return "The entity begins or ends in the middle of a character."
    given = {name for name in ("url", "user_id", "custom_emoji_id", "language") if getattr(entity, name) is not None}
    if needed := _NEEDS.get(entity.type):
        if given != {needed}:
            return f"An entity {entity.type} has the field {needed}, and no other."
    elif given - ({"language"} if entity.type is EntityType.PRE else set()):
        return f"An entity {entity.type} does not have the field {min(given)}."
    if entity.url is not None and not is_url(entity.url):
        return "An address begins with https://, http:// or tg://, and has no blanks."
    return None


def _refused(field: str, problem: str, code: Code = Code.CONTRADICTORY_FIELDS) -> AvioError:
    return AvioError(code, fields=[{"field": f"body.{field}", "problem": problem}])
