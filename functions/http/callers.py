"""The kinds of callers, an entry each (contract G6).

    kind         credential                              opens
    ADMIN        X-Admin-Token: <ADMIN_TOKEN>            everything
    TENANT_KEY   Authorization: Bearer <tenant key>      what its scopes allow in its own tenant; other tenants look absent
    PUBLIC       ?k=<PUBLIC_KEY>, ?k=<public key>        /pub/* alone; a public key that was made for a tenant only there
    PROVIDER     X-Provider-Token, or ?token=            POST /webhook, for the tenant that it was made for
    WA_WEB       X-Auth-Token, or ?token=                POST /internal/tenant/{tenant}/ensure

A new kind is a new entry in CALLER_KINDS; routes name the kinds that they take (see access.py). The authenticator knows no kind by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer

from functions.http.deployment_tokens import DeploymentTokens
from functions.http.key_use import KeyUse
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.account import Account
from shared.model.ids import Channel, TenantId
from shared.model.provider_token import tenant_named
from shared.model.tenant import Scope, Tenant, parse_key
from shared.store import keys
from shared.store.keys import Key
from shared.store.provider_tokens import provider_token_of
from shared.store.tenants import Rows, TenantStore

Scheme = APIKeyHeader | APIKeyQuery | HTTPBearer


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. `tenant` is the only tenant that it reaches; None means every tenant.

    `account` is that tenant's Telegram account, read in the same request as the tenant, with the `rows` that the route needs.
    """

    kind: CallerKind
    credential: str = field(repr=False)
    tenant: Tenant | None = None
    account: Account | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    rows: Rows = field(default_factory=dict, repr=False)
    valid_until: datetime | None = None


Beside = Callable[[TenantId], Sequence[Key]]
"""Names rows of a tenant that are read with it."""


def no_rows(_: TenantId) -> Sequence[Key]:
    """Name no rows."""
    return ()


@dataclass(frozen=True)
class CredentialSources:
    """Where credentials are looked up. `beside` names the rows of a tenant that the request's route needs too."""

    tokens: DeploymentTokens
    tenants: TenantStore
    clock: Clock
    key_use: KeyUse
    beside: Beside = no_rows


@dataclass(frozen=True, eq=False)
class CallerKind:
    """A kind of caller.

    `title` and `sent_as` name the credential and its place in error details. `schemes` say where a request carries it, and describe it in
    OpenAPI. `verify` returns the caller of a credential, or None for text that is no credential of this kind (`unrecognized` tells the
    caller so); it raises `invalid_credentials` for one that opens nothing. `recognizes` tells a credential that was sent in the place of
    another kind. `scoped` says that its callers have scopes of their own, and not all of them.
    """

    title: str
    sent_as: str
    schemes: tuple[Scheme, ...]
    verify: Callable[[CredentialSources, str], Caller | None]
    recognizes: Callable[[CredentialSources, str], bool]
    unrecognized: str
    scoped: bool = False

    @property
    def headers(self) -> list[str]:
        """The headers that carry its credential: browsers ask whether they may send them."""
        bearer = ["Authorization" for scheme in self.schemes if isinstance(scheme, HTTPBearer)]
        return [*bearer, *(scheme.model.name for scheme in self.schemes if isinstance(scheme, APIKeyHeader))]

    def credential_in(self, request: Request) -> str | None:
        """Return the credential of this kind that a request carries, unchecked; raises `invalid_credentials` for another HTTP scheme."""
        found = (_sent_by(scheme, request) for scheme in self.schemes)
        return next((credential for credential in found if credential is not None), None)


def _sent_by(scheme: Scheme, request: Request) -> str | None:
    if isinstance(scheme, HTTPBearer):
        authorization = request.headers.get("authorization")
        return None if authorization is None else _bearer_token(authorization)
    values = request.query_params if isinstance(scheme, APIKeyQuery) else request.headers
    return values.get(scheme.model.name)


def _bearer_token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AvioError(Code.INVALID_CREDENTIALS, "`Authorization` should be `Bearer`, a space and a tenant's key.")
    return token.strip()


def _is_admin_token(sources: CredentialSources, token: str) -> bool:
    return sources.tokens.is_admin(token)


def _administrator(sources: CredentialSources, token: str) -> Caller | None:
    return Caller(ADMIN, token) if sources.tokens.is_admin(token) else None


def _has_key_form(_: CredentialSources, key: str) -> bool:
    return parse_key(key) is not None


