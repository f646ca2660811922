"""Makes, shows and rotates the tokens by which providers' software posts tenants' events (contract P1, P2)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from functions.http.parameters import NUMBER_FORM, UUID_FORM
from functions.http.sealing import seal, unseal
from shared.clock import Clock
from shared.crypto import Envelope, Purpose
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.model.provider_token import PreviousToken, ProviderToken, new_provider_token
from shared.model.tenant import OVERLAP, Tenant, digest
from shared.store.provider_tokens import ProviderTokenStore
from shared.store.table import StoreUnavailable
from shared.store.tenants import MAX_GIVEN_NUMBER, TenantStore

MAX_PREVIOUS_TOKENS = 3
"""Replaced tokens that may be valid at once."""
_TRIES = 5
"""A transaction also fails if another write to one of its items is under way."""
_NUMBER, _UUID = re.compile(NUMBER_FORM), re.compile(UUID_FORM)


@dataclass(frozen=True)
class IssuedProviderToken:
    """A tenant's token in the clear. `previous_valid_until`: when the last of the replaced tokens ends, None if there is none."""

    token: SecretStr
    created_at: datetime
    previous_valid_until: datetime | None


@dataclass(frozen=True)
class ProviderTokenService:
    """Manages provider tokens. A token is stored as its digest, and sealed under a purpose of its own, so that it can be shown again."""

    tenants: TenantStore
    tokens: ProviderTokenStore
    envelope: Envelope
    clock: Clock

    def tenant(self, reference: str) -> Tenant:
        """Return a tenant by its UUID or its number; raises `tenant_not_found`."""
        tenant_id: TenantId | None = None
        if _UUID.fullmatch(reference):
            tenant_id = TenantId(str(uuid.UUID(reference)))
        elif _NUMBER.fullmatch(reference):
            tenant_id = self.tenants.id_of(int(reference))
        tenant = self.tenants.get(tenant_id) if tenant_id else None
        if tenant is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return tenant

    def tenant_or_new(self, reference: str) -> Tenant:
        """Return a tenant; create it if the reference is a number that nobody has, up to MAX_GIVEN_NUMBER. Safe to run twice."""
        if _NUMBER.fullmatch(reference) and int(reference) <= MAX_GIVEN_NUMBER:
            self._create_numbered(int(reference))
        return self.tenant(reference)

    def _create_numbered(self, number: int) -> None:
        """Create a tenant of this number, if there is none. Another request at the same moment may make the transaction fail."""
        for _ in range(_TRIES):
            if self.tenants.id_of(number) is not None:
                return
            self.tenants.create_numbered(number, f"Tenant {number}", self.clock.now())
        if self.tenants.id_of(number) is None:
            raise StoreUnavailable("transact_write_items: others write the same items")

    def ensure(self, tenant: Tenant) -> IssuedProviderToken:
        """Return the tenant's token; make it if there is none. Of several at once all get the same one. Raises `tenant_not_found`."""
        for _ in range(_TRIES):
            if shown := self.shown(tenant):
                return shown
            token = new_provider_token(tenant.id)
            stored = self._stored(tenant, token)
            if self.tokens.create(tenant.id, stored):
                return IssuedProviderToken(token, stored.created_at, None)
            if self.tenants.get(tenant.id) is None:
                raise AvioError(Code.TENANT_NOT_FOUND)
        raise StoreUnavailable("transact_write_items: others write the same items")

    def shown(self, tenant: Tenant) -> IssuedProviderToken | None:
        """Return the tenant's token, None if it has none yet."""
        stored = self.tokens.get(tenant.id)
        if stored is None:
            return None
        token = unseal(self.envelope, tenant.id, stored.sealed, Purpose.PROVIDER)
        previous = stored.valid_previous(self.clock.now())
        return IssuedProviderToken(SecretStr(token), stored.created_at, max((one.until for one in previous), default=None))

    def rotate(self, tenant: Tenant) -> IssuedProviderToken:
        """Make a new token; the replaced one stays valid for 24 hours. Raises `rotation_pending`, or `no_provider_token`."""
        seen, now = self._seen(tenant), self.clock.now()
        if len(seen.valid_previous(now)) >= MAX_PREVIOUS_TOKENS:
            raise AvioError(Code.ROTATION_PENDING)
        token, until = new_provider_token(tenant.id), now + OVERLAP
        previous = (*seen.valid_previous(now), PreviousToken(digest=seen.digest, until=until))
        self._replace(tenant, seen, self._stored(tenant, token, previous))
        return IssuedProviderToken(token, now, until)

    def end_previous(self, tenant: Tenant) -> None:
        """End all replaced tokens now. Safe to repeat. Raises `rotation_pending`, or `no_provider_token`."""
        seen = self._seen(tenant)
        if seen.previous:
            self._replace(tenant, seen, seen.model_copy(update={"previous": ()}))

    def _seen(self, tenant: Tenant) -> ProviderToken:
        if (seen := self.tokens.get(tenant.id)) is None:
            raise AvioError(Code.NO_PROVIDER_TOKEN)
        return seen

    def _replace(self, tenant: Tenant, seen: ProviderToken, token: ProviderToken) -> None:
        if not self.tokens.replace(tenant.id, seen, token):
            raise AvioError(Code.ROTATION_PENDING)

    def _stored(self, tenant: Tenant, token: SecretStr, previous: tuple[PreviousToken, ...] = ()) -> ProviderToken:
        secret = token.get_secret_value()
        sealed = seal(self.envelope, tenant.id, secret, Purpose.PROVIDER)
        return ProviderToken(digest=digest(secret), sealed=sealed, created_at=self.clock.now(), previous=previous)
