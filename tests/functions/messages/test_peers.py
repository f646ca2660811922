"""Whom a message goes to, as callers write it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.messages.peers import parse
from shared.errors import AvioError, Code


def refusal(peer: str | int) -> Code:
    """Return the code that a peer is refused with."""
    with pytest.raises(AvioError) as refused:
        parse(peer)
    return refused.value.code


@pytest.mark.parametrize(
    ("peer", "parsed"),
    [
        ("me", "me"),
        (" me ", "me"),
        ("@durov", "@durov"),
        ("@Abcd_1234", "@Abcd_1234"),
        ("@" + "a" * 32, "@" + "a" * 32),
        (777, "777"),
        ("777", "777"),
        ("-1001234567890", "-1001234567890"),
        (-1001234567890, "-1001234567890"),
        (10**18 - 1, "999999999999999999"),
        (1 - 10**18, "-999999999999999999"),
    ],
)
def test_what_names_a_peer_is_taken(peer: str | int, parsed: str) -> None:
    """Me, a public name, an id as number or in digits."""
    assert parse(peer) == parsed


@pytest.mark.parametrize(
    "peer",
    [
        "",
        " ",
        "Me",
        "durov",
        "@abc",
        "@" + "a" * 33,
        "@имя_пользователя",
        "@a b c d",
        "@durov\x00",
        "@durov/1",
        "٧٧٧",
        "７７７",
        "1e3",
        "1.0",
        "--1",
        "0",
        0,
        1 << 63,
        "0777",
        "1000000000000000000",
        "99999999999999999999",
        "https://t.me/durov",
        "\ud800",
    ],
)
def test_what_names_nobody_is_refused(peer: str | int) -> None:
    """With the field named, and without asking Telegram."""
    assert refusal(peer) is Code.INVALID_REQUEST


@pytest.mark.parametrize(("peer", "code"), [("+79001234567", Code.NOT_SUPPORTED), ("+1", Code.INVALID_PHONE), ("+", Code.INVALID_PHONE)])
def test_phones_are_told_from_what_is_none(peer: str, code: Code) -> None:
    """A phone is not supported yet, and that is said; what only begins like one is no phone."""
    assert refusal(peer) is code


@given(st.text() | st.integers())
def test_anything_is_either_refused_or_of_a_form_that_the_owner_knows(peer: str | int) -> None:
    """No input gets through that is not me, a name or a number, and none is a fault."""
    try:
        parsed = parse(peer)
    except AvioError:
        return
    assert parsed == "me" or re.fullmatch(r"@[A-Za-z0-9_]{4,32}|-?[1-9][0-9]{0,18}", parsed)
