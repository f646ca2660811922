"""Tenants: create, list, read, change, delete (contract T1, T3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from functions.http.callers import AdminToken, Managing, Reading, admin
from functions.http.describe import errors
from functions.tenants.directory import Directory
from functions.tenants.idempotency import Once
from shared import callback_headers
from shared.errors import AvioError, Code
from shared.model.tenant import ChatType, Tenant

router = APIRouter(tags=["tenants"])
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
Headers = Annotated[dict[str, str], AfterValidator(callback_headers.check)]
ChatTypes = Annotated[frozenset[ChatType], Field(min_length=1)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Makes the request repeatable: up to 255 visible ASCII characters.",
    ),
]
PAGE = 50


class NewTenant(BaseModel):
    """A tenant to be. `callback_headers` and `chat_types` are as in a change."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    callback_url: Url | None = None
    callback_headers: Headers | None = None
    chat_types: ChatTypes | None = None


class TenantChange(BaseModel):
    """What is to change; what is left out stays. `callback_url: null` stops deliveries.

    `callback_headers` are sent along with each event, for endpoints that ask for an `Authorization`, say. They replace those there were,
    and are not shown again; null takes them away. `chat_types` are the kinds of chats whose messages are delivered: private chats and
    groups unless told otherwise (null), broadcast channels only where they are named.
    """

    model_config = ConfigDict(extra="forbid")

    name: Name | None = None
    callback_url: Url | None = None
    callback_headers: Headers | None = None
    chat_types: ChatTypes | None = None


class TenantView(BaseModel):
    """A tenant. `callback_disabled` says why deliveries stopped by themselves; setting `callback_url` again starts them."""

    id: str
    number: int
    name: str
    callback_url: str | None
    callback_disabled: str | None
    callback_header_names: list[str]
    chat_types: list[ChatType]
    created_at: datetime


class CreatedTenant(TenantView):
    """A new tenant with its first key and its signing secret, each shown this once."""

    key: str
    signing_secret: str


class Deleting(BaseModel):
    """What is on its way."""

    ok: bool = True
    state: str = "deleting"


def view(tenant: Tenant) -> dict[str, Any]:
    """Return a tenant as the outside sees it."""
    return {**tenant.model_dump(include=set(TenantView.model_fields)), "chat_types": sorted(tenant.chat_types)}


def directory_of(request: Request) -> Directory:
    """Return the directory that the app was composed with."""
    directory = request.app.state.directory
    assert isinstance(directory, Directory)
    return directory


InDirectory = Annotated[Directory, Depends(directory_of)]
_admin_only = [Depends(admin)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.post(
    "/tenants",
    status_code=201,
    dependencies=_admin_only,
    responses=errors(Code.INVALID_CREDENTIALS, Code.INVALID_CALLBACK_URL, Code.IDEMPOTENCY_KEY_REUSED, Code.TENANT_NOT_FOUND),
)
def create_tenant(
    body: NewTenant, directory: InDirectory, token: AdminToken, response: Response, idempotency_key: IdempotencyKey = None
) -> CreatedTenant:
    """Create a tenant. Its first key may do everything in it; key and signing secret are shown this once.

    With an `Idempotency-Key` the request can be repeated for 24 hours, with the same admin token, where its answer was lost: the repeat
    makes no second tenant. It answers with the same key and signing secret, and the header `Idempotency-Replayed: true`.
    """
    asked = body.name, body.callback_url, body.model_dump(exclude={"name", "callback_url"})
    created = directory.create_once(*asked, Once(idempotency_key, token or "")) if idempotency_key else directory.create(*asked)
    if created.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    credentials = {"key": created.key.get_secret_value(), "signing_secret": created.signing_secret.get_secret_value()}
    return CreatedTenant(**view(created.tenant), **credentials)


@router.get("/tenants", dependencies=_admin_only, responses=errors(Code.INVALID_CREDENTIALS))
def list_tenants(
    request: Request,
    response: Response,
    directory: InDirectory,
    after: Annotated[int, Query(ge=0, lt=10**9)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = PAGE,
) -> list[TenantView]:
    """List tenants in the order of their numbers. The next page, where there is one, is in the `Link` header."""
    tenants, last = directory.page(after, limit)
    if last is not None:
        response.headers["Link"] = f'<{request.url.path}?after={last}&limit={limit}>; rel="next"'
    return [TenantView(**view(tenant)) for tenant in tenants]


@router.get("/tenants/{tenant}", responses=errors(*_caller))
def get_tenant(entry: Reading) -> TenantView:
    """Return one tenant."""
    return TenantView(**view(entry.tenant))


@router.patch("/tenants/{tenant}", responses=errors(*_caller, Code.INVALID_CALLBACK_URL))
def change_tenant(body: TenantChange, entry: Managing, directory: InDirectory) -> TenantView:
    """Change a tenant's name, its callback, or what goes there. A new callback gets what happens from now on."""
    changes = body.model_dump(exclude_unset=True)
    if "name" in changes and changes["name"] is None:
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.name", "problem": "A tenant has a name."}])
    return TenantView(**view(directory.change(entry.tenant, changes)))


@router.delete("/tenants/{tenant}", status_code=202, responses=errors(*_caller))
def delete_tenant(entry: Managing, directory: InDirectory) -> Deleting:
    """Log out, stop listening and erase everything of a tenant. Its doors are shut when this answers; the rest follows."""
    directory.delete(entry.tenant)
    return Deleting()
