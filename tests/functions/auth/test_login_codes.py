"""Log-in codes as people type them, and what else start and verify take."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.auth.login_codes import entered
from tests.functions.api import Api
from tests.support.stand_in_owner import StandInOwner

PHONE = "+79001234567"
PHRASE = "the quick brown fox jumps over a lazy dog by the river"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("12345", "12345"),
        ("12 345", "12345"),
        (" 123-45 ", "12345"),
        ("1\u20112\u00a03\u200b4–5", "12345"),
        ("１２３４５", "12345"),
        ("٠١٢٣٤", "01234"),
        (" sunflower ", "sunflower"),
        ("well-known word", "well-known word"),
        (PHRASE, PHRASE),
        ("+7 (900) 123-45-67", "79001234567"),
        ("12a45", "12a45"),
        (" ", ""),
    ],
)
def test_a_code_is_taken_as_the_digits_it_is(typed: str, code: str) -> None:
    """However it is grouped and in whatever script; words are left as they are."""
    assert entered(typed) == code


@given(st.text())
def test_a_code_that_was_entered_stays_as_it_is(typed: str) -> None:
    """Whatever it was."""
    assert entered(entered(typed)) == entered(typed)


async def test_a_phrase_is_longer_than_digits_and_a_password_is_never_trimmed(api: Api, owner: StandInOwner) -> None:
    """Both reach the owner as they are meant."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: {"state": "authorized"}
    for given_code, password in (("12 345", "  пароль 🔑 "), (PHRASE, "\tx\n")):
        asked = {"phone": PHONE, "code": given_code, "password": password}
        assert (await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", json=asked)).status_code == 200
    assert [(body["code"], body["password"]) for _, body in owner.asked] == [("12345", "  пароль 🔑 "), (PHRASE, "\tx\n")]


@pytest.mark.parametrize("step", ["start", "resend"])
async def test_a_start_that_needs_no_code_says_that_the_account_is_logged_in(api: Api, owner: StandInOwner, step: str) -> None:
    """auth.sentCodeSuccess."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: {"state": "authorized"}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/{step}", **({"json": {"phone": PHONE}} if step == "start" else {}))
    assert (answer.status_code, answer.json()) == (200, {"authorized": True, "state": "authorized"})


async def test_how_a_word_begins_is_told(api: Api, owner: StandInOwner) -> None:
    """So that whoever gets several SMS knows which."""
    tenant = await api.new_tenant()
    sent = {"delivery": "sms", "length": None, "next_type": None, "resend_after_seconds": 60, "form": "word", "beginning": "s"}
    owner.respond = lambda command, body: sent
    answer = (await api.call("POST", f"/tenants/{tenant['id']}/auth/start", json={"phone": PHONE})).json()
    assert answer == {**sent, "pattern": None, "url": None, "email_pattern": None}


async def test_a_worker_that_answers_nonsense_is_our_fault(api: Api, owner: StandInOwner) -> None:
    """And never called the caller's: 500, whatever class the fault has here."""
    tenant = await api.new_tenant()
    for nonsense in ({}, {"delivery": 5}):
        owner.respond = partial(_answer, nonsense)
        for step in ("start", "cancel"):
            body: dict[str, Any] = {"json": {"phone": PHONE}} if step == "start" else {}
            answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/{step}", **body)
            assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")


def _answer(answer: dict[str, Any], _: str, __: Any) -> dict[str, Any]:
    return answer
