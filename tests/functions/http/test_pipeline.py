"""The steps between a caller and a route."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter, Request
from pydantic import BaseModel

from functions.http.access import Administrator, SendAccess
from functions.http.callers import Caller
from functions.http.dependencies import Dependencies
from shared.errors import AvioError, Code
from shared.model.tenant import Tenant
from tests.functions.api import ADMIN, Api, key


class Order(BaseModel):
    """What the route takes."""

    name: str


class Steps:
    """Steps that note when they ran; `refusing` names the step that refuses."""

    def __init__(self) -> None:
        self.ran: list[Any] = []
        self.refusing: str | None = None

    def named(self, name: str) -> Any:
        """Return a step."""

        def step(_: Request, caller: Caller, tenant: Tenant | None) -> None:
            self.ran.append((name, caller.kind.title, tenant and tenant.id))
            if name == self.refusing:
                raise AvioError(Code.RATE_LIMITED, retry_after_s=7)

        return step


def orders(api: Api, steps: Steps) -> Api:
    """Return the API as two routes, with a step in each place."""
    router = APIRouter()

    @router.post("/tenants/{tenant}/orders")
    def order(body: Order, access: SendAccess) -> str:
        steps.ran.append("route")
        return access.tenant.id

    @router.get("/orders")
    def everything(_: Administrator) -> str:
        return ""

    added = replace(
        api.pipeline,
        rate_limit=(steps.named("rate limit"),),
        idempotency=(steps.named("idempotency"), *api.pipeline.idempotency),
        checks=(steps.named("checks"), *api.pipeline.checks),
    )
    return api.serving(api.composed([router], Dependencies(), added))


async def test_steps_run_in_their_order_with_the_caller_and_its_tenant(api: Api) -> None:
    """After authentication and before the route; without a tenant where the path names none."""
    steps, tenant = Steps(), await api.new_tenant()
    app = orders(api, steps)
    answer = await app.call("POST", f"/tenants/{tenant['number']}/orders", headers=key(tenant["key"]), json={"name": "x"})
    assert answer.status_code == 200
    named = [(name, "a tenant's key", tenant["id"]) for name in ("rate limit", "idempotency", "checks")]
    assert steps.ran == [*named, "route"]
    steps.ran.clear()
    await app.call("GET", "/orders")
    assert steps.ran == [(name, "the admin token", None) for name in ("rate limit", "idempotency", "checks")]


@pytest.mark.parametrize(("refusing", "before"), [("rate limit", 1), ("idempotency", 2), ("checks", 3)])
async def test_a_step_that_refuses_ends_the_request(api: Api, refusing: str, before: int) -> None:
    """Whatever else is wrong with it: no later step runs, nor the route."""
    steps, tenant = Steps(), await api.new_tenant()
    steps.refusing = refusing
    headers = key(tenant["key"])
    answer = await orders(api, steps).call("POST", f"/tenants/{tenant['id']}/orders?unknown=1", headers=headers, json={"name": 1})
    assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (429, "rate_limited", "7")
    assert len(steps.ran) == before


async def test_strangers_reach_no_step(api: Api) -> None:
    """Neither without credentials, nor in another tenant, nor without the scope: they use up nobody's limit."""
    steps, tenant, other = Steps(), await api.new_tenant(), await api.new_tenant()
    app = orders(api, steps)
    made = await api.call("POST", f"/tenants/{tenant['id']}/keys", json={"scopes": ["read"]})
    for headers, status in (({}, 401), ({"X-Admin-Token": "wrong"}, 401), (key(other["key"]), 404), (key(made.json()["key"]), 403)):
        assert (await app.call("POST", f"/tenants/{tenant['id']}/orders", headers=headers, json={"name": "x"})).status_code == status
    assert (await app.call("POST", "/tenants/999999999/orders", headers=ADMIN, json={"name": "x"})).status_code == 404
    assert steps.ran == []
