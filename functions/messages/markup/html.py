"""The parse mode `html`: the tags of the Bot API (https://core.telegram.org/bots/api#html-style), strictly. docs/text.md defines it.

Python's own parser finds the tags. It is lenient, and differs among its versions in what it passes over, so each of its events must
begin where the one before has ended: what it passes over is an error here.
"""

from __future__ import annotations

from html.parser import HTMLParser

from functions.messages.markup.marked_text import MarkedText, link, markup_error
from shared.rpc.text import EntityType, MarkupEntity

_STYLES = {
    "b": EntityType.BOLD,
    "strong": EntityType.BOLD,
    "i": EntityType.ITALIC,
    "em": EntityType.ITALIC,
    "u": EntityType.UNDERLINE,
    "ins": EntityType.UNDERLINE,
    "s": EntityType.STRIKETHROUGH,
    "strike": EntityType.STRIKETHROUGH,
    "del": EntityType.STRIKETHROUGH,
    "tg-spoiler": EntityType.SPOILER,
    "pre": EntityType.PRE,
}
_REFERENCES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_QUOTES = (EntityType.BLOCKQUOTE, EntityType.EXPANDABLE_BLOCKQUOTE)
_VERBATIM = (EntityType.CODE, EntityType.PRE)
_LANGUAGE = "language-"


def parse_html(source: str) -> tuple[str, tuple[MarkupEntity, ...]]:
    """Return text and entities; raise `invalid_markup` with the place of what is wrong."""
    parser = _Parser(source)
    parser.feed(source)
    parser.close()
    return parser.finish()


class _Parser(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self._source = source
        self._marked = MarkedText(source)
        self._lines = [0, *(at + 1 for at, character in enumerate(source) if character == "\n")]
        self._read = 0

    def finish(self) -> tuple[str, tuple[MarkupEntity, ...]]:
        if self._read < len(self._source):
            raise self._unreadable(self._read)
        return self._marked.finish()

    def handle_data(self, data: str) -> None:
        at = self._event(len(data))
        for character, name in (("<", "&lt;"), ("&", "&amp;")):
            if (found := data.find(character)) >= 0:
                raise self._wrong(f"`{character}` begins no tag or reference here. Write `{name}`.", at + found)
        self._marked.write(data)

    def handle_entityref(self, name: str) -> None:
        at = self._event(len(name) + 2)
        if name not in _REFERENCES or self._source[at + len(name) + 1 : at + len(name) + 2] != ";":
            raise self._wrong("there are the references &lt; &gt; &amp; &quot; and numbers like &#8364;. Write `&amp;` for `&`.", at)
        self._marked.write(_REFERENCES[name])

    def handle_charref(self, name: str) -> None:
        at = self._event(len(name) + 3)
        number = int(name[1:], 16) if name[:1] in "xX" else int(name)
        known = 0 < number < 0x110000 and not 0xD800 <= number < 0xE000
        if not known or self._source[at + len(name) + 2 : at + len(name) + 3] != ";":
            raise self._wrong("this number names no character, or has no `;` behind it.", at)
        self._marked.write(chr(number))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        text = self.get_starttag_text() or ""
        at = self._event(len(text))
        if text.endswith("/>"):
            raise self._wrong(f"`<{tag}/>` is no tag here.", at)
        kind, more = self._kind(tag, dict(attrs), at)
        if self._marked.inside(*_VERBATIM) and kind is not None:
            raise self._wrong(f"`<{tag}>` cannot be inside code.", at)
        if kind in {EntityType.TEXT_LINK, EntityType.TEXT_MENTION} and self._marked.inside(EntityType.TEXT_LINK, EntityType.TEXT_MENTION):
            raise self._wrong("a link has no link in it.", at)
        if kind in _QUOTES and self._marked.inside(*_QUOTES):
            raise self._wrong("a quote has no quote in it.", at)
        self._marked.open(tag, at, kind, **more)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        start = self._at()
        at = self._event(self._source.find(">", start) + 1 - start)
        opened = self._marked.opened
        if not opened or opened[-1].marker != tag:
            expected = f"`</{opened[-1].marker}>` comes first" if opened else "no tag is open"
            raise self._wrong(f"`</{tag}>` closes nothing here: {expected}.", at)
        self._marked.close(at)

    def handle_comment(self, data: str) -> None:
        raise self._unreadable(self._at())

    def handle_decl(self, decl: str) -> None:
        raise self._unreadable(self._at())

    def handle_pi(self, data: str) -> None:
        raise self._unreadable(self._at())

    def unknown_decl(self, data: str) -> None:
        raise self._unreadable(self._at())

    def _kind(self, tag: str, attributes: dict[str, str | None], at: int) -> tuple[EntityType | None, dict[str, str]]:
        """Return what a tag makes of its text; None for one that only says the language of the `pre` around it."""
        match tag, attributes:
            case "a", {"href": str(url), **rest} if not rest:
                if not (linked := link(url)):
                    raise self._wrong("an address begins with https://, http:// or tg://, and has no blanks.", at)
                return linked
            case "span", {"class": "tg-spoiler", **rest} if not rest:
                return EntityType.SPOILER, {}
            case "tg-emoji", {"emoji-id": str(number), **rest} if not rest and number.isascii() and number.isdigit() and len(number) < 20:
                return EntityType.CUSTOM_EMOJI, {"custom_emoji_id": number}
            case "blockquote", {"expandable": _, **rest} if not rest:
                return EntityType.EXPANDABLE_BLOCKQUOTE, {}
            case "blockquote", {**rest} if not rest:
                return EntityType.BLOCKQUOTE, {}
            case "code", {**rest}:
                return self._code(rest, at)
            case _ if tag in _STYLES and not attributes:
                return _STYLES[tag], {}
            case _ if tag in _STYLES or tag in {"a", "span", "tg-emoji", "blockquote"}:
                raise self._wrong(f"`<{tag}>` has not the attributes that it takes.", at)
        raise self._wrong(f"`<{tag}>` is not a tag that Telegram knows. Write `&lt;` for `<`.", at)

    def _code(self, attributes: dict[str, str | None], at: int) -> tuple[EntityType | None, dict[str, str]]:
        if not attributes:
            return EntityType.CODE, {}
        around = self._marked.opened[-1] if self._marked.opened else None
        language = attributes.get("class") or ""
        alone = around is not None and around.type is EntityType.PRE and around.begins == self._marked.length
        if len(attributes) > 1 or not language.startswith(_LANGUAGE) or not 0 < len(language) - len(_LANGUAGE) <= 64 or not alone:
            raise self._wrong('`<code class="language-…">` stands at the beginning of a `<pre>`.', at)
        assert around is not None
        around.more = {"language": language.removeprefix(_LANGUAGE)}
        return None, {}

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def _event(self, length: int) -> int:
        """Note that the parser has read so many characters; return where they begin."""
        at = self._at()
        if at != self._read:
            raise self._unreadable(min(self._read, at))
        self._read = at + length
        return at

    def _unreadable(self, at: int) -> Exception:
        written = "`&amp;` for `&`" if self._source.startswith("&", at) else "`&lt;` for `<`"
        return self._wrong(f"this is neither a complete tag nor text. Write {written}.", at)

    def _wrong(self, problem: str, at: int) -> Exception:
        return markup_error(problem, self._source, at)
