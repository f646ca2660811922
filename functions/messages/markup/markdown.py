"""The parse mode `markdown`: a strict part of Telegram's MarkdownV2. docs/text.md defines it.

    *bold*  _italic_  __underline__  ~strikethrough~  ||spoiler||  `code`  ```language (newline) pre```
    [text](https://…)  [name](tg://user?id=1)  ![👍](tg://emoji?id=1)  > at the beginning of a line: quote  \\ takes the next as it is

Each marker that is not closed, has nothing in it, or overlaps another is an error with its place. So are markers within words.
"""

from __future__ import annotations

import re

from functions.messages.markup.marked_text import MarkedText, emoji, link, markup_error
from shared.rpc.text import EntityType, MarkupEntity

_STYLES = {
    "*": EntityType.BOLD,
    "_": EntityType.ITALIC,
    "__": EntityType.UNDERLINE,
    "~": EntityType.STRIKETHROUGH,
    "||": EntityType.SPOILER,
}
_TOKEN = re.compile(r"\\|```|`|__|_|\*|~|\|\||!\[|\[|\]|\n>?|\A>")
_LANGUAGE = re.compile(r"([A-Za-z0-9_+#.-]{0,64})\n")
_QUOTE = EntityType.BLOCKQUOTE


def parse_markdown(source: str) -> tuple[str, tuple[MarkupEntity, ...]]:
    """Return text and entities; raise `invalid_markup` with the place of what is wrong."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._marked = MarkedText(source)

    def parse(self) -> tuple[str, tuple[MarkupEntity, ...]]:
        at = 0
        while found := _TOKEN.search(self._source, at):
            self._marked.write(self._source[at : found.start()])
            at = self._token(found[0], found.start())
        self._marked.write(self._source[at:])
        self._end_quote(len(self._source))
        return self._marked.finish()

    def _token(self, token: str, at: int) -> int:
        """Handle one token and return where the text goes on."""
        after = at + len(token)
        match token:
            case "\\":
                return self._escaped(at)
            case "```":
                return self._pre(at)
            case "`":
                return self._code(token, at, EntityType.CODE, after)
            case "[" | "![":
                return self._open_link(token, at)
            case "]":
                return self._close_link(at)
            case "\n" | "\n>" | ">":
                self._line(token, at)
            case _:
                self._style(token, at)
        return after

    def _escaped(self, at: int) -> int:
        if at + 1 == len(self._source):
            raise self._wrong("a backslash has nothing behind it. Write `\\\\` for a backslash.", at)
        self._marked.write(self._source[at + 1])
        return at + 2

    def _style(self, marker: str, at: int) -> None:
        opened = self._marked.opened
        if opened and opened[-1].marker == marker:
            self._marked.close(at)
        elif any(one.marker == marker for one in opened):
            raise self._wrong(f"`{marker}` ends before `{opened[-1].marker}`, which began inside it.", at)
        else:
            self._marked.open(marker, at, _STYLES[marker])

    def _pre(self, at: int) -> int:
        language = _LANGUAGE.match(self._source, at + 3)
        more = {"language": language[1]} if language and language[1] else {}
        return self._code("```", at, EntityType.PRE, language.end() if language else at + 3, **more)

    def _code(self, marker: str, at: int, kind: EntityType, begins: int, **more: str) -> int:
        """Take everything up to the marker as it is; a backslash takes the next character as it is."""
        text = re.compile(rf"((?:\\.|(?!{marker})[^\\])*){marker}", re.DOTALL).match(self._source, begins)
        if not text:
            raise self._wrong(f"`{marker}` is never closed.", at)
        if self._marked.inside(_QUOTE) and "\n" in text[1]:
            raise self._wrong("a quote's code ends in its line.", at)
        self._marked.open(marker, at, kind, **more)
        self._marked.write(re.sub(r"\\(.)", r"\1", text[1], flags=re.DOTALL))
        self._marked.close(at)
        return text.end()

    def _open_link(self, marker: str, at: int) -> int:
        if any(one.marker in {"[", "!["} for one in self._marked.opened):
            raise self._wrong("a link has no link in it. Write `\\[` for a bracket.", at)
        self._marked.open(marker, at, EntityType.CUSTOM_EMOJI if marker == "![" else EntityType.TEXT_LINK)
        return at + len(marker)

    def _close_link(self, at: int) -> int:
        opened = self._marked.opened[-1] if self._marked.opened else None
        if opened is None or opened.marker not in {"[", "!["}:
            raise self._wrong("`]` closes nothing here. Write `\\]` for a bracket.", at)
        found = re.compile(r"\]\(((?:\\.|[^\\()\s])*)\)").match(self._source, at)
        if not found:
            raise self._wrong("`]` is followed by an address in round brackets, as in `[text](https://example.com)`.", at)
        url = re.sub(r"\\(.)", r"\1", found[1])
        self._address(opened.marker, url, at)
        return found.end()

    def _address(self, marker: str, url: str, at: int) -> None:
        opened = self._marked.opened[-1]
        if marker == "![":
            if not (emoji_id := emoji(url)):
                raise self._wrong("a custom emoji's address is `tg://emoji?id=` and digits.", at + 2)
            opened.more = {"custom_emoji_id": emoji_id}
        else:
            if not (linked := link(url)):
                raise self._wrong("an address begins with https://, http:// or tg://, and has no blanks.", at + 2)
            opened.type, opened.more = linked
        self._marked.close(at)

    def _line(self, token: str, at: int) -> None:
        """Begin a line: a quote begins, goes on or ends with it."""
        quoted, quotes = self._marked.inside(_QUOTE), token.endswith(">")
        if quoted and not quotes:
            self._end_quote(at)
        self._marked.write("\n" if token.startswith("\n") else "")
        if quotes and not quoted:
            if self._marked.opened:
                raise self._wrong(f"a quote begins inside `{self._marked.opened[-1].marker}`. Close that first, or write `\\>`.", at)
            self._marked.open(">", at + len(token) - 1, _QUOTE)

    def _end_quote(self, at: int) -> None:
        opened = self._marked.opened
        if opened and opened[0].type is _QUOTE:
            if len(opened) > 1:
                raise self._wrong(f"`{opened[-1].marker}` is never closed in its quote.", opened[-1].at)
            self._marked.close(at)

    def _wrong(self, problem: str, at: int) -> Exception:
        return markup_error(problem, self._source, at)
