"""What can be done with tenants, without HTTP."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from shared import callback_url
from shared.clock import Clock
from shared.crypto import Envelope, KeysUnavailable, Purpose
from shared.errors import AvioError, Code
from shared.model.account import Wanted
from shared.model.ids import NOBODY, Channel, TenantId
from shared.model.tenant import Sealed, Tenant, new_signing_secret
from shared.settings import CallbackSettings
from shared.store import erasure
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from shared.store.workers import WorkerStore

RETRY_AFTER_S = 5


def seal(envelope: Envelope, tenant_id: TenantId, secret: str, purpose: Purpose = Purpose.SIGNING) -> Sealed:
    """Seal what only the delivery function may open, under a data key of its own; raises `unavailable`."""
    try:
        data_key = envelope.new_key(tenant_id, purpose)
    except KeysUnavailable as error:
        raise AvioError(Code.UNAVAILABLE, "Our keys cannot be reached right now.", retry_after_s=RETRY_AFTER_S) from error
    return Sealed(key=data_key.wrapped, sealed=data_key.seal(secret.encode()))


@dataclass(frozen=True)
class Directory:
    """Creates, lists, changes and deletes tenants."""

    table: Table
    tenants: TenantStore
    accounts: AccountStore
    workers: WorkerStore
    envelope: Envelope
    clock: Clock
    allowed: CallbackSettings

    def create(self, name: str, url: str | None, others: dict[str, Any] | None = None) -> tuple[Tenant, SecretStr, SecretStr]:
        """Make a tenant; return it with its first key and its signing secret, which nothing can show again."""
        self._check(url)
        tenant_id, secret = new_tenant_id(), new_signing_secret()
        sealed = seal(self.envelope, tenant_id, secret.get_secret_value())
        fields = {name: value for name, value in self._stored(tenant_id, others or {}).items() if value is not None}
        tenant, key = self.tenants.create(name, url, self.clock.now(), (sealed.key, sealed.sealed), tenant_id, fields)
        return tenant, key, secret

    def page(self, after: int, limit: int) -> tuple[list[Tenant], int | None]:
        """Return a page of tenants and, where more follow, the number after which they begin."""
        return self.tenants.page(after, limit)

    def change(self, tenant: Tenant, changes: dict[str, Any]) -> Tenant:
        """Change a tenant; a callback set anew, or again after it was disabled, gets only what happens from now on."""
        if "callback_url" in changes:
            url = changes["callback_url"]
            self._check(url)
            if url != tenant.callback_url or tenant.callback_disabled:
                changes = {**changes, "callback_since": self.clock.now() if url else None, "callback_disabled": None}
        changes = self._stored(tenant.id, changes)
        changed = self.tenants.change(tenant.id, changes) if changes else tenant
        if changed is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return changed

    def delete(self, tenant: Tenant) -> None:
        """Shut a tenant's doors, then have everything of it erased.

        One with an account is erased by the worker that owns it, since the account has to be logged out first; without an owner it goes to
        whichever worker finds it. A tenant whose account no worker ever held has nothing to log out: it is erased here and now, and should
        that break off, by a worker. Safe to run twice.
        """
        self.tenants.mark_deleting(tenant.id)
        row = self.accounts.want(tenant.id, Channel.TELEGRAM, Wanted.ERASE, self.clock.now())
        if row is None or row.epoch == 0:
            erasure.erase(self.table, tenant.id)
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