def _key_holder(sources: CredentialSources, key: str, *, public: bool = False) -> Caller | None:
    """Return the caller of a tenant's key. It costs one read: the key names its tenant, so key, tenant and account are read together."""
    named = parse_key(key)
    if named is None:
        return None
    tenant_id, key_id = named
    tenant, stored, account, rows = sources.tenants.with_account(tenant_id, Channel.TELEGRAM, key_id, sources.beside(tenant_id))
    if tenant is None or stored is None or not stored.opens(key):
        raise AvioError(Code.INVALID_CREDENTIALS, "This key opens nothing: it is wrong, or it was deleted.")
    if stored.expired(sources.clock.now()):
        raise AvioError(Code.INVALID_CREDENTIALS, f"This key expired at {stored.valid_until:%Y-%m-%dT%H:%M:%SZ}. Use another one.")
    if stored.public is not public:
        raise AvioError(Code.INVALID_CREDENTIALS, _MISPLACED[public])
    sources.key_use.note(tenant_id, stored)
    return Caller(PUBLIC if public else TENANT_KEY, key, tenant, account, stored.scopes, rows, stored.valid_until)


_MISPLACED = {
    True: "This key may do more than a public key, and addresses end up in histories and logs: delete it, and make a public key.",
    False: "This is a public key: it opens `/pub/*` alone, as `?k=<key>`.",
}


def _is_public_key(sources: CredentialSources, key: str) -> bool:
    return sources.tokens.is_public(key)


def _front_end(sources: CredentialSources, key: str) -> Caller | None:
    """Return the caller of a public key: the deployment's, which reaches every tenant, or one that was made for a tenant."""
    if sources.tokens.is_public(key):
        return Caller(PUBLIC, key, scopes=frozenset())
    return _key_holder(sources, key, public=True)


def _has_provider_form(_: CredentialSources, token: str) -> bool:
    return tenant_named(token) is not None


def _provider(sources: CredentialSources, token: str) -> Caller | None:
    """Return the caller of a provider token. The token names its tenant, so both are read together."""
    tenant_id = tenant_named(token)
    if tenant_id is None:
        return None
    key = keys.provider_token(tenant_id)
    tenant, _, _, rows = sources.tenants.with_account(tenant_id, Channel.WHATSAPP, None, [key])
    row = rows.get(key["sk"])
    if tenant is None or row is None or not provider_token_of(row).opens(token, sources.clock.now()):
        raise AvioError(Code.INVALID_CREDENTIALS, "This provider token opens nothing: it is wrong, or it was replaced.")
    return Caller(PROVIDER, token, tenant, scopes=frozenset())


def _is_wa_web_token(sources: CredentialSources, token: str) -> bool:
    return sources.tokens.is_wa_web(token)


def _wa_web(sources: CredentialSources, token: str) -> Caller | None:
    return Caller(WA_WEB, token, scopes=frozenset()) if sources.tokens.is_wa_web(token) else None


ADMIN = CallerKind(
    title="the admin token",
    sent_as="`X-Admin-Token`",
    schemes=(APIKeyHeader(name="X-Admin-Token", auto_error=False, scheme_name="AdminToken", description="The deployment's ADMIN_TOKEN."),),
    verify=_administrator,
    recognizes=_is_admin_token,
    unrecognized="The admin token is wrong.",
)
TENANT_KEY = CallerKind(
    title="a tenant's key",
    sent_as="`Authorization: Bearer <key>`",
    schemes=(HTTPBearer(auto_error=False, scheme_name="TenantKey", description="A tenant's key, `avio_...`."),),
    verify=_key_holder,
    recognizes=_has_key_form,
    unrecognized="This is not a tenant's key: those begin with `avio_`.",
    scoped=True,
)
PUBLIC = CallerKind(
    title="a public key",
    sent_as="`?k=<key>` to `/pub/*`",
    schemes=(
        APIKeyQuery(
            name="k", auto_error=False, scheme_name="PublicKey", description="The deployment's PUBLIC_KEY, or a tenant's public key."
        ),
    ),
    verify=_front_end,
    recognizes=_is_public_key,
    unrecognized="The public key is wrong.",
)
PROVIDER = CallerKind(
    title="a provider token",
    sent_as="`X-Provider-Token` or `?token=`",
    schemes=(
        APIKeyHeader(name="X-Provider-Token", auto_error=False, scheme_name="ProviderToken", description="A tenant's provider token."),
        APIKeyQuery(name="token", auto_error=False, scheme_name="ProviderTokenInQuery", description="A tenant's provider token."),
    ),
    verify=_provider,
    recognizes=_has_provider_form,
    unrecognized="The provider token is wrong.",
)
WA_WEB = CallerKind(
    title="the provider's deployment token",
    sent_as="`X-Auth-Token` or `?token=`",
    schemes=(
        APIKeyHeader(name="X-Auth-Token", auto_error=False, scheme_name="WaWebToken", description="The deployment's WA_WEB_TOKEN."),
        APIKeyQuery(name="token", auto_error=False, scheme_name="WaWebTokenInQuery", description="The deployment's WA_WEB_TOKEN."),
    ),
    verify=_wa_web,
    recognizes=_is_wa_web_token,
    unrecognized="The provider's deployment token (WA_WEB_TOKEN) is wrong.",
)
CALLER_KINDS = (ADMIN, TENANT_KEY, PUBLIC, PROVIDER, WA_WEB)
