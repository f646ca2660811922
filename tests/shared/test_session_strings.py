"""Session strings of other libraries: read as their libraries write them, refused in words that repeat nothing of them (M6).

`session_strings.json` was written by Telethon 1.45, Kurigram 2.2, GramJS 2.26 and mtcute 0.30, each with the same key.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import AvioError, Code
from shared.session_strings import ForeignSession, SessionFormat, read

STRINGS: dict[str, str] = json.loads((Path(__file__).parent / "session_strings.json").read_text())
KEY = bytes(range(256))
USERS: dict[str, int | None] = {
    "telethon": None,
    "telethon_ipv6": None,
    "gramjs": None,
    "gramjs_host": None,
    "pyrogram": 123456789012,
    "pyrogram_old": 1234567890,
    "pyrogram_old_64": 123456789012,
    "mtcute": 123456789012,
    "mtcute_media": None,
    "mtcute_ipv6": None,
}


def refusal(text: str, kind: SessionFormat | None = None) -> str:
    """Return what is said of a string that is refused."""
    with pytest.raises(AvioError) as refused:
        read(text, kind)
    assert refused.value.code is Code.INVALID_SESSION
    return refused.value.detail


@pytest.mark.parametrize(("name", "user_id"), USERS.items())
def test_each_librarys_strings_are_read_and_told_apart(name: str, user_id: int | None) -> None:
    """With the format given, and without it."""
    expected = ForeignSession(4, KEY, user_id)
    assert read(f" {STRINGS[name]}\n") == read(STRINGS[name], SessionFormat(name.partition("_")[0])) == expected
    assert read(STRINGS[name].rstrip("=")) == expected


@pytest.mark.parametrize("name", USERS)
@pytest.mark.parametrize("kind", SessionFormat)
def test_a_string_of_another_format_is_refused(name: str, kind: SessionFormat) -> None:
    """Never read as something else; GramJS itself takes Telethon's."""
    if name.partition("_")[0] == kind or (name, kind) == ("telethon", SessionFormat.GRAMJS):
        assert read(STRINGS[name], kind)
    else:
        assert kind in refusal(STRINGS[name], kind)


@pytest.mark.parametrize(("name", "word"), [("bot", "bot"), ("test", "test environment")])
@pytest.mark.parametrize("kind", ["pyrogram", "mtcute"])
def test_bots_and_the_test_environment_are_refused(kind: str, name: str, word: str) -> None:
    """Where the string says so."""
    assert word in refusal(STRINGS[f"{kind}_{name}"])


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "characters"),
        ("1", "characters"),
        ("hello world", "characters"),
        (f'"{STRINGS["telethon"]}"', "quotes"),
        ("1" + "A" * 351, "data centre 0"),
        ("1" + base64.urlsafe_b64encode(b"\x09" + bytes(262)).decode(), "data centre 9"),
        ("1" + base64.urlsafe_b64encode(b"\x02" + bytes(262)).decode(), "empty"),
        ("A" * 2000, "too long"),
        ("2" + STRINGS["telethon"][1:], "beginning"),
    ],
)
def test_what_is_wrong_is_said(text: str, word: str) -> None:
    """In words."""
    assert word in refusal(text)


def outcome(text: str, kind: SessionFormat | None) -> ForeignSession | AvioError:
    """Return what a string is read as, or its refusal."""
    try:
        return read(text, kind)
    except AvioError as error:
        return error


@given(st.sampled_from(sorted(USERS)), st.data())
def test_a_string_that_is_cut_off_or_changed_is_never_half_read(name: str, data: Any) -> None:
    """It is refused, or holds a whole key; and no error repeats a piece of it."""
    text = STRINGS[name]
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    for tried in (cut, cut + text[len(cut) + 1 :]):
        for kind in (None, *SessionFormat):
            found = outcome(tried, kind)
            if isinstance(found, ForeignSession):
                assert len(found.auth_key) == 256
            else:
                assert found.code is Code.INVALID_SESSION
                assert not any(tried[at : at + 12] in found.detail for at in range(max(0, len(tried) - 12)))
