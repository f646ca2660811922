"""The two parse modes: exactly what they take, and the place of what they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.messages.markup.html import parse_html
from functions.messages.markup.markdown import parse_markdown
from shared.errors import AvioError, Code
from shared.rpc.text import MarkupEntity, utf16_length

Parse = Callable[[str], tuple[str, tuple[MarkupEntity, ...]]]


def shown(parse: Parse, source: str) -> tuple[str, list[tuple[Any, ...]]]:
    """Return the text, and of each entity type, offset, length and what else it has."""
    text, entities = parse(source)
    return text, [(e.type.value, e.offset, e.length, e.url or e.user_id or e.language or e.custom_emoji_id) for e in entities]


def place(parse: Parse, source: str) -> str:
    """Return the place that the refusal names."""
    with pytest.raises(AvioError) as refused:
        parse(source)
    assert refused.value.code is Code.INVALID_MARKUP
    return str(refused.value.fields["fields"][0]["problem"].split(":")[0])


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("plain. No marks! (1-2) #x + y", "plain. No marks! (1-2) #x + y", []),
        (
            "*b* _i_ __u__ ~s~ ||p||",
            "b i u s p",
            [("bold", 0, 1), ("italic", 2, 1), ("underline", 4, 1), ("strikethrough", 6, 1), ("spoiler", 8, 1)],
        ),
        ("🙂*b🙂*", "🙂b🙂", [("bold", 2, 3)]),
        ("*a _b_*", "a b", [("bold", 0, 3), ("italic", 2, 1)]),
        (r"\*x\_ \\", "*x_ \\", []),
        (r"`a\`*b`", "a`*b", [("code", 0, 4)]),
        ("```py\nx=1```", "x=1", [("pre", 0, 3, "py")]),
        ("```x```", "x", [("pre", 0, 1)]),
        (">q\n>*r*\ns", "q\nr\ns", [("blockquote", 0, 3), ("bold", 2, 1)]),
        ("a\n>q", "a\nq", [("blockquote", 2, 1)]),
        ("a > b | c", "a > b | c", []),
        ("[x](https://a.b/?c=1)", "x", [("text_link", 0, 1, "https://a.b/?c=1")]),
        (r"[x](https://a.b/\(c\))", "x", [("text_link", 0, 1, "https://a.b/(c)")]),
        ("[*A*](tg://user?id=7)", "A", [("bold", 0, 1), ("text_mention", 0, 1, "7")]),
        ("![👍](tg://emoji?id=5)", "👍", [("custom_emoji", 0, 2, "5")]),
    ],
)
def test_markdown(source: str, text: str, entities: list[tuple[Any, ...]]) -> None:
    """What docs/text.md says of each marker."""
    assert shown(parse_markdown, source) == (text, [(*entity, None)[:4] for entity in entities])


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("**a", "line 1, column 1"),
        ("[x](", "line 1, column 3"),
        ("[x](javascript:1)", "line 1, column 5"),
        ("a_b", "line 1, column 2"),
        ("a\nb *c", "line 2, column 3"),
        ("*a _b* c_", "line 1, column 6"),
        ("a]", "line 1, column 2"),
        ("[a [b](https://c.d)](https://e.f)", "line 1, column 4"),
        ("x\\", "line 1, column 2"),
        ("`a", "line 1, column 1"),
        ("``", "line 1, column 1"),
        (">*a\nb*", "line 1, column 2"),
        ("*a\n>b*", "line 1, column 3"),
        ("🙂 ~", "line 1, column 3"),
    ],
)
def test_wrong_markdown_names_its_place(source: str, where: str) -> None:
    """Field case S5: never half-marked."""
    assert place(parse_markdown, source) == where


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("a &amp;&lt;&gt;&quot; &#8364;&#x20AC;", 'a &<>" €€', []),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        (
            "<STRONG>a</STRONG><em>b</em><ins>c</ins><del>d</del>",
            "abcd",
            [("bold", 0, 1), ("italic", 1, 1), ("underline", 2, 1), ("strikethrough", 3, 1)],
        ),
        ('<span class="tg-spoiler">x</span><tg-spoiler>y</tg-spoiler>', "xy", [("spoiler", 0, 1), ("spoiler", 1, 1)]),
        ('<a href="https://a.b?c=1&amp;d=2">l</a>', "l", [("text_link", 0, 1, "https://a.b?c=1&d=2")]),
        ('<a href="tg://user?id=7">A</a>', "A", [("text_mention", 0, 1, "7")]),
        ('<pre><code class="language-py">x</code></pre>', "x", [("pre", 0, 1, "py")]),
        ("<pre>x</pre><code>y</code>", "xy", [("pre", 0, 1), ("code", 1, 1)]),
        ("<blockquote>q</blockquote><blockquote expandable>r</blockquote>", "qr", [("blockquote", 0, 1), ("expandable_blockquote", 1, 1)]),
        ('<tg-emoji emoji-id="5">👍</tg-emoji>', "👍", [("custom_emoji", 0, 2, "5")]),
        ("**a** _b_", "**a** _b_", []),
    ],
)
def test_html(source: str, text: str, entities: list[tuple[Any, ...]]) -> None:
    """What docs/text.md says of each tag."""
    assert shown(parse_html, source) == (text, [(*entity, None)[:4] for entity in entities])


@pytest.mark.parametrize(
    ("source", "where"),
    [
        ("<b>a", "line 1, column 1"),
        ("a\n<script>", "line 2, column 1"),
        ("<b>x</i></b>", "line 1, column 5"),
        ("</b>", "line 1, column 1"),
        ("<b></b>", "line 1, column 1"),
        ("a < b", "line 1, column 3"),
        ("AT&T", "line 1, column 3"),
        ("& x", "line 1, column 1"),
        ("x &copy;", "line 1, column 3"),
        ("&#0;", "line 1, column 1"),
        ("&#xD800;", "line 1, column 1"),
        ("<br>", "line 1, column 1"),
        ("<br/>", "line 1, column 1"),
        ("x<!-- c -->", "line 1, column 2"),
        ("<![CDATA[x]]>", "line 1, column 1"),
        ("<?php ?>", "line 1, column 1"),
        ("<b x=1>y</b>", "line 1, column 1"),
        ("<a>x</a>", "line 1, column 1"),
        ("<a href='javascript:1'>x</a>", "line 1, column 1"),
        ("x<b", "line 1, column 2"),
        ('x<a href="y', "line 1, column 2"),
        ("<b>x</b", "line 1, column 5"),
        ("<pre>a<b>c</b></pre>", "line 1, column 7"),
    ],
)
def test_wrong_html_names_its_place(source: str, where: str) -> None:
    """Whatever Python's parser passes over is an error as well."""
    assert place(parse_html, source) == where


@pytest.mark.parametrize("parse", [parse_markdown, parse_html])
@given(source=st.text(st.sampled_from("ab \n🙂*_~|`[]()!\\><&/;#=\"'bicodeprx-1")))
def test_any_text_is_refused_or_has_entities_that_fit_it(parse: Parse, source: str) -> None:
    """No other fault; each entity lies in the text, and two never overlap halfway."""
    try:
        text, entities = parse(source)
    except AvioError:
        return
    assert all(entity.offset >= 0 and entity.length > 0 and entity.end <= utf16_length(text) for entity in entities)
    for one in entities:
        assert not any(one.offset < other.offset < one.end < other.end for other in entities)
