"""What can be done with tenants, without HTTP."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from functions.tenants.derived_credentials import Once, derived, fingerprint
from shared import callback_url
from shared.clock import Clock
from shared.crypto import Envelope, KeysUnavailable, Purpose
from shared.errors import AvioError, Code
from shared.model.ids import NOBODY, Channel, Epoch, TenantId
from shared.model.tenant import Draw, Sealed, Tenant, new_key, new_signing_secret
from shared.settings import CallbackSettings
from shared.store import erasure
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import AlreadyCreated, Creation, TenantStore, new_tenant_id
from shared.store.workers import WorkerStore

RETRY_AFTER_S = 5
CHANNELS = (Channel.TELEGRAM,)
"""Where a tenant may have accounts by now."""


@dataclass(frozen=True)
class Created:
    """A new tenant with its credentials; `replayed` where an earlier request had made it."""

    tenant: Tenant
    key: SecretStr
    signing_secret: SecretStr
    replayed: bool = False


def seal(envelope: Envelope, tenant_id: TenantId, secret: str, purpose: Purpose = Purpose.SIGNING) -> Sealed:
    """Seal what only the delivery function may open, under a data key of its own; raises `unavailable`."""
    try:
        data_key = envelope.new_key(tenant_id, purpose)
    except KeysUnavailable as error:
        raise AvioError(Code.UNAVAILABLE, "Our keys cannot be reached right now.", retry_after_s=RETRY_AFTER_S) from error
    return Sealed(key=data_key.wrapped, sealed=data_key.seal(secret.encode()))


@dataclass(frozen=True)
class TenantService:
    """Creates, lists, changes and deletes tenants."""

    table: Table
    tenants: TenantStore
    accounts: AccountStore
    workers: WorkerStore
    envelope: Envelope
    clock: Clock
    allowed: CallbackSettings

    def create(self, name: str, url: str | None, others: dict[str, Any] | None = None) -> Created:
        """Make a tenant with its first key and its signing secret, which nothing can show again."""
        return self._create(name, url, others or {}, secrets.token_bytes, None)

    def create_once(self, name: str, url: str | None, others: dict[str, Any], once: Once) -> Created:
        """Make a tenant, or return the one that this idempotency key made within 24 hours, with the same credentials.

        Raises `idempotency_key_reused` where the request is another, or the credentials have been changed since.
        """
        asked = fingerprint({"name": name, "callback_url": url, **others})
        made = self.tenants.creation(once.idempotency_key, self.clock.now())
        if made is None:
            salt = secrets.token_bytes(32)
            try:
                return self._create(name, url, others, derived(once.admin_token, salt), Creation(once.idempotency_key, salt, asked))
            except AlreadyCreated:
                made = self.tenants.creation(once.idempotency_key, self.clock.now())
        if made is None or made.fingerprint != asked:
            raise AvioError(Code.IDEMPOTENCY_KEY_REUSED)
        return self._again(made, derived(once.admin_token, made.salt))

    def _create(self, name: str, url: str | None, others: dict[str, Any], draw: Draw, creation: Creation | None) -> Created:
        self._check(url)
        tenant_id, secret = new_tenant_id(), new_signing_secret(draw)
        sealed = seal(self.envelope, tenant_id, secret.get_secret_value())
        fields = {name: value for name, value in self._stored(tenant_id, others).items() if value is not None}
        signing = (sealed.key, sealed.sealed)
        tenant, key = self.tenants.create(name, url, self.clock.now(), signing, tenant_id, fields, creation, draw)
        return Created(tenant, key, secret)

    def _again(self, made: Creation, draw: Draw) -> Created:
        """Derive the credentials of a tenant again, if they are still its own."""
        assert made.tenant_id is not None
        tenant = self.tenants.get(made.tenant_id)
        if tenant is None:
            raise AvioError(Code.TENANT_NOT_FOUND, "This Idempotency-Key made a tenant that has been deleted since. Use another key.")
        secret = new_signing_secret(draw)
        key_id, key = new_key(tenant.id, draw)
        stored = next((one for one in self.tenants.keys_of(tenant.id) if one.id == key_id), None)
        if stored is None or not stored.opens(key.get_secret_value()) or tenant.signing_secret != made.signing_secret:
            raise AvioError(
                Code.IDEMPOTENCY_KEY_REUSED,
                f"This Idempotency-Key made tenant {tenant.number}, whose credentials have changed since. Make new ones:"
                f" POST /tenants/{tenant.number}/keys and POST /tenants/{tenant.number}/signing-secret/rotate.",
                tenant=tenant.number,
            )
        return Created(tenant, key, secret, replayed=True)

    def page(self, after: int, limit: int) -> tuple[list[Tenant], int | None]:
        """Return a page of tenants and, where more follow, the number after which they begin."""
        return self.tenants.page(after, limit)

    def change(self, tenant: Tenant, changes: dict[str, Any]) -> Tenant:
        """Change a tenant. A callback set where there was none gets what happens from now on; setting it, the same one too, enables it."""
        if "callback_url" in changes:
            self._check(changes["callback_url"])
            changes = {**changes, "callback_since": self.clock.now()}
        changes = self._stored(tenant.id, changes)
        changed = self.tenants.change(tenant.id, changes) if changes else tenant
        if changed is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return changed

    def delete(self, tenant: Tenant) -> None:
        """Shut a tenant's doors, then have everything of it erased.

        One with an account is erased by the worker that owns it, since the account has to be logged out first; without an owner it goes to
        whichever worker finds it. A tenant whose account no worker ever held has nothing to log out: it is erased here and now. What is
        left, or breaks off, functions/erasure comes back to for a day. Safe to run twice.
        """
        if not self.tenants.end(tenant.id, CHANNELS, self.clock.now()):
            return
        for channel in CHANNELS:
            row = self.accounts.get(tenant.id, channel)
            if row is None or row.epoch == 0:
                erasure.erase(self.table, tenant.id, Epoch(0))
            elif row.owner and row.owner != NOBODY:
                self.workers.nudge(row.owner, tenant.id)

    def _stored(self, tenant_id: TenantId, changes: dict[str, Any]) -> dict[str, Any]:
        """Return changes as they are stored: headers sealed, with their names beside them."""
        if "callback_headers" not in changes:
            return changes
        headers = changes["callback_headers"] or None
        sealed = seal(self.envelope, tenant_id, json.dumps(headers), Purpose.HEADERS) if headers else None
        return {**changes, "callback_headers": sealed, "callback_header_names": tuple(headers) if headers else None}

    def _check(self, url: str | None) -> None:
        if url is not None:
            allowed = self.allowed
            callback_url.check(url, allow_http=allowed.allow_http_callbacks, allow_private=allowed.allow_private_callbacks)
