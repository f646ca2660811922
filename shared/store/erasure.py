"""Erasing a tenant: everything of it, in an order in which a death in the middle loses nobody's track of the rest.

    account's own items (session, marks, peers), keys -> directory row -> tenant -> account rows

The tenant's row is marked as deleting before anything else, which shuts every door. The account row goes last: it is by that row, which
says that erasing is wanted, that a worker takes over where another, or a function, died in the middle. Each step may run twice.
"""

from __future__ import annotations

from shared.model.ids import TenantId
from shared.store import keys
from shared.store.table import Table


def erase(table: Table, tenant_id: TenantId) -> None:
    """Erase what table `avio` holds of a tenant. Records in `deliveries` end by their TTL."""
    pk = keys.tenant(tenant_id)["pk"]
    asked = {"ProjectionExpression": "pk, sk, #number", "ExpressionAttributeNames": {"#number": "number"}, "ConsistentRead": True}
    rows = list(table.query("pk = :pk", {":pk": pk}, **asked))
    for row in sorted(rows, key=_lateness):
        if row["sk"] == "TENANT":
            table.delete(keys.directory(row["number"]))
        table.delete({"pk": pk, "sk": row["sk"]})


def _lateness(row: dict[str, str]) -> int:
    return 2 if row["sk"].startswith("ACCOUNT#") else 1 if row["sk"] == "TENANT" else 0
