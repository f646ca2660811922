"""Sending over HTTP, with a worker that answers as told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from functions.http.acting import ActAttempt
from shared.model.account import AccountState
from tests.functions.api import Api, key
from tests.functions.sends import SENT, logged_in
from tests.support.stand_in_owner import StandInOwner


async def test_a_message_is_sent_by_the_owner(api: Api, owner: StandInOwner) -> None:
    """Peer, text and the message it answers go to the owner with a random id; its answer is the caller's."""
    tenant = await logged_in(api, owner)
    asked = {"peer": -100123, "text": "Привет 🙂", "reply_to": 4}
    answer = await api.call("POST", f"/tenants/{tenant['number']}/messages/send", json=asked, headers=key(tenant["key"]))
    assert (answer.status_code, answer.json()) == (200, {**SENT, "date": "2026-03-01T12:00:00Z"})
    ((command, body),) = owner.asked
    random = body.pop("random_id")
    assert 0 <= random < 1 << 63
    expected = {"tenant": tenant["id"], "channel": "telegram", "to": "-100123", "text": "Привет 🙂", "reply_to": "4"}
    assert (command, body) == ("send", expected)


@pytest.mark.parametrize(("allowed", "lookup"), [(True, "import"), (False, "known")])
async def test_a_phone_goes_to_the_owner_as_a_number(api: Api, owner: StandInOwner, allowed: bool, lookup: str) -> None:
    """With whether it may be imported: an owner of an earlier version refuses that, rather than taking the number for an id."""
    tenant = await logged_in(api, owner)
    asked = {"peer": "+7 (900) 123-45-67", "text": "x", "allow_import_contact": allowed}
    assert (await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json=asked)).status_code == 200
    ((command, body),) = owner.asked
    assert (command, body["to"], body["phone_lookup"]) == ("v2/send", "+79001234567", lookup)


async def test_markup_becomes_entities(api: Api, owner: StandInOwner) -> None:
    """Trimmed as Telegram trims, with the offsets moved; the options go along."""
    tenant = await logged_in(api, owner)
    asked = {"peer": "me", "text": "  <b>🙂 a</b>\n", "parse_mode": "html", "silent": True, "reply_to": 3, "quote": {"text": "q"}}
    assert (await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json=asked)).status_code == 200
    body = owner.asked[0][1]
    assert (body["text"], body["entities"]) == ("🙂 a", [{"type": "bold", "offset": 0, "length": 4}])
    assert (body["silent"], body["quote"], body["reply_to"]) == (True, {"text": "q"}, "3")


@pytest.mark.parametrize("state", [AccountState.RESTRICTED, AccountState.FROZEN])
async def test_restricted_accounts_may_try(api: Api, owner: StandInOwner, state: AccountState) -> None:
    """What they may still do only Telegram knows."""
    tenant = await logged_in(api, owner, state)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    assert answer.status_code == 200


