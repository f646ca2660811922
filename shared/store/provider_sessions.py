"""What a provider said last of a tenant's session, and its QR codes, for as long as they may be scanned.

PROVIDERSESSION#<channel>          the last QR code's id, or that the session is ready
PROVIDERQR#<channel>#<qr id>       a code's image
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from shared.model.frozen import StoredModel
from shared.model.ids import Channel, TenantId
from shared.store import keys
from shared.store.accounts import TenantGone
from shared.store.rows import of_row
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, StoreUnavailable, Table

QR_KEPT = timedelta(minutes=5)
_TRIES = 5
"""A transaction also fails if another write to one of its items is under way."""


class ProviderSession(StoredModel):
    """A session as its provider described it last: it shows the QR code `qr_id` until `qr_until`, or is ready since `ready_at`."""

    qr_id: str | None = None
    qr_until: datetime | None = None
    ready_at: datetime | None = None
    state: str | None = None


class ProviderSessionStore:
    """Reads and writes sessions and QR codes. Blocking."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId, channel: Channel) -> ProviderSession | None:
        """Return what was said last of a session, or None."""
        row = self._table.get(keys.provider_session(tenant_id, channel))
        return session_of(row) if row else None

    def svg(self, tenant_id: TenantId, channel: Channel, qr_id: str, now: datetime) -> str | None:
        """Return a code's image, None if there is none or its time is over."""
        row = self._table.get(keys.provider_qr(tenant_id, channel, qr_id))
        return str(row["svg"]) if row and row["expires_at"] > now.timestamp() else None

    def show_qr(self, tenant_id: TenantId, channel: Channel, qr_id: str, svg: str, now: datetime) -> None:
        """Keep a QR code, which is the last one from now on; raises TenantGone.

        Safe to run twice: a repeat changes nothing, also where the session has become ready since.
        """
        until = now + QR_KEPT
        code = {**keys.provider_qr(tenant_id, channel, qr_id), "svg": svg, "expires_at": int(until.timestamp())}
        session = {**keys.provider_session(tenant_id, channel), "qr_id": qr_id, "qr_until": until.isoformat()}
        new = Put(code, "attribute_not_exists(pk) OR expires_at <= :now", {":now": int(now.timestamp())})
        self._put(tenant_id, new, Put(session), done=lambda: self.svg(tenant_id, channel, qr_id, now) is not None)

    def ready(self, tenant_id: TenantId, channel: Channel, at: datetime, state: str | None) -> None:
        """Note that a session is ready: its QR codes are of no use any more. Raises TenantGone. Safe to run twice."""
        said = {"ready_at": at.isoformat(), **({"state": state} if state else {})}
        self._put(tenant_id, Put({**keys.provider_session(tenant_id, channel), **said}))

    def _put(self, tenant_id: TenantId, *puts: Put, done: Callable[[], bool] = lambda: False) -> None:
        present = ConditionCheck(keys.tenant(tenant_id), "attribute_exists(pk) AND deleting = :no", {":no": False})
        for _ in range(_TRIES):
            try:
                self._table.transact([present, *puts])
            except ConditionFailed:
                if done():
                    return
                tenant = self._table.get(keys.tenant(tenant_id))
                if tenant is None or tenant["deleting"]:
                    raise TenantGone from None
            else:
                return
        raise StoreUnavailable("transact_write_items: others write the same items")


@of_row
def session_of(row: Item) -> ProviderSession:
    """Return the session in an item; raises Malformed."""
    return ProviderSession.model_validate({name: row[name] for name in ProviderSession.model_fields if name in row})
