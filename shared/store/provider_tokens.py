"""The provider token of each tenant.

create    PUT IF there is none, and the tenant is there      of two at once one wins, and the other reads the winner's
replace   PUT IF token and previous are those that were seen  of two changes at once one loses
"""

from __future__ import annotations

from shared.model.ids import TenantId
from shared.model.provider_token import ProviderToken
from shared.store import keys
from shared.store.rows import of_row
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, Table


class ProviderTokenStore:
    """Reads and writes provider tokens. Blocking."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId) -> ProviderToken | None:
        """Return a tenant's token, or None; raises Malformed."""
        row = self._table.get(keys.provider_token(tenant_id))
        return provider_token_of(row) if row else None

    def create(self, tenant_id: TenantId, token: ProviderToken) -> bool:
        """Store a tenant's first token; False if it has one, is gone, or another write was at its row: then look, and try again."""
        present = ConditionCheck(keys.tenant(tenant_id), "attribute_exists(pk) AND deleting = :no", {":no": False})
        try:
            self._table.transact([present, Put(_row(tenant_id, token), "attribute_not_exists(pk)")])
        except ConditionFailed:
            return False
        return True

    def replace(self, tenant_id: TenantId, seen: ProviderToken, token: ProviderToken) -> bool:
        """Put a token in the place of the one that was seen; False if another did so meanwhile. Safe to run twice."""
        row, before = _row(tenant_id, token), _row(tenant_id, seen)
        values = {":digest": before["digest"], ":previous": before["previous"]}
        try:
            self._table.put(row, "digest = :digest AND previous = :previous", values)
        except ConditionFailed as failed:
            return failed.item is not None and all(failed.item[name] == row[name] for name in ("digest", "previous"))
        return True


@of_row
def provider_token_of(row: Item) -> ProviderToken:
    """Return the token in an item; raises Malformed."""
    return ProviderToken.model_validate({name: row[name] for name in ProviderToken.model_fields if name in row})


def _row(tenant_id: TenantId, token: ProviderToken) -> Item:
    previous = [{"digest": one.digest, "until": one.until.isoformat()} for one in token.previous]
    return {
        **keys.provider_token(tenant_id),
        "digest": token.digest,
        "sealed": token.sealed.model_dump(),
        "created_at": token.created_at.isoformat(),
        "previous": previous,
    }
