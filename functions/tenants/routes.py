"""Tenants: create, list, read, change, delete (contract T1, T3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from functions.http.access import Administrator, ManageAccess, ReadAccess
from functions.http.dependencies import provided
from functions.http.idempotency import IdempotencyKey, mark_replayed
from functions.http.openapi_responses import errors, never_null, paged
from functions.http.parameters import Digits, Limit, each_once
from functions.tenants.tenant_service import TenantService
from shared import callback_headers
from shared.errors import AvioError, Code
from shared.model.tenant import ChatType, Tenant

router = APIRouter(tags=["tenants"])
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(description="For people. Not blank.", json_schema_extra={"pattern": "\\S"}),
]
Url = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2048),
    Field(description="Where events are posted to.", examples=["https://shop.example/telegram"], json_schema_extra={"format": "uri"}),
]
Headers = Annotated[
    dict[str, str],
    AfterValidator(callback_headers.check),
    Field(
        description="Sent along with each event, for endpoints that ask for them. Stored encrypted, and not shown again.",
        examples=[{"Authorization": "Bearer of-your-endpoint"}],
        json_schema_extra=callback_headers.SCHEMA,
    ),
]
ChatTypes = Annotated[
    list[ChatType],
    AfterValidator(each_once),
    Field(min_length=1, description="The kinds of chats whose messages are delivered.", json_schema_extra={"uniqueItems": True}),
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
    """What is to change; what is left out stays. `callback_url: null` stops deliveries; any URL, the same one too, enables a disabled one.

    `callback_headers` are sent along with each event, for endpoints that ask for an `Authorization`, say. They replace those there were,
    and are not shown again; null takes them away. `chat_types` are the kinds of chats whose messages are delivered: private chats and
    groups unless told otherwise (null), broadcast channels only where they are named.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Name | None, Field(json_schema_extra=never_null)] = None
    callback_url: Url | None = None
    callback_headers: Headers | None = None
    chat_types: ChatTypes | None = None


class TenantView(BaseModel):
    """A tenant. `callback_disabled` says why deliveries stopped by themselves, and `callback_disabled_at` since when.

    Setting `callback_url` again, or `POST .../callback/retry`, starts them.
    """

    id: str
    number: int
    name: str
    callback_url: str | None
    callback_disabled: str | None
    callback_disabled_at: datetime | None
    callback_header_names: list[str]
    chat_types: list[ChatType]
    created_at: datetime


class CreatedTenant(TenantView):
    """A new tenant with its first key and its signing secret, each shown this once."""

    key: str
    signing_secret: str


class Deleting(BaseModel):
    """What is on its way."""

    ok: Literal[True] = True
    state: Literal["deleting"] = "deleting"


def view(tenant: Tenant) -> dict[str, Any]:
    """Return a tenant as the outside sees it."""
    return {**tenant.model_dump(include=set(TenantView.model_fields)), "chat_types": sorted(tenant.chat_types)}


TenantServiceDep = Annotated[TenantService, provided(TenantService)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.post(
    "/tenants",
    status_code=201,
    responses=errors(
        Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.INVALID_CALLBACK_URL, Code.IDEMPOTENCY_KEY_REUSED, Code.TENANT_NOT_FOUND
    ),
)
def create_tenant(
    body: NewTenant, caller: Administrator, tenants: TenantServiceDep, response: Response, idempotency_key: IdempotencyKey = None
) -> CreatedTenant:
    """Create a tenant. Its first key may do everything in it; key and signing secret are shown this once.

    With an `Idempotency-Key` the request can be repeated for 24 hours, with the same admin token, where its answer was lost: the repeat
    makes no second tenant. It answers with the same key and signing secret, and the header `Idempotency-Replayed: true`.
    """
    new = body.name, body.callback_url, _stored_settings(body.model_dump(exclude={"name", "callback_url"}))
    if idempotency_key is None:
        created = tenants.create(*new)
    else:
        created = tenants.create_once(*new, idempotency_key=idempotency_key, admin_token=SecretStr(caller.credential))
    if created.replayed:
        mark_replayed(response)
    credentials = {"key": created.key.get_secret_value(), "signing_secret": created.signing_secret.get_secret_value()}
    return CreatedTenant(**view(created.tenant), **credentials)


@router.get("/tenants", responses={**errors(Code.INVALID_CREDENTIALS, Code.FORBIDDEN), **paged()})
def list_tenants(
    request: Request,
    response: Response,
    _: Administrator,
    tenants: TenantServiceDep,
    after: Annotated[Annotated[int, Field(ge=0, lt=10**9)], Digits, Query(description="The number after which the page begins.")] = 0,
    limit: Limit = PAGE,
) -> list[TenantView]:
    """List tenants in the order of their numbers. The next page, where there is one, is in the `Link` header."""
    page, last = tenants.page(after, limit)
    if last is not None:
        response.headers["Link"] = f'<{request.url.path}?after={last}&limit={limit}>; rel="next"'
    return [TenantView(**view(tenant)) for tenant in page]


@router.get("/tenants/{tenant}", responses=errors(*_caller))
def get_tenant(access: ReadAccess) -> TenantView:
    """Return one tenant."""
    return TenantView(**view(access.tenant))


@router.patch("/tenants/{tenant}", responses=errors(*_caller, Code.INVALID_CALLBACK_URL))
def change_tenant(body: TenantChange, access: ManageAccess, tenants: TenantServiceDep) -> TenantView:
    """Change a tenant's name, its callback, or what goes there. It holds for all that happens from this answer on.

    A callback that is set where there was none gets what happens from now on; one that replaces another gets what waits for that, too.
    """
    changes = _stored_settings(body.model_dump(exclude_unset=True))
    if "name" in changes and changes["name"] is None:
        raise AvioError(
            Code.INVALID_REQUEST, fields=[{"field": "body.name", "problem": "This should be a string: a tenant always has a name."}]
        )
    return TenantView(**view(tenants.change(access.tenant, changes)))


@router.delete("/tenants/{tenant}", status_code=202, responses=errors(*_caller))
def delete_tenant(access: ManageAccess, tenants: TenantServiceDep) -> Deleting:
    """Log out, stop listening and erase everything of a tenant. Its doors are shut when this answers; the rest follows."""
    tenants.delete(access.tenant)
    return Deleting()


def _stored_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return a request's settings in their stored form: `chat_types` is a set."""
    return {**settings, "chat_types": frozenset(settings["chat_types"])} if settings.get("chat_types") else settings
