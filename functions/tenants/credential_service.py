"""A tenant's keys and its signing secret: given out once, replaced without a gap, taken away (contract T2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pydantic import SecretStr

from functions.tenants.tenant_service import seal
from shared.clock import Clock
from shared.crypto import Envelope
from shared.errors import AvioError, Code
from shared.model.tenant import OVERLAP, PreviousSecret, Scope, Sealed, Tenant, TenantKey, new_signing_secret
from shared.store.tenants import TenantStore, TooManyKeys

_KEY_ID = re.compile(r"[0-9a-f]{12}")
MOST_PREVIOUS = 3
"""Signing secrets that are still valid beside the newest: `webhook-signature` grows with each."""


@dataclass(frozen=True)
class CredentialService:
    """Gives out and takes away."""

    tenants: TenantStore
    envelope: Envelope
    clock: Clock

    def add_key(self, tenant: Tenant, scopes: frozenset[Scope], name: str | None, callers: frozenset[Scope]) -> tuple[TenantKey, SecretStr]:
        """Make a key; a caller gives nothing away that it has not itself. Raises `too_many_keys`, `tenant_not_found`."""
        if not scopes <= callers:
            raise AvioError(Code.FORBIDDEN, "A key gives away only the scopes that it has itself.")
        try:
            made = self.tenants.add_key(tenant.id, scopes, name, self.clock.now())
        except TooManyKeys:
            raise AvioError(Code.TOO_MANY_KEYS) from None
        if made is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return made

    def keys_of(self, tenant: Tenant) -> list[TenantKey]:
        """Return a tenant's keys, the oldest first."""
        return self.tenants.keys_of(tenant.id)

    def remove_key(self, tenant: Tenant, key_id: str) -> None:
        """Take a key away, the caller's own too; raises `not_found`."""
        if not _KEY_ID.fullmatch(key_id) or not self.tenants.remove_key(tenant.id, key_id):
            raise AvioError(Code.NOT_FOUND, "There is no such key.")

    def rotate(self, tenant: Tenant) -> tuple[SecretStr, datetime]:
        """Make a new signing secret; return it, and until when the one that it replaces is valid too.

        A caller whose answer was lost rotates again: the secret that nobody saw counts among the previous ones until it ends.
        """
        previous, until = tenant.valid_previous(self.clock.now()), self.clock.now() + OVERLAP
        if len(previous) >= MOST_PREVIOUS:
            raise AvioError(Code.ROTATION_PENDING)
        secret = new_signing_secret()
        sealed = seal(self.envelope, tenant.id, secret.get_secret_value())
        self._replace(tenant, sealed, (*previous, PreviousSecret(until=until, secret=_secret_of(tenant))))
        return secret, until

    def end_previous(self, tenant: Tenant) -> None:
        """End all replaced signing secrets now. Safe to run twice."""
        if tenant.previous_secrets and (sealed := _secret_of(tenant)):
            self._replace(tenant, sealed, ())

    def _replace(self, tenant: Tenant, sealed: Sealed, previous: tuple[PreviousSecret, ...]) -> None:
        changes = {"signing_key": sealed.key, "signing_secret": sealed.sealed, "previous_secrets": previous}
        if not self.tenants.replace_secret(tenant, tenant.model_copy(update=changes)):
            raise AvioError(Code.ROTATION_PENDING)


def _secret_of(tenant: Tenant) -> Sealed | None:
    """Return a tenant's own secret, or None where it signs with the deployment's."""
    if tenant.signing_key is None or tenant.signing_secret is None:
        return None
    return Sealed(key=tenant.signing_key, sealed=tenant.signing_secret)
