"""Authenticates callers of every kind, and says which tenant a caller reaches."""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from fastapi import Request

from functions.http.callers import Beside, Caller, CallerKind, CredentialSources
from functions.http.parameters import NUMBER_FORM, UUID_FORM
from functions.http.tenant_numbers import TenantNumbers
from shared.errors import AvioError, Code
from shared.model.account import Account
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Scope, Tenant
from shared.store.tenants import Rows

_NUMBER = re.compile(NUMBER_FORM)
_UUID = re.compile(UUID_FORM)


@dataclass(frozen=True)
class Access:
    """A caller's access to one tenant, and to that tenant's Telegram account. `rows` are the tenant's rows that the route needs."""

    caller: Caller
    tenant: Tenant
    account: Account | None
    rows: Rows = field(default_factory=dict, repr=False)


class Authenticator:
    """Authenticates requests. A refusal says which kind of credential is missing or wrong, and nothing about what it would open."""

    def __init__(self, kinds: Sequence[CallerKind], sources: CredentialSources) -> None:
        self.kinds = tuple(kinds)
        self._sources = sources
        self._numbers = TenantNumbers(sources.tenants, sources.clock)

    def reading(self, beside: Beside) -> Authenticator:
        """Return this authenticator, reading these rows of a tenant in the same request as the tenant."""
        other = copy.copy(self)
        other._sources = replace(self._sources, beside=beside)
        return other

    def authenticate(self, request: Request, allowed: Sequence[CallerKind]) -> Caller:
        """Return the caller of a request to a route that allows these kinds.

        The first kind whose credential is there decides, the allowed kinds before the others. Raises `invalid_credentials`, or `forbidden`
        for a valid credential of another kind.
        """
        for kind in (*allowed, *(other for other in self.kinds if other not in allowed)):
            credential = kind.credential_in(request)
            if credential is None:
                continue
            caller = self._verified(kind, credential)
            if kind not in allowed:
                raise AvioError(Code.FORBIDDEN, f"{_capital(kind.title)} does not open this route. Send {_sendable(allowed)}.")
            return caller
        raise AvioError(Code.INVALID_CREDENTIALS, f"There are no credentials. Send {_sendable(allowed)}.")

    def _verified(self, kind: CallerKind, credential: str) -> Caller:
        caller = kind.verify(self._sources, credential)
        if caller is None:
            misplaced = (other for other in self.kinds if other is not kind and other.recognizes(self._sources, credential))
            other = next(misplaced, None)
            raise AvioError(Code.INVALID_CREDENTIALS, f"This is {other.title}: send it as {other.sent_as}." if other else kind.unrecognized)
        return caller

    def access(self, caller: Caller, reference: str | None, scope: Scope | None) -> Access:
        """Return a caller's access to the tenant that `reference` (a UUID or a number) names, or without it to the caller's own.

        Raises `tenant_not_found`, also where neither names one and for a tenant that the caller does not reach, or `forbidden` for a
        missing scope. Routes for callers without scopes name none.
        """
        tenant, account, rows = caller.tenant, caller.account, caller.rows
        if tenant is None:
            if reference is None:
                raise AvioError(Code.TENANT_NOT_FOUND)
            tenant, account, rows = self._any_tenant(reference)
        elif reference is not None and reference.lower() not in (tenant.id, str(tenant.number)):
            raise AvioError(Code.TENANT_NOT_FOUND)
        if scope is not None and scope not in caller.scopes:
            has = ", ".join(sorted(caller.scopes))
            raise AvioError(Code.FORBIDDEN, f"This route takes a key with the scope `{scope}`. This key has {has}.")
        return Access(caller, tenant, account, rows)

    def _any_tenant(self, reference: str) -> tuple[Tenant, Account | None, Rows]:
        for tenant_id in self._ids_of(reference):
            beside = self._sources.beside(tenant_id)
            tenant, _, account, rows = self._sources.tenants.with_account(tenant_id, Channel.TELEGRAM, None, beside)
            if tenant is not None:
                return tenant, account, rows
        raise AvioError(Code.TENANT_NOT_FOUND)

    def _ids_of(self, reference: str) -> Iterator[TenantId]:
        if _UUID.fullmatch(reference):
            yield TenantId(str(uuid.UUID(reference)))
        elif _NUMBER.fullmatch(reference):
            yield from self._numbers.ids_of(int(reference))


def _sendable(kinds: Sequence[CallerKind]) -> str:
    return ", or ".join(f"{kind.title} as {kind.sent_as}" for kind in kinds)


def _capital(title: str) -> str:
    return title[0].upper() + title[1:]
