"""What can be done with tenants, without HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from shared import callback_url
from shared.clock import Clock
from shared.crypto import Envelope, Purpose
from shared.errors import AvioError, Code
from shared.model.account import Account, Wanted
from shared.model.ids import NOBODY, Channel, TenantId
from shared.model.tenant import Tenant, new_signing_secret
from shared.settings import CallbackSettings
from shared.store import erasure
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.tenants import TenantStore, new_tenant_id
from shared.store.workers import WorkerStore


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

    def create(self, name: str, url: str | None) -> tuple[Tenant, SecretStr, SecretStr]:
        """Make a tenant; return it with its first key and its signing secret, which nothing can show again."""
        self._check(url)
        tenant_id, secret = new_tenant_id(), new_signing_secret()
        data_key = self.envelope.new_key(tenant_id, Purpose.SIGNING)
        sealed = data_key.seal(secret.get_secret_value().encode())
        tenant, key = self.tenants.create(name, url, self.clock.now(), (data_key.wrapped, sealed), tenant_id)
        return tenant, key, secret

    def page(self, after: int, limit: int) -> tuple[list[Tenant], int | None]:
        """Return a page of tenants and, where more follow, the number after which they begin."""
        return self.tenants.page(after, limit)

    def change(self, tenant: Tenant, changes: dict[str, Any]) -> Tenant:
        """Change a tenant; a callback set anew gets only what happens from now on."""
        if "callback_url" in changes:
            self._check(changes["callback_url"])
            if changes["callback_url"] != tenant.callback_url:
                changes = {**changes, "callback_since": self.clock.now() if changes["callback_url"] else None}
        changed = self.tenants.change(tenant.id, changes) if changes else tenant
        if changed is None:
            raise AvioError(Code.TENANT_NOT_FOUND)
        return changed

    def delete(self, tenant: Tenant, account: Account | None) -> None:
        """Shut a tenant's doors, then have everything of it erased.

        A tenant that never logged in is erased here and now. One with an account is erased by the worker that owns it, since the
        account has to be logged out first; without an owner it goes to whichever worker finds it. Safe to run twice.
        """
        self.tenants.mark_deleting(tenant.id)
        row = self.accounts.want(tenant.id, account.channel if account else Channel.TELEGRAM, Wanted.ERASE, self.clock.now())
        if row is None:
            erasure.erase(self.table, tenant.id)
        elif row.owner and row.owner != NOBODY:
            self.workers.nudge(row.owner, TenantId(tenant.id))

    def _check(self, url: str | None) -> None:
        if url is not None:
            allowed = self.allowed
            callback_url.check(url, allow_http=allowed.allow_http_callbacks, allow_private=allowed.allow_private_callbacks)
