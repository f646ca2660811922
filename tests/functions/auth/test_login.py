"""Logging in and out over HTTP, with a worker that answers as told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.model.account import AccountState, Wanted
from shared.model.ids import Channel, TenantId
from tests.functions.api import ADMIN, Api
from tests.support.stand_in_owner import StandInOwner

SENT = {
    "delivery": "app",
    "length": 5,
    "next_type": "sms",
    "resend_after_seconds": 60,
    "form": "digits",
    "beginning": None,
    "pattern": None,
    "url": None,
    "email_pattern": None,
}
PHONE = "+79001234567"


async def test_start_asks_the_owner_with_the_phone_in_international_form(api: Api, owner: StandInOwner) -> None:
    """However it was typed; and the owner's answer is the caller's."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: SENT
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/start", json={"phone": " +7 (900) 123-45-67 "})
    assert (answer.status_code, answer.json()) == (200, SENT)
    assert owner.asked == [("auth/start", {"tenant": tenant["id"], "channel": "telegram", "phone": PHONE})]


async def test_resend_and_cancel_go_to_the_owner(api: Api, owner: StandInOwner) -> None:
    """The other steps of a flow."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: SENT if command == "auth/resend" else {"state": "new"}
    resent = await api.call("POST", f"/tenants/{tenant['id']}/auth/resend")
    cancelled = await api.call("POST", f"/tenants/{tenant['id']}/auth/cancel")
    assert (resent.json(), cancelled.json()) == (SENT, {"state": "new"})
    assert [command for command, _ in owner.asked] == ["auth/resend", "auth/cancel"]


@pytest.mark.parametrize("given", [{"code": "12345"}, {"password": "p w"}, {"code": "12345", "password": "p w"}])
async def test_verify_passes_on_what_was_given(api: Api, owner: StandInOwner, given: dict[str, str]) -> None:
    """Code, password or both, as they came; nothing that was not given."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: {"state": "authorized"}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", json={"phone": PHONE, **given})
    assert (answer.status_code, answer.json()) == (200, {"authorized": True, "state": "authorized"})
    assert owner.asked == [("auth/verify", {"tenant": tenant["id"], "channel": "telegram", "phone": PHONE, **given})]


@pytest.mark.parametrize("given", [{"code": "\ud800"}, {"password": "\udfff"}, {"code": ""}, {"code": 12345}, {"password": "x" * 1025}])
async def test_what_no_telegram_app_could_send_is_not_passed_on(api: Api, owner: StandInOwner, given: dict[str, Any]) -> None:
    """Half a surrogate pair, nothing, a number that lost its zeros."""
    tenant = await api.new_tenant()
    content = json.dumps({"phone": PHONE, **given}).encode()
    headers = {**ADMIN, "Content-Type": "application/json"}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", headers=headers, content=content)
    assert (answer.status_code, answer.json()["error"], owner.asked) == (422, "invalid_request", [])


@pytest.mark.parametrize("given", [{}, {"code": None}, {"code": None, "password": None}])
async def test_verify_wants_a_code_or_a_password(api: Api, owner: StandInOwner, given: dict[str, Any]) -> None:
    """With neither there is nothing to verify, and nobody is asked."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", json={"phone": PHONE, **given})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (422, "invalid_request", [])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"error": "2fa_required", "detail": "d"}, 403),
        ({"error": "invalid_code", "detail": "d"}, 400),
        ({"error": "bad_password", "detail": "d"}, 401),
        ({"error": "flood_wait", "detail": "d", "retry_after_seconds": 31.5}, 429),
        ({"error": "not_started", "detail": "d"}, 409),
        ({"error": "payment_required", "detail": "d"}, 402),
        ({"error": "telegram_unavailable", "detail": "d", "retry_after_seconds": 5}, 503),
        ({"error": "telegram_app_rejected", "detail": "d"}, 502),
        ({"error": "not_supported", "detail": "d"}, 400),
    ],
)
async def test_what_the_owner_refuses_reaches_the_caller(api: Api, owner: StandInOwner, error: dict[str, Any], status: int) -> None:
    """Code, sentence and fields as they are, under the code's status."""
    tenant = await api.new_tenant()
    owner.respond = lambda command, body: error
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", json={"phone": PHONE, "code": "1"})
    assert (answer.status_code, {name: answer.json()[name] for name in error}) == (status, error)
    if status == 429:
        assert answer.headers["Retry-After"] == "32"


