"""Each route's one declaration of its callers. OpenAPI reads the same declaration.

def send_message(body: NewMessage, access: SendAccess) -> SentMessage      the tenant's keys with a scope, and the administrator
def send(body: TransportMessage, access: NamedSendAccess)                  as SendAccess, of the tenant that the body names
def list_tenants(caller: Administrator) -> list[TenantView]                the administrator alone
@router.get("/health", dependencies=[OPEN])                                anybody
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any

from fastapi import Depends, Request, Security

from functions.http.authenticator import Access
from functions.http.callers import ADMIN, PROVIDER, PUBLIC, TENANT_KEY, WA_WEB, Beside, Caller, CallerKind, no_rows
from functions.http.json_body import parse
from functions.http.parameters import TenantInQuery, TenantReference
from functions.http.pipeline import Pipeline
from shared.errors import AvioError, Code
from shared.model.tenant import Scope, Tenant

_NAMED = inspect.Parameter.KEYWORD_ONLY


class Allows:
    """A dependency that takes a request through the pipeline, and returns its caller. With no kinds at all a route is open to anybody."""

    def __init__(self, *kinds: CallerKind) -> None:
        self.kinds = kinds
        self.__signature__ = inspect.Signature(self._parameters())

    def _parameters(self) -> list[inspect.Parameter]:
        """Return what FastAPI fills in: the request, and for OpenAPI each scheme of each kind."""
        schemes = [scheme for kind in self.kinds for scheme in kind.schemes]
        return [
            inspect.Parameter("request", _NAMED, annotation=Request),
            *(inspect.Parameter(f"_{one.scheme_name}", _NAMED, annotation=Annotated[Any, Security(one)]) for one in schemes),
        ]

    def __call__(self, request: Request, **_: Any) -> Caller | None:
        """Return the caller; None where the route is open to anybody."""
        return _pipeline(request).caller(request, self.kinds) if self.kinds else None


class AllowsInTenant(Allows):
    """A dependency that takes a request through the pipeline, and returns its caller's access to the tenant in the path."""

    def __init__(self, *kinds: CallerKind, scope: Scope, beside: Beside = no_rows) -> None:
        super().__init__(*kinds)
        self._scope = scope
        self._beside = beside

    def _parameters(self) -> list[inspect.Parameter]:
        return [*super()._parameters(), inspect.Parameter("tenant", _NAMED, annotation=TenantReference)]

    def __call__(self, request: Request, *, tenant: str, **_: Any) -> Access:  # type: ignore[override]  # FastAPI calls by name
        """Return the access."""
        access = _pipeline(request).access(request, self.kinds, tenant, self._scope, self._beside)
        assert access is not None  # the path names a tenant
        return access


class AllowsPublic(Allows):
    """A dependency that takes a request of a front end through the pipeline, and returns the access to the tenant in its query.

    With `in_body` the tenant is in the body. A body that names none gives no access (None): then the route's model refuses it.
    """

    def __init__(self, *, beside: Beside = no_rows, in_body: bool = False) -> None:
        self._beside, self._in_body = beside, in_body
        super().__init__(PUBLIC)

    def _parameters(self) -> list[inspect.Parameter]:
        tenant = [] if self._in_body else [inspect.Parameter("tenant", _NAMED, annotation=TenantInQuery, default="")]
        return [*super()._parameters(), *tenant]

    def __call__(self, request: Request, *, tenant: str | None = None, **_: Any) -> Access | None:  # type: ignore[override]  # by name
        """Return the access."""
        reference = _named_in_body(request) if self._in_body else tenant
        if not reference:
            _pipeline(request).caller(request, self.kinds)  # strangers are told of their key first
            if self._in_body:
                return None
            raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "query.tenant", "problem": "This field is required."}])
        return _pipeline(request).access(request, self.kinds, reference, None, self._beside)


class AllowsInNamedTenant(Allows):
    """As AllowsInTenant, of the tenant that the body names in its field `tenant`.

    A key may leave the field out: it names its tenant. For the administrator the access is None then, and the route refuses the request.
    """

    def __init__(self, *kinds: CallerKind, scope: Scope) -> None:
        super().__init__(*kinds)
        self._scope = scope

    def __call__(self, request: Request, **_: Any) -> Access | None:  # type: ignore[override]  # FastAPI calls by name
        """Return the access."""
        return _pipeline(request).access(request, self.kinds, _named_in_body(request), self._scope)


class AllowsProvider(Allows):
    """A dependency that takes a provider's request through the pipeline, and returns the tenant that its body names.

    A token opens its own tenant alone: the name of any other is 401. A body that names none gives None: then the route's model refuses it.
    """

    def __init__(self) -> None:
        super().__init__(PROVIDER, ADMIN)

    def __call__(self, request: Request, **_: Any) -> Tenant | None:  # type: ignore[override]  # FastAPI calls by name
        """Return the tenant."""
        pipeline = _pipeline(request)
        caller = pipeline.caller(request, self.kinds)
        named = _named_in_body(request)
        if named is None:
            return None
        tenant = caller.tenant or pipeline.authenticator.access(caller, named, Scope.SEND).tenant
        if named.lower() not in (tenant.id, str(tenant.number)):
            raise AvioError(Code.INVALID_CREDENTIALS, "This provider token is another tenant's: send the token of the tenant in the body.")
        request.state.tenant = tenant.id  # for the access log
        return tenant


def _named_in_body(request: Request) -> str | None:
    """Return the tenant that a body names, None where it names none. What is wrong with the body is told to a caller alone."""
    content = request.state.body.content
    try:
        body = parse(content) if content else None
    except AvioError:
        return None
    tenant = body.get("tenant") if isinstance(body, dict) else None
    if isinstance(tenant, float) and tenant.is_integer():
        tenant = int(tenant)  # 2.0 is a whole number in JSON
    return str(tenant)[:64] if isinstance(tenant, str | int) and not isinstance(tenant, bool) else None


def _pipeline(request: Request) -> Pipeline:
    pipeline: Pipeline = request.app.state.pipeline
    return pipeline


def in_tenant(scope: Scope, beside: Beside = no_rows) -> Any:
    """Declare that the administrator and the tenant's keys with a scope may call; the rows `beside` the tenant are read with it."""
    return Security(AllowsInTenant(ADMIN, TENANT_KEY, scope=scope, beside=beside), scopes=[scope.value])


OPEN = Depends(Allows())
Administrator = Annotated[Caller, Security(Allows(ADMIN))]
ReadAccess = Annotated[Access, in_tenant(Scope.READ)]
SendAccess = Annotated[Access, in_tenant(Scope.SEND)]
NamedSendAccess = Annotated[Access | None, Security(AllowsInNamedTenant(ADMIN, TENANT_KEY, scope=Scope.SEND), scopes=[Scope.SEND.value])]
ManageAccess = Annotated[Access, in_tenant(Scope.MANAGE)]
ProviderTenant = Annotated[Tenant | None, Security(AllowsProvider())]
ProviderDeployment = Annotated[Caller, Security(Allows(WA_WEB, ADMIN))]
