"""Creates and deletes a tenant's keys, and rotates its signing secret without a gap (contract T2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from functions.http.callers import Caller
from functions.http.sealing import seal
from shared.clock import Clock
from shared.crypto import Envelope
from shared.errors import AvioError, Code
from shared.model.callback_key import owner_of
from shared.model.tenant import OVERLAP, PreviousSecret, Scope, Sealed, Tenant, TenantKey, new_signing_secret
from shared.store.tenants import TenantStore, TooManyKeys

_KEY_ID = re.compile(r"[0-9a-f]{12}")
MAX_PREVIOUS_SECRETS = 3
"""Replaced signing secrets that may be valid at once: each makes `webhook-signature` longer."""


@dataclass(frozen=True)
class CredentialService:
    """Manages the credentials of tenants."""

    tenants: TenantStore
    envelope: Envelope
    clock: Clock

    def add_key(
        self,
        tenant: Tenant,
        scopes: frozenset[Scope],
        name: str | None,
        caller: Caller,
        valid_until: datetime | None = None,
        *,
        public: bool = False,
    ) -> tuple[TenantKey, SecretStr]:
        """Create a key with scopes that the caller has itself, or a public key without any, that does not outlive the caller's.

        Raises `forbidden`, `invalid_request` for a time that has passed, `too_many_keys` or `tenant_not_found`.
        """
        if not scopes <= caller.scopes:
            raise AvioError(Code.FORBIDDEN, "A key can only give scopes that it has itself.")
        if caller.valid_until and (valid_until is None or valid_until > caller.valid_until):
            raise AvioError(
                Code.FORBIDDEN, f"A key that expires can only create keys that expire by then: {caller.valid_until:%Y-%m-%dT%H:%M:%SZ}."
            )
        if valid_until and valid_until <= self.clock.now():
            raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body.expires_at", "problem": "This should be a time to come."}])
        try:
            created = self.tenants.add_key(tenant.id, scopes, name, self.clock.now(), valid_until, public=public)
        except TooManyKeys:
            raise AvioError(Code.TOO_MANY_KEYS) from None
        if created is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return created

    def keys_of(self, tenant: Tenant) -> list[TenantKey]:
        """Return a tenant's keys, oldest first."""
        return self.tenants.keys_of(tenant.id)

    def remove_key(self, tenant: Tenant, key_id: str) -> None:
        """Delete a key, which may be the caller's own; raises `not_found`."""
        if not _KEY_ID.fullmatch(key_id) or not self.tenants.remove_key(tenant.id, key_id):
            raise AvioError(Code.NOT_FOUND, "There is no such key.")

    def rotate(self, tenant: Tenant) -> tuple[SecretStr, datetime]:
        """Create a new signing secret; return it with the time until which the replaced one is valid too. Raises `rotation_pending`.

        A caller that lost the answer rotates again. The lost secret then counts as a previous one until it ends.
        """
        previous, until = tenant.valid_previous(self.clock.now()), self.clock.now() + OVERLAP
        if len(previous) >= MAX_PREVIOUS_SECRETS:
            raise AvioError(Code.ROTATION_PENDING)
        secret = new_signing_secret()
        sealed = seal(self.envelope, owner_of(tenant.id), secret.get_secret_value())
        self._replace(tenant, sealed, (*previous, PreviousSecret(until=until, secret=_secret_of(tenant))))
        return secret, until

    def end_previous(self, tenant: Tenant) -> None:
        """End all replaced signing secrets now. Safe to repeat."""
        if tenant.previous_secrets and (sealed := _secret_of(tenant)):
            self._replace(tenant, sealed, ())

    def _replace(self, tenant: Tenant, sealed: Sealed, previous: tuple[PreviousSecret, ...]) -> None:
        changes = {"signing_key": sealed.key, "signing_secret": sealed.sealed, "previous_secrets": previous}
        if not self.tenants.replace_secret(tenant, tenant.model_copy(update=changes)):
            raise AvioError(Code.ROTATION_PENDING)


def _secret_of(tenant: Tenant) -> Sealed | None:
    """Return a tenant's own secret; None if it signs with the deployment's."""
    if tenant.signing_key is None or tenant.signing_secret is None:
        return None
    return Sealed(key=tenant.signing_key, sealed=tenant.signing_secret)
