"""Creates, lists, changes and deletes tenants, without HTTP."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from functions.http.sealing import seal
from functions.tenants.derived_credentials import derived_from, fingerprint
from shared import callback_url
from shared.clock import Clock
from shared.crypto import Envelope, Purpose
from shared.errors import AvioError, Code
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Draw, Tenant, new_key, new_signing_secret
from shared.settings import CallbackSettings
from shared.store import erasure
from shared.store.table import Table
from shared.store.tenants import AlreadyCreated, Creation, TenantStore, new_tenant_id
from shared.store.workers import WorkerStore


@dataclass(frozen=True)
class Created:
    """A new tenant with its credentials; `replayed` if an earlier request created it."""

    tenant: Tenant
    key: SecretStr
    signing_secret: SecretStr
    replayed: bool = False


@dataclass(frozen=True)
class TenantService:
    """Creates, lists, changes and deletes tenants."""

    table: Table
    tenants: TenantStore
    workers: WorkerStore
    envelope: Envelope
    clock: Clock
    allowed: CallbackSettings

    def create(self, name: str, url: str | None, others: dict[str, Any] | None = None) -> Created:
        """Create a tenant with its first key and its signing secret, which cannot be shown again."""
        return self._create(name, url, others or {}, secrets.token_bytes, None)

    def create_once(self, name: str, url: str | None, others: dict[str, Any], *, idempotency_key: str, admin_token: SecretStr) -> Created:
        """Create a tenant, or return the tenant that this key created within 24 hours, with the same credentials.

        Raises `idempotency_key_reused` if that request was different, or if the credentials have changed since.
        """
        request = fingerprint({"name": name, "callback_url": url, **others})
        earlier = self.tenants.creation(idempotency_key, self.clock.now())
        if earlier is None:
            salt = secrets.token_bytes(32)
            try:
                return self._create(name, url, others, derived_from(admin_token, salt), Creation(idempotency_key, salt, request))
            except AlreadyCreated:
                earlier = self.tenants.creation(idempotency_key, self.clock.now())
        if earlier is None or earlier.fingerprint != request:
            raise AvioError(Code.IDEMPOTENCY_KEY_REUSED)
        return self._replayed(earlier, derived_from(admin_token, earlier.salt))

    def _create(self, name: str, url: str | None, others: dict[str, Any], draw: Draw, creation: Creation | None) -> Created:
        self.check(url)
        tenant_id, secret = new_tenant_id(), new_signing_secret(draw)
        sealed = seal(self.envelope, tenant_id, secret.get_secret_value())
        fields = {name: value for name, value in self.stored(tenant_id, others).items() if value is not None}
        signing = (sealed.key, sealed.sealed)
        tenant, key = self.tenants.create(name, url, self.clock.now(), signing, tenant_id, fields, creation, draw)
        return Created(tenant, key, secret)

    def _replayed(self, earlier: Creation, draw: Draw) -> Created:
        """Derive a tenant's first credentials again; raises `idempotency_key_reused` if it has others by now."""
        assert earlier.tenant_id is not None
        tenant = self.tenants.get(earlier.tenant_id)
        if tenant is None:
            raise AvioError(Code.TENANT_NOT_FOUND, "This Idempotency-Key created a tenant that was deleted since. Use another key.")
        secret = new_signing_secret(draw)
        key_id, key = new_key(tenant.id, draw)
        stored = next((known for known in self.tenants.keys_of(tenant.id) if known.id == key_id), None)
        if stored is None or not stored.opens(key.get_secret_value()) or tenant.signing_secret != earlier.signing_secret:
            raise AvioError(
                Code.IDEMPOTENCY_KEY_REUSED,
                f"This Idempotency-Key created tenant {tenant.number}, whose credentials have changed since. Create new ones:"
                f" POST /tenants/{tenant.number}/keys and POST /tenants/{tenant.number}/signing-secret/rotate.",
                tenant=tenant.number,
            )
        return Created(tenant, key, secret, replayed=True)

    def page(self, after: int, limit: int) -> tuple[list[Tenant], int | None]:
        """Return a page of tenants, and the number after which the next page begins, or None for the last page."""
        return self.tenants.page(after, limit)

    def change(self, tenant: Tenant, changes: dict[str, Any]) -> Tenant:
        """Change a tenant; raises `tenant_not_found`.

        Setting `callback_url`, to the same address too, enables a disabled callback. A first callback gets events from now on.
        """
        if "callback_url" in changes:
            self.check(changes["callback_url"])
            changes = {**changes, "callback_since": self.clock.now()}
        changes = self.stored(tenant.id, changes)
        changed = self.tenants.change(tenant.id, changes) if changes else tenant
        if changed is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return changed

    def delete(self, tenant: Tenant) -> None:
        """End a tenant, so that no credential opens it any more, then have everything of it erased.

        Each account's owner logs it out and erases it, the last one with everything of the tenant; without an owner, any worker that
        finds the account does. A tenant whose accounts no worker ever owned has nothing to log out and is erased at once.
        functions/erasure retries for a day what is left unfinished. Safe to run twice.
        """
        now = self.clock.now()
        if self.tenants.end(tenant.id, Channel, now) and not erasure.erase(self.table, tenant.id):
            for owner in erasure.remind(self.table, tenant.id, now):
                self.workers.nudge(owner, tenant.id)

    def stored(self, tenant_id: TenantId, changes: dict[str, Any]) -> dict[str, Any]:
        """Return changes in their stored form: headers encrypted, with their names beside them."""
        if "callback_headers" not in changes:
            return changes
        headers = changes["callback_headers"] or None
        sealed = seal(self.envelope, tenant_id, json.dumps(headers), Purpose.HEADERS) if headers else None
        return {**changes, "callback_headers": sealed, "callback_header_names": tuple(headers) if headers else None}

    def check(self, url: str | None) -> None:
        """Raise `invalid_callback_url` for a URL that nothing may be posted to."""
        if url is not None:
            allowed = self.allowed
            callback_url.check(url, allow_http=allowed.allow_http_callbacks, allow_private=allowed.allow_private_callbacks)
