"""Creates, changes and removes the callbacks that a tenant has beside its first one (contract C8)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from functions.http.sealing import seal
from functions.tenants.tenant_service import TenantService
from shared.errors import AvioError, Code
from shared.model.callback_key import FIRST, is_callback_id, key_of
from shared.model.tenant import MOST_CALLBACKS, Callback, DeliveryMode, Tenant, new_signing_secret
from shared.store.tenants import TooManyCallbacks


@dataclass(frozen=True)
class CallbackService:
    """Manages callbacks. A callback is shown as its tenant, seen by it (`Tenant.seen_by`)."""

    tenants: TenantService

    def all_of(self, tenant: Tenant) -> list[Tenant]:
        """Return a tenant's callbacks, the first one first."""
        others = sorted(tenant.callbacks, key=lambda callback_id: tenant.callbacks[callback_id].created_at)
        return [seen for callback_id in (FIRST, *others) if (seen := tenant.seen_by(callback_id))]

    def get(self, tenant: Tenant, callback_id: str) -> Tenant:
        """Return one callback; raises `not_found`."""
        return seen_or_not_found(tenant, callback_id)

    def create(self, tenant: Tenant, settings: dict[str, Any]) -> tuple[Tenant, SecretStr]:
        """Create a callback that gets events from now on; return it with its secret. Raises `contradictory_fields`. Not safe to repeat."""
        url, now = settings.get("callback_url"), self.tenants.clock.now()
        if (url is None) is (settings.get("delivery") != DeliveryMode.PULL):
            problem = "A callback has a callback_url, or fetches its events: `delivery: pull` without one."
            raise AvioError(Code.CONTRADICTORY_FIELDS, fields=[{"field": "body.callback_url", "problem": problem}])
        self.tenants.check(url)
        secret, callback_id = new_signing_secret(), f"cb_{secrets.token_hex(6)}"
        sealed = seal(self.tenants.envelope, tenant.id, secret.get_secret_value())
        fields = {name: value for name, value in self.tenants.stored(tenant.id, settings).items() if value is not None}
        callback = Callback(created_at=now, callback_since=now, signing_key=sealed.key, signing_secret=sealed.sealed, **fields)
        try:
            changed = self.tenants.tenants.add_callback(tenant.id, callback_id, callback)
        except TooManyCallbacks:
            raise AvioError(Code.TOO_MANY_CALLBACKS, f"A tenant has {MOST_CALLBACKS} callbacks at most. Delete one first.") from None
        return seen_or_not_found(changed, callback_id), secret

    def change(self, tenant: Tenant, callback_id: str, changes: dict[str, Any]) -> Tenant:
        """Change a callback; raises `not_found` or `contradictory_fields`. A URL, the same too, enables a disabled callback."""
        seen = seen_or_not_found(tenant, callback_id)
        if callback_id == FIRST:
            return seen_or_not_found(self.tenants.change(tenant, changes), FIRST)
        if "callback_url" in changes:
            if seen.fetches or changes["callback_url"] is None:
                problem = "How a callback gets its events stays as it is. Create another one, and delete this."
                raise AvioError(Code.CONTRADICTORY_FIELDS, fields=[{"field": "body.delivery", "problem": problem}])
            self.tenants.check(changes["callback_url"])
        stored = self.tenants.stored(tenant.id, changes)
        changed = self.tenants.tenants.change_callback(seen.id, stored) if stored else tenant
        return seen_or_not_found(changed, callback_id)

    def delete(self, tenant: Tenant, callback_id: str) -> None:
        """Remove a callback with its backlog and its log; of the first only its URL. Raises `not_found`."""
        if callback_id == FIRST:
            self.tenants.change(tenant, {"callback_url": None})
        elif not is_callback_id(callback_id) or not self.tenants.tenants.remove_callback(
            key_of(tenant.id, callback_id), self.tenants.clock.now()
        ):
            raise _not_found()


def seen_or_not_found(tenant: Tenant | None, callback_id: str) -> Tenant:
    """Return a tenant as a callback sees it; raises `not_found`."""
    seen = tenant.seen_by(callback_id) if tenant else None
    if seen is None:
        raise _not_found()
    return seen


def _not_found() -> AvioError:
    return AvioError(Code.NOT_FOUND, "There is no such callback.")
