"""A text under construction, with its entities; and the error for markup that does not hold."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from shared.errors import AvioError, Code
from shared.rpc.text import EntityType, MarkupEntity, utf16_length

MAX_URL = 2048
_USER = re.compile(r"tg://user\?id=([1-9][0-9]{0,17})")
_EMOJI = re.compile(r"tg://emoji\?id=([1-9][0-9]{0,18})")
_SCHEMES = {"http", "https", "tg", "ton"}


def markup_error(problem: str, source: str, at: int) -> AvioError:
    """Return the error for a place of the caller's text, an index into it; lines and columns count from 1, in characters."""
    line, column = source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
    place = f"line {line}, column {column}"
    fields = [{"field": "body.text", "problem": f"{place}: {problem}"}]
    return AvioError(Code.INVALID_MARKUP, f"The text's markup is wrong at {place}: {problem} Nothing was sent.", fields=fields)


@dataclass
class Opened:
    """An entity whose end is still to come. `at` is where its marker stands in the source, `begins` where its text begins."""

    marker: str
    at: int
    begins: int
    type: EntityType | None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass
class MarkedText:
    """The text so far, its length in UTF-16 units, its entities, and those that are open, the innermost last."""

    source: str
    pieces: list[str] = field(default_factory=list)
    length: int = 0
    entities: list[MarkupEntity] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)

    def write(self, text: str) -> None:
        """Append text that has no markup."""
        self.pieces.append(text)
        self.length += utf16_length(text)

    def open(self, marker: str, at: int, kind: EntityType | None, **more: Any) -> None:
        """Begin an entity; one without a type only has to be closed."""
        self.opened.append(Opened(marker, at, self.length, kind, more))

    def close(self, at: int, **more: Any) -> None:
        """End the innermost entity."""
        opened = self.opened.pop()
        if opened.type is None:
            return
        if self.length == opened.begins:
            raise markup_error(f"`{opened.marker}` has no text between its beginning and its end.", self.source, opened.at)
        self.entities.append(
            MarkupEntity(type=opened.type, offset=opened.begins, length=self.length - opened.begins, **{**opened.more, **more})
        )

    def inside(self, *kinds: EntityType) -> bool:
        """Tell whether an entity of these types is open."""
        return any(opened.type in kinds for opened in self.opened)

    def finish(self) -> tuple[str, tuple[MarkupEntity, ...]]:
        """Return text and entities in the order of their beginnings, the outer ones first."""
        if self.opened:
            raise markup_error(f"`{self.opened[-1].marker}` is never closed.", self.source, self.opened[-1].at)
        ordered = sorted(self.entities, key=lambda entity: (entity.offset, -entity.length))
        return "".join(self.pieces), tuple(ordered)


def link(url: str) -> tuple[EntityType, dict[str, str]] | None:
    """Return what a link to an address is: a mention of a user by `tg://user?id=`, else a link; None if it cannot be linked."""
    if found := _USER.fullmatch(url):
        return EntityType.TEXT_MENTION, {"user_id": found[1]}
    return (EntityType.TEXT_LINK, {"url": url}) if is_url(url) else None


def emoji(url: str) -> str | None:
    """Return the id in `tg://emoji?id=`, None for another address."""
    found = _EMOJI.fullmatch(url)
    return found[1] if found else None


def is_url(url: str) -> bool:
    """Tell whether an address can be linked: it has a scheme that Telegram opens, and no blank."""
    if len(url) > MAX_URL or re.search(r"[\s\x00-\x20<>]", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(parts.netloc)
