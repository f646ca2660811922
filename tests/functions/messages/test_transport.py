"""`POST /send` over HTTP: the seed's message, its guards and its answers (contract O1, O2)."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from functions.messages.outbox_guard import OutboxGuard
from shared.errors import AvioError
from tests.functions.api import ADMIN, WHITELIST, Api, key
from tests.functions.sends import SENT, logged_in
from tests.support.stand_in_owner import StandInOwner


@pytest.fixture
async def tenant(api: Api, owner: StandInOwner) -> dict[str, Any]:
    """A tenant whose account the worker holds."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: SENT
    return tenant


async def post(api: Api, body: dict[str, Any], headers: dict[str, str] = ADMIN) -> httpx.Response:
    """Send by `POST /send`."""
    return await api.call("POST", "/send", headers=headers, json=body)


async def test_a_message_goes_to_the_account_of_the_tenant_that_it_names(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """By number or id; `ok` and what Telegram made of it."""
    for named in (tenant["number"], str(tenant["number"]), tenant["id"]):
        answer = await post(api, {"tenant": named, "channel": "telegram", "to": "me", "text": "Привет!", "meta": {"reply_to": "12345"}})
        assert (answer.status_code, answer.json()["ok"], answer.json()["message_id"]) == (200, True, SENT["message_id"])
    command, asked = owner.asked[-1]
    assert (command, asked["to"], asked["text"], asked["reply_to"]) == ("send", "me", "Привет!", "12345")


async def test_files_are_sent_as_attachments(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """By their address, under the kind that the message says."""
    owner.respond = lambda command, body: {**SENT, "message_ids": [SENT["message_id"]]}
    file = {"type": "image", "url": "https://example.org/file.jpg", "name": "file.jpg", "mime": "image/jpeg"}
    answer = await post(api, {"tenant": tenant["number"], "to": "me", "attachments": [file]})
    assert (answer.status_code, answer.json()["message_ids"]) == (200, [SENT["message_id"]])
    assert owner.asked[-1][1]["attachments"] == [{"type": "photo", "url": "https://example.org/file.jpg", "name": "file.jpg"}]


async def test_a_key_sends_in_its_own_tenant_alone(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """And may leave the tenant out, which the administrator may not."""
    other = await api.new_tenant()
    assert (await post(api, {"to": "me", "text": "x"}, key(tenant["key"]))).status_code == 200
    foreign = await post(api, {"tenant": other["number"], "to": "me", "text": "x"}, key(tenant["key"]))
    assert (foreign.status_code, foreign.json()["error"]) == (404, "tenant_not_found")
    nameless = await post(api, {"to": "me", "text": "x"})
    assert (nameless.status_code, nameless.json()["error"]) == (404, "tenant_not_found")
    stranger = await post(api, {"tenant": tenant["number"], "to": "me", "text": "x"}, {})
    assert (stranger.status_code, stranger.json()["error"]) == (401, "invalid_credentials")
    assert len(owner.asked) == 1


async def test_a_key_without_the_scope_sends_nothing(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """As on any route that sends."""
    made = await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read"]})
    answer = await post(api, {"to": "me", "text": "x"}, key(made.json()["key"]))
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert owner.asked == []


@pytest.mark.parametrize("to", ["@bobby", "7654321", "+79009999999", "-1009999999999"])
async def test_whoever_is_not_on_the_list_gets_nothing(api: Api, owner: StandInOwner, tenant: dict[str, Any], to: str) -> None:
    """403, and nothing was counted for the rate limit."""
    answer = await post(api, {"tenant": tenant["number"], "to": to, "text": "x"})
    assert (answer.status_code, answer.json()["ok"], answer.json()["error"]) == (403, False, "not_whitelisted")
    assert owner.asked == []


@pytest.mark.parametrize("to", ["+79991234567", "79991234567", "79991234567@c.us"])
async def test_the_three_spellings_of_a_whatsapp_number_are_one_recipient(api: Api, tenant: dict[str, Any], to: str) -> None:
    """All pass the guard; there is no worker for them yet."""
    answer = await post(api, {"tenant": tenant["number"], "channel": "whatsapp", "to": to, "text": "demo"})
    assert (answer.status_code, answer.json()["error"]) == (400, "not_supported")
    other = await post(api, {"tenant": tenant["number"], "channel": "whatsapp", "to": "+79990000000", "text": "demo"})
    assert (other.status_code, other.json()["error"]) == (403, "not_whitelisted")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({"to": "me"}, 400, "contradictory_fields"),
        ({"to": "me", "text": "x", "meta": {"reply_to": "x"}}, 422, "invalid_request"),
        ({"to": "me", "text": "x", "meta": {"reply_to": "9999999999"}}, 422, "invalid_request"),
        ({"to": "me", "text": "x", "channel": "signal"}, 422, "invalid_request"),
        ({"to": "me", "text": "x", "attachments": [{"type": "file"}]}, 422, "invalid_request"),
        ({"to": "me", "text": "x", "extra": 1}, 422, "invalid_request"),
        ({"to": "?", "text": "x"}, 422, "invalid_request"),
        ({"to": "1@g.us", "text": "x", "channel": "whatsapp"}, 400, "recipient_unsupported"),
        ({"to": "12", "text": "x", "channel": "whatsapp"}, 400, "invalid_phone"),
    ],
    ids=str,
)
async def test_what_makes_no_message_is_refused(
    api: Api, owner: StandInOwner, tenant: dict[str, Any], body: dict[str, Any], status: int, error: str
) -> None:
    """With a code that says what to do, and nothing sent."""
    answer = await post(api, {"tenant": tenant["number"], **body})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert owner.asked == []


def test_a_guard_that_nobody_opened_is_closed() -> None:
    """Neither setting alone opens it."""
    for guard in (OutboxGuard.of(enabled=False, whitelist="me"), OutboxGuard.of(enabled=True, whitelist=" , ")):
        with pytest.raises(AvioError) as refused:
            guard.check("me")
        assert refused.value.code == ("not_whitelisted" if guard.enabled else "outbox_disabled")


@pytest.mark.parametrize(
    "recipient", ["me", "@alice", "@ALICE", "+79001234567", "79991234567@c.us", "-1001234567890", "1234567", "+1234567"]
)
def test_an_entry_allows_each_form_of_its_recipient(recipient: str) -> None:
    """Digits are an id and a phone."""
    OutboxGuard.of(enabled=True, whitelist=WHITELIST).check(recipient)


@pytest.mark.parametrize("recipient", ["@alic", "79001234567", "1001234567890", "-1234567", "+7900123456", "@me"])
def test_an_entry_allows_nobody_else(recipient: str) -> None:
    """An id of the same digits as an allowed phone is another recipient."""
    with pytest.raises(AvioError):
        OutboxGuard.of(enabled=True, whitelist=WHITELIST).check(recipient)
