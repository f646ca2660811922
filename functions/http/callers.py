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

from functions.http.form import check_form
from functions.http.parameters import NUMBER_FORM, UUID_FORM, TenantReference
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

_NUMBER = re.compile(NUMBER_FORM)
_UUID = re.compile(UUID_FORM)
_NONE = "There are no credentials: send a tenant's key as `Authorization: Bearer <key>`, or the admin token as `X-Admin-Token`."
_NO_KEY = "This is no tenant's key: those begin with `avio_`."
_AS_ADMIN = "This is the admin token: send it as `X-Admin-Token`."
_AS_BEARER = "This is a tenant's key: send it as `Authorization: Bearer <key>`."


@dataclass(frozen=True)
class Entry:
    """A caller let in: the tenant it asked for, and that tenant's account (Telegram's unless a route says otherwise).

    `scopes` are the caller's own; the administrator has all.
    """

    tenant: Tenant
    account: Account | None
    scopes: frozenset[Scope] = frozenset(Scope)


class Gate:
    """Lets callers in. Who is not let in hears which kind of credentials is missing or wrong, and nothing of what they would open."""

    def __init__(self, tenants: TenantStore, tokens: CachedTokens) -> None:
        self._tenants = tenants
        self._tokens = tokens

    def admin(self, token: str | None, authorization: str | None = None) -> None:
        """Let the deployment's administrator in; raises `invalid_credentials`, or `forbidden` for a tenant's key."""
        if token is None and authorization is not None:
            self._authenticate(authorization)
            raise AvioError(Code.FORBIDDEN, "A tenant's key does not open this: it takes the admin token, as `X-Admin-Token`.")
        if token is None:
            raise AvioError(Code.INVALID_CREDENTIALS, "There are no credentials: this takes the admin token, as `X-Admin-Token`.")
        if not self._tokens.is_admin(token):
            raise AvioError(Code.INVALID_CREDENTIALS, _AS_BEARER if parse_key(token) else "The admin token is wrong.")

    def enter(self, reference: str, scope: Scope, token: str | None, authorization: str | None) -> Entry:
        """Let an administrator or a tenant's key in to the tenant that `reference` (a UUID or a number) names.

        Raises `invalid_credentials`, `tenant_not_found` (also for a tenant that the key does not open) or `forbidden`.
        """
        if token is not None:
            self.admin(token)
            tenant, _, account = self._load(self._id_of(reference), None)
            return Entry(_present(tenant), account)
        if authorization is None:
            raise AvioError(Code.INVALID_CREDENTIALS, _NONE)
        tenant, key, account = self._authenticate(authorization)
        if reference.lower() not in (tenant.id, str(tenant.number)):
            raise AvioError(Code.TENANT_NOT_FOUND)
        if scope not in key.scopes:
            raise AvioError(Code.FORBIDDEN, f"This takes a key with the scope `{scope}`; this key has {', '.join(sorted(key.scopes))}.")
        return Entry(tenant, account, key.scopes)

    def _authenticate(self, authorization: str) -> tuple[Tenant, TenantKey, Account | None]:
        """Return the tenant whose key an `Authorization` header presents, with the key; raises `invalid_credentials`."""
        scheme, _, presented = authorization.partition(" ")
        presented = presented.strip()
        if scheme.lower() != "bearer" or not presented:
            raise AvioError(Code.INVALID_CREDENTIALS, "`Authorization` should be `Bearer`, a space and a tenant's key.")
        named = parse_key(presented)
        if named is None:
            raise AvioError(Code.INVALID_CREDENTIALS, _AS_ADMIN if self._tokens.is_admin(presented) else _NO_KEY)
        tenant, key, account = self._load(*named)
        if tenant is None or key is None or not key.opens(presented):
            raise AvioError(Code.INVALID_CREDENTIALS, "This key opens nothing: it is wrong, or it was deleted.")
        return tenant, key, account

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


def _sent(request: Request) -> tuple[str | None, str | None]:
    """Return the credentials as they were sent: an empty admin token is a wrong one, though FastAPI takes it for none."""
    return request.headers.get("x-admin-token"), request.headers.get("authorization")


def admin(request: Request, _: AdminToken) -> None:
    """Depend on this where only the administrator may go."""
    gate_of(request).admin(*_sent(request))
    check_form(request)


def entering(scope: Scope) -> Callable[..., Entry]:
    """Depend on this where a tenant's own callers with a scope may go, and the administrator."""

    def enter(request: Request, tenant: TenantReference, _: AdminToken, __: Bearer) -> Entry:
        entry = gate_of(request).enter(tenant, scope, *_sent(request))
        request.state.tenant = entry.tenant.id
        check_form(request)
        return entry

    return enter


Reading = Annotated[Entry, Security(entering(Scope.READ), scopes=[Scope.READ.value])]
Sending = Annotated[Entry, Security(entering(Scope.SEND), scopes=[Scope.SEND.value])]
Managing = Annotated[Entry, Security(entering(Scope.MANAGE), scopes=[Scope.MANAGE.value])]
