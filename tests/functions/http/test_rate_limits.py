"""The rate limit of a tenant over HTTP (M3)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.model.account import AccountState
from tests.functions.api import ADMIN, Api, key
from tests.functions.sends import limit_to, logged_in, remaining, send
from tests.support.stand_in_owner import StandInOwner

MESSAGE = {"peer": "me", "text": "x"}


async def test_ten_in_sixty_seconds_pass_and_the_eleventh_is_told_when(api: Api, owner: StandInOwner) -> None:
    """The default; the window slides: each request is free again a window after it was made. A refused one counts for nothing."""
    tenant = await logged_in(api, owner)
    for number in range(10):
        answer = await send(api, tenant)
        assert (answer.status_code, answer.headers["RateLimit-Policy"]) == (200, '"tenant";q=10;w=60')
        assert remaining(answer) == 9 - number
        api.clock.advance(2)
    for _ in range(3):
        refused = await send(api, tenant)
        assert (refused.status_code, refused.json()["error"], refused.headers["RateLimit"]) == (429, "rate_limited", '"tenant";r=0;t=40')
        assert (refused.headers["Retry-After"], refused.json()["retry_after_seconds"]) == ("40", 40)
    api.clock.advance(39.5)
    assert (await send(api, tenant)).headers["Retry-After"] == "1"
    api.clock.advance(0.5)
    assert [(await send(api, tenant)).status_code for _ in range(2)] == [200, 429]
    assert len(owner.asked) == 11


async def test_requests_at_once_never_pass_the_limit(api: Api, owner: StandInOwner) -> None:
    """With and without an Idempotency-Key: exactly so many pass."""
    for keyed in (False, True):
        tenant = await logged_in(api, owner)
        answers = await asyncio.gather(*(send(api, tenant, f"k{number}" if keyed else None) for number in range(16)))
        assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 6


@pytest.mark.parametrize("change", [{"text": " "}, {"peer": "+7"}, {"unknown": 1}, {"text": "x" * 4097}])
async def test_what_is_refused_before_it_is_done_counts_for_nothing(api: Api, owner: StandInOwner, change: dict[str, Any]) -> None:
    """And its answer tells of the limit too."""
    tenant = await logged_in(api, owner)
    refused = await send(api, tenant, **change)
    assert (refused.status_code in (400, 422), remaining(refused)) == (True, 10)
    api.put_account(tenant["id"], AccountState.LOGGED_OUT, owner.worker)
    assert (await send(api, tenant)).status_code == 401
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    assert remaining(await send(api, tenant)) == 9


async def test_the_administrator_sets_it_and_the_tenant_does_not(api: Api, owner: StandInOwner) -> None:
    """Within bounds; null is the default again. A higher limit holds at once, a lower one too."""
    tenant = await logged_in(api, owner)
    assert (await api.call("GET", f"/tenants/{tenant['id']}")).json()["rate_limit"] == {"limit": 10, "window_s": 60}
    await limit_to(api, tenant, 3)
    assert [(await send(api, tenant)).status_code for _ in range(4)] == [200, 200, 200, 429]
    await limit_to(api, tenant, 5)
    assert [(await send(api, tenant)).status_code for _ in range(3)] == [200, 200, 429]
    await limit_to(api, tenant, 4)
    assert (await send(api, tenant)).status_code == 429
    body = {"rate_limit": {"limit": 100, "window_s": 1}}
    refused = await api.call("PATCH", f"/tenants/{tenant['id']}", json=body, headers=key(tenant["key"]))
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    for wrong in ({"limit": 0, "window_s": 60}, {"limit": 10_001, "window_s": 60}, {"limit": 1, "window_s": 0}, {"limit": 1}, 5, {}):
        assert (await api.call("PATCH", f"/tenants/{tenant['id']}", json={"rate_limit": wrong})).status_code == 422, wrong
    reset = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"rate_limit": None}, headers=ADMIN)
    assert reset.json()["rate_limit"] == {"limit": 10, "window_s": 60}


async def test_a_high_limit_is_a_bucket_that_fills(api: Api, owner: StandInOwner) -> None:
    """At once as many as the limit; then one each time that a share of the window has passed."""
    tenant = await logged_in(api, owner)
    await limit_to(api, tenant, 120, 60)
    answers = [await send(api, tenant) for _ in range(121)]
    assert [answer.status_code for answer in answers] == [200] * 120 + [429]
    assert remaining(answers[0]) == 119
    assert answers[-1].headers["Retry-After"] == "1"
    api.clock.advance(0.5)
    assert [(await send(api, tenant)).status_code for _ in range(2)] == [200, 429]


async def test_one_tenants_limit_is_its_own(api: Api, owner: StandInOwner) -> None:
    """Also for the administrator, who sends in the name of the tenant."""
    one, other = await logged_in(api, owner), await logged_in(api, owner)
    await limit_to(api, one, 1)
    path = f"/tenants/{one['number']}/messages/send"
    assert [(await api.call("POST", path, json=MESSAGE)).status_code for _ in range(2)] == [200, 429]
    assert (await send(api, one)).status_code == 429
    assert (await send(api, other)).status_code == 200
