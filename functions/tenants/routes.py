"""Routes to create, list, read, change and delete tenants (contract T1, T3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictInt, StringConstraints

from functions.http.access import Administrator, ManageAccess, ReadAccess
from functions.http.callers import ADMIN
from functions.http.dependencies import provided
from functions.http.idempotency import IdempotencyKey, mark_replayed
from functions.http.openapi_responses import errors, never_null, paged
from functions.http.parameters import Digits, Limit, Whole
from functions.tenants.callback_fields import CallbackFields, CallbackFieldsView, lists, stored_settings
from functions.tenants.tenant_service import TenantService
from shared.errors import AvioError, Code
from shared.model.rate_limit import MAX_LIMIT, MAX_WINDOW_S
from shared.model.tenant import Tenant

router = APIRouter(tags=["tenants"])
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    Field(description="A name for people to read. Not blank.", json_schema_extra={"pattern": "\\S"}),
]
PAGE = 50


class RateLimitView(BaseModel):
    """At most `limit` requests in any `window_s` seconds, over all routes that act at the messenger.

    Up to a limit of 100 each request is counted. Above it a token bucket counts: at most `limit` at once and as many per window in the long
    run, so up to twice as many in a single window.
    """

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[Annotated[StrictInt, Field(ge=1, le=MAX_LIMIT)], Whole]
    window_s: Annotated[Annotated[StrictInt, Field(ge=1, le=MAX_WINDOW_S)], Whole]


class NewTenant(CallbackFields):
    """A tenant to create. `callback_headers`, `chat_types` and `events` are as in a change."""

    name: Name


class TenantChange(CallbackFields):
    """The fields to change; a field that is left out stays as it is.

    `callback_url: null` stops deliveries. Any URL, also the current one, enables a disabled callback. `callback_headers` are sent with each
    event, for example an `Authorization` that the endpoint requires. They replace the previous ones and are never shown again; null removes
    them. `chat_types` are the types of chats whose messages are delivered: null means private chats and groups; broadcast channels are
    delivered only if listed. `events` are the kinds of events that are delivered: null means messages alone. A kind that is added comes
    within 30 seconds of the answer; a kind that is left out ends with it. With `include_chats` only events of these chats are delivered,
    with `exclude_chats` none of those; null or an empty list ends that. These settings are those of the callback `first`.
    """

    name: Annotated[Name | None, Field(json_schema_extra=never_null)] = None
    rate_limit: Annotated[RateLimitView | None, Field(description="For the administrator alone; null means 10 in 60 seconds.")] = None


class TenantView(CallbackFieldsView):
    """A tenant. If deliveries stopped by themselves, `callback_disabled` says why, and `callback_disabled_at` since when.

    Setting `callback_url` again, or `POST .../callback/retry`, starts them again.
    """

    id: str
    number: int
    name: str
    rate_limit: RateLimitView
    created_at: datetime


class CreatedTenant(TenantView):
    """A new tenant. Its first key and its signing secret are shown only in this answer."""

    key: str
    signing_secret: str


class Deleting(BaseModel):
    """The deletion has begun."""

    ok: Literal[True] = True
    state: Literal["deleting"] = "deleting"


def view(tenant: Tenant) -> dict[str, Any]:
    """Return a tenant's public fields."""
    return {**tenant.model_dump(include=set(TenantView.model_fields)), **lists(tenant), "rate_limit": tenant.allowed_rate.model_dump()}


TenantServiceDep = Annotated[TenantService, provided(TenantService)]
_ALWAYS = ("callback_headers", "chat_types")
"""What the fingerprint of a creation has always had, given or not: a repeat may come to a later version."""
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
    """Create a tenant. Its first key has all scopes. The key and the signing secret are shown only in this answer.

    If the answer may get lost, send an `Idempotency-Key`: for 24 hours the request can then be repeated with the same admin token. The
    repeat creates no second tenant. It answers with the same key and signing secret, and the header `Idempotency-Replayed: true`.
    """
    others = body.model_dump(exclude={"name", "callback_url"})
    given = {name: value for name, value in others.items() if value is not None or name in _ALWAYS}
    new = body.name, body.callback_url, stored_settings(given)
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
    after: Annotated[Annotated[int, Field(ge=0, lt=10**9)], Digits, Query(description="The page begins after this number.")] = 0,
    limit: Limit = PAGE,
) -> list[TenantView]:
    """List tenants by number. The `Link` header has the next page, if there is one."""
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
    """Change a tenant's name or its callback settings. The change applies to everything that happens after this answer.

    A first callback gets the events from now on. A callback that replaces another also gets the events that wait for that one.
    """
    changes = stored_settings(body.model_dump(exclude_unset=True))
    if "rate_limit" in changes and access.caller.kind is not ADMIN:
        raise AvioError(Code.FORBIDDEN, "Only the administrator sets `rate_limit`: send the admin token as `X-Admin-Token`.")
    if "name" in changes and changes["name"] is None:
        raise AvioError(
            Code.INVALID_REQUEST, fields=[{"field": "body.name", "problem": "This should be a string: a tenant always has a name."}]
        )
    return TenantView(**view(tenants.change(access.tenant, changes)))


@router.delete("/tenants/{tenant}", status_code=202, responses=errors(*_caller))
def delete_tenant(access: ManageAccess, tenants: TenantServiceDep) -> Deleting:
    """Log the account out and erase everything of the tenant. Its keys open nothing from this answer on; the rest follows."""
    tenants.delete(access.tenant)
    return Deleting()