@pytest.mark.parametrize("state", [None, AccountState.CODE_SENT, AccountState.LOGGED_OUT, AccountState.BANNED, AccountState.KEY_DUPLICATED])
async def test_who_is_not_logged_in_sends_nothing(api: Api, owner: StandInOwner, state: AccountState | None) -> None:
    """401 with the account's state, and no worker is asked."""
    tenant = await api.new_tenant()
    if state:
        api.put_account(tenant["id"], state, owner.worker)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    said = answer.json()
    assert (answer.status_code, said["error"], said["state"]) == (401, "not_authorized", state or "new")
    assert owner.asked == []


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"text": ""}, 422, "invalid_request"),
        ({"text": " \n\t"}, 422, "invalid_request"),
        ({"text": "\u200b"}, 422, "invalid_request"),
        ({"text": "\u200b \u2060\u00a0\ufeff\u200d"}, 422, "invalid_request"),
        ({"text": "x" * 4097}, 400, "message_too_long"),
        ({"text": "🙂" * 2049}, 400, "message_too_long"),
        ({"text": "x" * 65537}, 422, "invalid_request"),
        ({"peer": "t.me/+AbCdEfGh"}, 400, "invite_link"),
        ({"text": "**a", "parse_mode": "markdown"}, 400, "invalid_markup"),
        ({"text": "<b>a", "parse_mode": "html"}, 400, "invalid_markup"),
        ({"text": "a", "parse_mode": "Markdown"}, 422, "invalid_request"),
        ({"text": "a", "entities": [{"type": "bold", "offset": 0, "length": 2}]}, 400, "contradictory_fields"),
        ({"text": "🙂", "entities": [{"type": "bold", "offset": 1, "length": 1}]}, 400, "contradictory_fields"),
        ({"text": "a", "entities": [{"type": "text_link", "offset": 0, "length": 1}]}, 400, "contradictory_fields"),
        ({"text": "a", "entities": [], "parse_mode": "html"}, 400, "contradictory_fields"),
        ({"text": "<b>" + "x" * 4097 + "</b>", "parse_mode": "html"}, 400, "message_too_long"),
        ({"quote": {"text": "x"}}, 400, "contradictory_fields"),
        ({"schedule_at": "2020-01-01T00:00:00Z"}, 400, "schedule_refused"),
        ({"schedule_at": "2099-01-01T00:00:00Z"}, 400, "schedule_refused"),
        ({"schedule_at": "tomorrow"}, 422, "invalid_request"),
        ({"send_as": "t.me/joinchat/x"}, 400, "invite_link"),
        ({"peer": "+7"}, 400, "invalid_phone"),
        ({"peer": True}, 422, "invalid_request"),
        ({"peer": 1.5}, 422, "invalid_request"),
        ({"peer": None}, 422, "invalid_request"),
        ({"peer": ["me"]}, 422, "invalid_request"),
        ({"peer": 1 << 63}, 422, "invalid_request"),
        ({"attachments": [{"type": "file"}]}, 400, "contradictory_fields"),
        ({"attachments": [{}] * 11}, 422, "invalid_request"),
        ({"reply_to": 0}, 422, "invalid_request"),
        ({"reply_to": 1 << 31}, 422, "invalid_request"),
        ({"reply_to": "1"}, 422, "invalid_request"),
        ({"allow_import_contact": "yes"}, 422, "invalid_request"),
        ({"noise": True}, 422, "invalid_request"),
        ({"silent": "yes"}, 422, "invalid_request"),
    ],
)
async def test_what_cannot_be_sent_is_refused_here(api: Api, owner: StandInOwner, change: dict[str, Any], status: int, code: str) -> None:
    """Before any worker is asked."""
    tenant = await logged_in(api, owner)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x", **change})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (status, code, [])


@pytest.mark.parametrize("text", ["x" * 4096, "🙂" * 2048, "\x00", "x", "\u200bx", "👩\u200d👩"])
async def test_what_telegram_takes_is_not_refused_here(api: Api, owner: StandInOwner, text: str) -> None:
    """The bound counts as Telegram counts: UTF-16 units."""
    tenant = await logged_in(api, owner)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": text})
    assert answer.status_code == 200
    assert owner.asked[0][1]["text"] == text


async def test_every_try_of_a_request_carries_the_same_random_id(api: Api, owner: StandInOwner) -> None:
    """The first worker says that it is not the owner; Telegram would know a repeat for what it is."""
    tenant = await logged_in(api, owner)
    answers: Iterator[dict[str, Any]] = iter([{"error": "not_mine"}, SENT])
    owner.respond = lambda command, body: next(answers)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    assert answer.status_code == 200
    first, second = (body["random_id"] for _, body in owner.asked)
    assert first == second


async def test_a_connection_that_breaks_leaves_the_outcome_unknown(api: Api, owner: StandInOwner) -> None:
    """The message may have been sent: that is said, and nothing is tried again behind the caller's back."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: None
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    assert (answer.status_code, answer.json()["error"], len(owner.asked)) == (504, "outcome_unknown", 1)


@pytest.mark.parametrize("code", ["not_supported", "not_found"])
async def test_a_worker_of_an_earlier_version_is_told_apart_from_a_wrong_address(api: Api, owner: StandInOwner, code: str) -> None:
    """Workers from before `not_supported` answer what they do not know with `not_found`, which would be about the caller's own path."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"error": code, "detail": "deploy the listener"}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    assert (answer.status_code, answer.json()["error"], len(owner.asked)) == (400, "not_supported", 1)
    assert "deploy the listener" in answer.json()["detail"]


async def test_two_requests_have_two_random_ids(api: Api, owner: StandInOwner) -> None:
    """The same text twice is two messages."""
    tenant = await logged_in(api, owner)
    for _ in range(2):
        await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    first, second = (body["random_id"] for _, body in owner.asked)
    assert first != second


def test_random_ids_are_63_bits() -> None:
    """Positive in Telegram's signed 64, and wide enough never to meet another."""
    ids = {ActAttempt(salt=b"salt").random_id(part) for part in range(1000)}
    assert len(ids) == 1000
    assert all(0 <= one < 1 << 63 for one in ids)
    assert max(ids) >= 1 << 55
