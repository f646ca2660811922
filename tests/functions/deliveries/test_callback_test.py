"""Testing a callback over HTTP: the delivery function's answer, as the caller gets it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from functions.deliveries.callback_test_limit import MOST
from tests.functions.api import Api, key
from tests.support.api_deliveries import attempt


async def tested(api: Api, **fields: Any) -> Any:
    """Test the callback of a new tenant."""
    tenant = await api.new_tenant(**fields)
    return await api.call("POST", f"/tenants/{tenant['id']}/callback/test", headers=key(tenant["key"]))


async def test_a_callback_that_answers_2xx_passes(api: Api) -> None:
    """The answer, and how long it took."""
    api.asked.answer = attempt(status=204, text="thanks")
    answer = await tested(api, callback_url="https://shop.example/in")
    assert (answer.status_code, answer.json()) == (
        200,
        {"ok": True, "woken": False, "status": 204, "fault": None, "duration_ms": 12, "answer": "thanks"},
    )
    name, asked = api.asked.asked[-1]
    assert (name, list(asked), list(asked["test"])) == ("delivery", ["test"], ["tenant_id"])


@pytest.mark.parametrize(
    "said", [{"status": 500, "text": "no room"}, {"status": 302}, {"error": "certificate refused"}, {"error": "address not allowed"}]
)
async def test_a_callback_that_does_not_fails_the_test_with_what_it_said(api: Api, said: dict[str, Any]) -> None:
    """400, with the status or the fault."""
    api.asked.answer = attempt(**said)
    answer = await tested(api, callback_url="https://shop.example/in")
    body = answer.json()
    assert (answer.status_code, body["error"]) == (400, "callback_failed")
    assert (body["status"], body["fault"], body["answer"]) == (said.get("status"), said.get("error"), said.get("text", ""))


async def test_without_a_callback_there_is_nothing_to_test(api: Api) -> None:
    """The delivery function is not asked."""
    before = len(api.asked.asked)
    answer = await tested(api)
    assert (answer.status_code, answer.json()["error"], len(api.asked.asked)) == (400, "no_callback_url", before)


@pytest.mark.parametrize(
    ("said", "fault"), [({"errorType": "StoreUnavailable"}, "Unhandled"), (None, None), ({"of": "a later version"}, None)]
)
async def test_a_fault_of_ours_is_not_the_callbacks(api: Api, said: Any, fault: str | None) -> None:
    """The delivery function died, its storage did not answer, or it is of another version: 503, to be tried again."""
    api.asked.answer, api.asked.fault = said, fault
    try:
        answer = await tested(api, callback_url="https://shop.example/in")
    finally:
        api.asked.fault = None
    assert (answer.status_code, answer.json()["error"]) == (503, "unavailable")


async def test_a_callback_can_be_tested_so_often_in_a_minute(api: Api) -> None:
    """Of concurrent tests exactly the allowed number is made; the others get a Retry-After, and other tenants are not affected."""
    api.asked.answer = attempt(status=200)
    one, other = [await api.new_tenant(callback_url="https://shop.example/in") for _ in range(2)]
    before = len(api.asked.asked)

    async def test(tenant: dict[str, Any]) -> Any:
        return await api.call("POST", f"/tenants/{tenant['id']}/callback/test", headers=key(tenant["key"]))

    answers = await asyncio.gather(*(test(one) for _ in range(MOST + 5)))
    refused = [answer for answer in answers if answer.status_code != 200]
    assert [(answer.status_code, answer.json()["error"]) for answer in refused] == [(429, "rate_limited")] * 5
    assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
    assert (len(api.asked.asked) - before, (await test(other)).status_code) == (MOST, 200)
    api.clock.advance(60)
    assert (await test(one)).status_code == 200
