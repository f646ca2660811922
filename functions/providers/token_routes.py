"""Routes for provider tokens: the provider's software asks for them, the administrator sees and rotates them (contract P1, P2)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from functions.http.access import Administrator, ProviderDeployment
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from functions.http.parameters import TenantReference
from functions.providers.provider_token_service import IssuedProviderToken, ProviderTokenService
from shared.errors import Code
from shared.model.tenant import Tenant

router = APIRouter(tags=["providers"])
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)
TenantAsked = Annotated[str, Query(description="The tenant, by its `id` (a UUID) or its `number`.", examples=["7"])]


class EnsuredToken(BaseModel):
    """The tenant's number and its provider token."""

    ok: Literal[True] = True
    tenant: int
    provider_token: str


class ProviderTokenView(BaseModel):
    """A tenant's provider token; null where it has none yet."""

    ok: Literal[True] = True
    tenant: int
    provider_token: str | None
    created_at: datetime | None
    previous_valid_until: Annotated[datetime | None, Field(description="Until when the last of the replaced tokens is valid too.")]


class PreviousEnded(BaseModel):
    """The replaced tokens open nothing any more."""

    ok: Literal[True] = True


ProviderTokenServiceDep = Annotated[ProviderTokenService, provided(ProviderTokenService)]


@router.post("/internal/tenant/{tenant}/ensure", responses=errors(*_caller))
def ensure_provider_token(tenant: TenantReference, _: ProviderDeployment, tokens: ProviderTokenServiceDep) -> EnsuredToken:
    """Return the tenant's provider token, the same one every time; make it if there is none.

    A number that no tenant has gets a tenant (up to 99,999): it has no key and no callback yet, which the administrator creates.
    """
    found = tokens.tenant_or_new(tenant)
    return EnsuredToken(tenant=found.number, provider_token=tokens.ensure(found).token.get_secret_value())


@router.get("/admin/keys/list", responses=errors(*_caller))
def list_provider_keys(tenant: TenantAsked, _: Administrator, tokens: ProviderTokenServiceDep) -> ProviderTokenView:
    """Return the tenant's provider token, null if it has none."""
    found = tokens.tenant(tenant)
    return _view(found, tokens.shown(found))


@router.get("/admin/provider-token/{tenant}", responses=errors(*_caller))
def get_provider_token(tenant: TenantReference, _: Administrator, tokens: ProviderTokenServiceDep) -> ProviderTokenView:
    """Return the tenant's provider token; make it if there is none, and the tenant too if nobody has its number (up to 99,999)."""
    found = tokens.tenant_or_new(tenant)
    return _view(found, tokens.ensure(found))


@router.post("/admin/provider-token/{tenant}/rotate", responses=errors(*_caller, Code.NO_PROVIDER_TOKEN, Code.ROTATION_PENDING))
def rotate_provider_token(tenant: TenantReference, _: Administrator, tokens: ProviderTokenServiceDep) -> ProviderTokenView:
    """Make a new provider token. The previous one stays valid for 24 hours, or until it is ended."""
    found = tokens.tenant(tenant)
    return _view(found, tokens.rotate(found))


@router.delete("/admin/provider-token/{tenant}/previous", responses=errors(*_caller, Code.NO_PROVIDER_TOKEN, Code.ROTATION_PENDING))
def end_previous_provider_token(tenant: TenantReference, _: Administrator, tokens: ProviderTokenServiceDep) -> PreviousEnded:
    """End the replaced provider tokens now. Safe to repeat."""
    tokens.end_previous(tokens.tenant(tenant))
    return PreviousEnded()


def _view(tenant: Tenant, shown: IssuedProviderToken | None) -> ProviderTokenView:
    return ProviderTokenView(
        tenant=tenant.number,
        provider_token=shown.token.get_secret_value() if shown else None,
        created_at=shown.created_at if shown else None,
        previous_valid_until=shown.previous_valid_until if shown else None,
    )