async def test_start_of_an_authorized_account_is_refused_without_asking(api: Api, owner: StandInOwner) -> None:
    """The row says it already."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/start", json={"phone": PHONE})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (409, "already_authorized", [])


async def test_without_a_live_worker_a_step_is_unavailable(api: Api) -> None:
    """Nothing happened, and the caller may try again shortly."""
    tenant = await api.new_tenant()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/auth/start", json={"phone": PHONE})
    assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (503, "unavailable", "5")


@pytest.mark.parametrize("state", [None, AccountState.NEW, AccountState.LOGGED_OUT])
async def test_logging_out_what_is_not_logged_in_is_no_error(api: Api, owner: StandInOwner, state: AccountState | None) -> None:
    """The caller wants it logged out, and it is."""
    tenant = await api.new_tenant()
    if state:
        api.put_account(tenant["id"], state)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/logout")
    assert (answer.status_code, answer.json(), owner.asked) == (200, {"state": "logged_out"}, [])


@pytest.mark.parametrize(("state", "status"), [("logged_out", 200), ("logging_out", 202)])
async def test_logout_answers_what_the_owner_achieved(api: Api, owner: StandInOwner, state: str, status: int) -> None:
    """202 where Telegram could not be told yet."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.respond = lambda command, body: {"state": state}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/logout")
    assert (answer.status_code, answer.json()) == (status, {"state": state})


async def test_logout_without_a_worker_is_left_as_a_wish(api: Api, owner: StandInOwner) -> None:
    """The worker is nudged, whoever owns the account next finds the wish, and from now on nothing is served."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.close()
    answer = await api.call("POST", f"/tenants/{tenant['id']}/logout")
    assert (answer.status_code, answer.json()) == (202, {"state": "logging_out"})
    row = api.account(tenant["id"])
    assert row
    assert row.wanted is Wanted.LOG_OUT
    nudged = api.workers.get(owner.worker.id)
    assert nudged
    assert any(nudge.startswith(tenant["id"]) for nudge in nudged.nudges)
    sent = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me", "text": "x"})
    assert (sent.status_code, sent.json()["state"]) == (401, "logging_out")
    assert (await api.call("GET", f"/tenants/{tenant['id']}/status")).json()["state"] == "logging_out"


async def test_asking_to_log_out_again_does_not_begin_the_day_anew(api: Api) -> None:
    """24 hours count from the first wish, so that a client that polls cannot keep a session alive."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED)
    for _ in range(2):
        answer = await api.call("POST", f"/tenants/{tenant['id']}/logout")
        assert answer.status_code == 202
        api.clock.advance(60)
    row = api.account(tenant["id"])
    assert row
    assert row.wanted_since
    assert (api.clock.now() - row.wanted_since).total_seconds() == 120


async def test_a_worker_that_does_not_know_how_to_log_out_is_left_the_wish(api: Api, owner: StandInOwner) -> None:
    """Whoever owns the account next does it."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.respond = lambda command, body: {"error": "not_found", "detail": "There is nothing at this address."}
    answer = await api.call("POST", f"/tenants/{tenant['id']}/logout")
    row = api.account(tenant["id"])
    assert row
    assert (answer.status_code, row.wanted) == (202, Wanted.LOG_OUT)


async def test_a_logout_whose_answer_was_lost_is_left_as_a_wish(api: Api, owner: StandInOwner) -> None:
    """It may have happened; wishing it does no harm then."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.respond = lambda command, body: None
    answer = await api.call("POST", f"/tenants/{tenant['id']}/logout")
    row = api.accounts.get(TenantId(tenant["id"]), Channel.TELEGRAM)
    assert row
    assert (answer.status_code, row.wanted) == (202, Wanted.LOG_OUT)


async def test_codes_passwords_and_phones_are_not_logged(api: Api, owner: StandInOwner) -> None:
    """Whether it goes well, is refused, or is not even well-formed."""
    tenant = await api.new_tenant()
    secrets = {"phone": "+79005550199", "code": "918273", "password": "hidden password"}
    for respond in (lambda command, body: {"state": "authorized"}, lambda command, body: {"error": "boom"}, lambda command, body: None):
        owner.respond = respond
        await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", json=secrets)
    refused = await api.call("POST", f"/tenants/{tenant['id']}/auth/verify", json={**secrets, "code": ["918273"]})
    for secret in ("79005550199", "918273", "hidden"):
        assert secret not in api.log.text
        assert secret not in refused.text
