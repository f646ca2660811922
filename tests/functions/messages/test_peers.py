"""Whom a message goes to, as callers write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.messages.peers import parse
from shared.errors import AvioError, Code
from shared.rpc.recipient import RECIPIENT


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
        ("durov", "@durov"),
        ("t.me/durov", "@durov"),
        ("T.me/Durov/", "@Durov"),
        ("https://t.me/durov/123", "@durov"),
        ("https://t.me/s/durov?before=5", "@durov"),
        ("http://www.telegram.me/durov?start=x", "@durov"),
        ("tg://resolve?domain=durov", "@durov"),
        ("TG:resolve?domain=durov&post=5", "@durov"),
        ("t.me/c/123/45", "-1000000000123"),
        ("https://t.me/c/123/4/45", "-1000000000123"),
        ("tg://privatepost?channel=123&post=45", "-1000000000123"),
        ("tg://user?id=77", "77"),
        ("+7 (900) 123-45-67", "+79001234567"),
        ("tel:+7-900-123-45-67", "+79001234567"),
        ("\u202a+79001234567\u202c", "+79001234567"),
        ("t.me/+79001234567", "+79001234567"),
        ("tg://resolve?phone=79001234567", "+79001234567"),
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
        "1abc",
        "https://example.com/durov",
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
        "\ud800",
    ],
)
def test_what_names_nobody_is_refused(peer: str | int) -> None:
    """With the field named, and without asking Telegram."""
    assert refusal(peer) is Code.INVALID_REQUEST


@pytest.mark.parametrize(
    ("peer", "code"),
    [
        ("+1", Code.INVALID_PHONE),
        ("+", Code.INVALID_PHONE),
        ("8 (912) 345-67-89", Code.INVALID_PHONE),
        ("tel:89123456789", Code.INVALID_PHONE),
        ("t.me/+AbCdEf0123456789", Code.INVITE_LINK),
        ("https://t.me/joinchat/AbCdEf", Code.INVITE_LINK),
        ("tg://join?invite=AbCdEf", Code.INVITE_LINK),
        ("t.me/", Code.PEER_NOT_FOUND),
        ("t.me/c/x", Code.PEER_NOT_FOUND),
        ("https://t.me/share/url?url=x", Code.PEER_NOT_FOUND),
        ("https://t.me/имя_имя", Code.PEER_NOT_FOUND),
        ("tg://settings?x=1", Code.PEER_NOT_FOUND),
    ],
)
def test_what_looks_like_a_phone_or_a_link_and_leads_nowhere_says_so(peer: str, code: Code) -> None:
    """Field case S2: an invite link has a code of its own."""
    assert refusal(peer) is code


def test_a_phone_without_its_plus_is_told_so() -> None:
    """Not taken for somebody else's number."""
    with pytest.raises(AvioError) as refused:
        parse("8 (912) 345-67-89")
    assert "begin with +" in refused.value.detail


@given(st.text() | st.integers())
def test_anything_is_either_refused_or_of_a_form_that_the_owner_knows(peer: str | int) -> None:
    """No input gets through that is not me, a name or a number, and none is a fault."""
    try:
        parsed = parse(peer)
    except AvioError:
        return
    assert RECIPIENT.fullmatch(parsed)
