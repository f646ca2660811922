"""Who calls, and what they may do (contract G6).

    X-Admin-Token: <ADMIN_TOKEN>            everything
    Authorization: Bearer <tenant key>      what its scopes allow, in its own tenant; other tenants look absent

A tenant's key costs one read: the key names its tenant, so the key's row, the tenant and its account come in one request.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from functions.http.tokens import CachedTokens
from shared.errors import AvioError, Code
from shared.model.account import Account
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Scope, Tenant, TenantKey, parse_key
from shared.store.tenants import TenantStore

_admin_token = APIKeyHeader(name="X-Admin-Token", auto_error=False, scheme_name="AdminToken", description="The deployment's ADMIN_TOKEN.")
_bearer = HTTPBearer(auto_error=False, scheme_name="TenantKey", description="A tenant's key, `avio_...`.")
AdminToken = Annotated[str | None, Security(_admin_token)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]

_NUMBER = re.compile(r"[0-9]{1,9}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Entry:
    """A caller let in: the tenant it asked for, and that tenant's account (Telegram's unless a route says otherwise).

    `scopes` are the caller's own; the administrator has all.
    """

    tenant: Tenant
    account: Account | None
    scopes: frozenset[Scope] = frozenset(Scope)


class Gate:
    """Lets callers in."""

    def __init__(self, tenants: TenantStore, tokens: CachedTokens) -> None:
        self._tenants = tenants
        self._tokens = tokens

    def admin(self, token: str | None) -> None:
        """Let the deployment's administrator in; raises `invalid_credentials`."""
        if token is None or not self._tokens.is_admin(token):
            raise AvioError(Code.INVALID_CREDENTIALS)

    def enter(self, reference: str, scope: Scope, token: str | None, bearer: str | None) -> Entry:
        """Let an administrator or a tenant's key in to the tenant that `reference` (a UUID or a number) names.

        Raises `invalid_credentials`, `tenant_not_found` (also for a tenant that the key does not open) or `forbidden`.
        """
        if token is not None:
            self.admin(token)
            tenant, _, account = self._load(self._id_of(reference), None)
            return Entry(_present(tenant), account)
        named = parse_key(bearer) if bearer else None
        if bearer is None or named is None:
            raise AvioError(Code.INVALID_CREDENTIALS)
        tenant, key, account = self._load(*named)
        if tenant is None or key is None or not key.opens(bearer):
            raise AvioError(Code.INVALID_CREDENTIALS)
        if reference.lower() not in (tenant.id, str(tenant.number)):
            raise AvioError(Code.TENANT_NOT_FOUND)
        if scope not in key.scopes:
            raise AvioError(Code.FORBIDDEN)
        return Entry(tenant, account, key.scopes)

    def _load(self, tenant_id: TenantId, key_id: str | None) -> tuple[Tenant | None, TenantKey | None, Account | None]:
        return self._tenants.with_account(tenant_id, Channel.TELEGRAM, key_id)

    def _id_of(self, reference: str) -> TenantId:
        if _UUID.fullmatch(reference):
            return TenantId(str(uuid.UUID(reference)))
        found = self._tenants.id_of(int(reference)) if _NUMBER.fullmatch(reference) else None
        if found is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return found


def _present(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise AvioError(Code.TENANT_NOT_FOUND)
    return tenant


def gate_of(request: Request) -> Gate:
    """Return the gate that the app was composed with."""
    gate = request.app.state.gate
    assert isinstance(gate, Gate)
    return gate


def admin(request: Request, token: AdminToken) -> None:
    """Depend on this where only the administrator may go."""
    gate_of(request).admin(token)


def entering(scope: Scope) -> Callable[..., Entry]:
    """Depend on this where a tenant's own callers with a scope may go, and the administrator."""

    def enter(request: Request, tenant: str, token: AdminToken, bearer: Bearer) -> Entry:
        return gate_of(request).enter(tenant, scope, token, bearer.credentials if bearer else None)

    return enter


Reading = Annotated[Entry, Security(entering(Scope.READ))]
Sending = Annotated[Entry, Security(entering(Scope.SEND))]
Managing = Annotated[Entry, Security(entering(Scope.MANAGE))]
