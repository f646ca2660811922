"""A kind of caller is an entry: a toy kind, and a route that takes it, without a line changed in the authenticator or the pipeline."""

from __future__ import annotations

from typing import Annotated

import pytest
from fastapi import APIRouter, FastAPI, Security
from fastapi.security import APIKeyHeader, APIKeyQuery

from functions.http.access import Administrator, Allows, AllowsInTenant, ReadAccess
from functions.http.app import IncompleteApp
from functions.http.authenticator import Access, Authenticator
from functions.http.callers import ADMIN as ADMIN_KIND
from functions.http.callers import CALLER_KINDS, Caller, CallerKind, CredentialSources
from functions.http.dependencies import Dependencies
from functions.http.pipeline import Pipeline
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.model.tenant import Scope
from tests.functions.api import ADMIN, ORIGIN, Api, key


def ticket_holder(sources: CredentialSources, ticket: str) -> Caller | None:
    """A ticket is `ticket:<tenant id>`; it reads in that tenant."""
    word, _, tenant_id = ticket.partition(":")
    if word != "ticket":
        return None
    tenant = sources.tenants.get(TenantId(tenant_id))
    if tenant is None:
        raise AvioError(Code.INVALID_CREDENTIALS, "This ticket is used up.")
    return Caller(TICKET, ticket, tenant, None, frozenset({Scope.READ}))


TICKET = CallerKind(
    title="a ticket",
    sent_as="`X-Ticket` or `?k=`",
    schemes=(
        APIKeyHeader(name="X-Ticket", auto_error=False, scheme_name="Ticket"),
        APIKeyQuery(name="k", auto_error=False, scheme_name="TicketInQuery"),
    ),
    verify=ticket_holder,
    recognizes=lambda _, ticket: ticket.startswith("ticket:"),
    unrecognized="This is not a ticket.",
)
router = APIRouter()


@router.get("/tickets")
def shown(caller: Annotated[Caller, Security(Allows(TICKET))]) -> str:
    assert caller.tenant is not None
    return caller.tenant.id


@router.get("/tenants/{tenant}/tickets")
def within(access: Annotated[Access, Security(AllowsInTenant(TICKET, ADMIN_KIND, scope=Scope.READ))]) -> str:
    return access.tenant.id


@router.get("/tenants/{tenant}/managed-tickets")
def managed(access: Annotated[Access, Security(AllowsInTenant(TICKET, scope=Scope.MANAGE))]) -> str:
    return access.tenant.id


@router.get("/tenants/{tenant}/known")
def known(access: ReadAccess) -> str:
    return access.tenant.id


@router.get("/all")
def everything(_: Administrator) -> str:
    return ""


@pytest.fixture(scope="module")
def app(api: Api) -> FastAPI:
    """An app whose table has one entry more."""
    pipeline = Pipeline(Authenticator((*CALLER_KINDS, TICKET), api.sources), api.pipeline.idempotent_requests)
    return api.composed([router], Dependencies(), pipeline)


@pytest.fixture
def ticketed(api: Api, app: FastAPI) -> Api:
    """The API as that app."""
    return api.serving(app)


async def test_a_new_kind_of_caller_is_let_in_wherever_its_credential_travels(api: Api, ticketed: Api) -> None:
    """By header and by query, to its own route and into its own tenant."""
    tenant, other = await api.new_tenant(), await api.new_tenant()
    ticket = f"ticket:{tenant['id']}"
    for path in ("/tickets", f"/tenants/{tenant['number']}/tickets"):
        by_header = await ticketed.call("GET", path, headers={"X-Ticket": ticket})
        by_query = await ticketed.call("GET", f"{path}?k={ticket}", headers={})
        assert (by_header.status_code, by_header.json(), by_query.json()) == (200, tenant["id"], tenant["id"])
    elsewhere = await ticketed.call("GET", f"/tenants/{other['id']}/tickets", headers={"X-Ticket": ticket})
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (404, "tenant_not_found")


async def test_a_new_kind_of_caller_is_refused_in_its_own_words(api: Api, ticketed: Api) -> None:
    """401 without, malformed, wrong or misplaced; 403 without the scope, for another kind's credential, or on another kind's route."""
    tenant = await api.new_tenant()
    ticket, address = f"ticket:{tenant['id']}", f"/tenants/{tenant['id']}"
    told = [
        ("/tickets", {}, 401, "no credentials. Send a ticket as `X-Ticket` or `?k=`."),
        ("/tickets", {"X-Ticket": "x"}, 401, "not a ticket"),
        ("/tickets", {"X-Ticket": "ticket:none"}, 401, "used up"),
        ("/tickets", {"X-Ticket": tenant["key"]}, 401, "a tenant's key: send it as `Authorization"),
        (f"{address}/known", key(ticket), 401, "a ticket: send it as `X-Ticket`"),
        ("/tickets", key(tenant["key"]), 403, "A tenant's key does not open this route. Send a ticket as"),
        ("/tickets", ADMIN, 403, "The admin token does not open this route"),
        (f"{address}/known", {"X-Ticket": ticket}, 403, "A ticket does not open this route. Send the admin token as"),
        ("/all", {"X-Ticket": ticket}, 403, "Send the admin token as `X-Admin-Token`."),
        (f"{address}/managed-tickets", {"X-Ticket": ticket}, 403, "scope `manage`"),
    ]
    for path, headers, status, words in told:
        answer = await ticketed.call("GET", path, headers=headers)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), (path, headers, answer.json())


async def test_the_kinds_that_a_route_takes_are_tried_in_their_order(api: Api, ticketed: Api) -> None:
    """The first whose credential is there decides, even if the next would do."""
    tenant = await api.new_tenant()
    address, ticket = f"/tenants/{tenant['id']}/tickets", f"ticket:{tenant['id']}"
    assert (await ticketed.call("GET", address, headers=ADMIN)).status_code == 200
    assert (await ticketed.call("GET", address, headers={**ADMIN, "X-Ticket": "x"})).status_code == 401
    assert (await ticketed.call("GET", address, headers={"X-Admin-Token": "wrong", "X-Ticket": ticket})).status_code == 200


async def test_browsers_may_send_a_new_kinds_header(ticketed: Api) -> None:
    """The preflight request is answered by the same table."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-ticket"}
    assert (await ticketed.call("OPTIONS", "/tickets", headers=asked)).status_code == 200


def test_openapi_says_the_same(app: FastAPI) -> None:
    """Each route's security comes from its declaration."""
    document = app.openapi()
    security = {path: operations["get"]["security"] for path, operations in document["paths"].items()}
    assert security["/tickets"] == [{"Ticket": []}, {"TicketInQuery": []}]
    assert [*security["/tenants/{tenant}/tickets"]] == [{"Ticket": []}, {"TicketInQuery": []}, {"AdminToken": []}]
    schemes = document["components"]["securitySchemes"]
    assert (schemes["TicketInQuery"]["in"], schemes["TicketInQuery"]["name"]) == ("query", "k")


def test_a_route_whose_callers_are_unknown_or_not_declared_keeps_the_app_from_starting(api: Api) -> None:
    """It would be open, or closed, by accident."""
    with pytest.raises(IncompleteApp, match="/tickets"):
        api.composed([router], Dependencies())
    undeclared = APIRouter()
    undeclared.add_api_route("/forgotten", lambda: "")
    with pytest.raises(IncompleteApp, match="/forgotten should declare its callers"):
        api.composed([undeclared], Dependencies())
