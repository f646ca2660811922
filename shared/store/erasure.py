"""Erasing what table `avio` holds of a tenant, in an order in which a death in the middle loses nobody's track of the rest.

    account's own items (session, marks, peers), keys -> directory row -> tenant -> account rows

`TenantStore.end` comes before: from then on every door is shut, no account is made any more, and a row among those of ended tenants
keeps the end from being forgotten. The account row goes last, and only from whom it belongs to: what else a worker may still write is
fenced by it. Each step may run twice.
"""

from __future__ import annotations

from shared.model.ids import Epoch, TenantId
from shared.store import keys
from shared.store.table import ConditionFailed, Table


def erase(table: Table, tenant_id: TenantId, epoch: Epoch) -> bool:
    """Erase everything of a tenant whose account is under `epoch` (0: nobody's yet); tell whether all of it is gone.

    False where somebody has claimed the account since: whoever did goes on with it.
    """
    pk = keys.tenant(tenant_id)["pk"]
    asked = {"ProjectionExpression": "pk, sk, #number", "ExpressionAttributeNames": {"#number": "number"}, "ConsistentRead": True}
    rows = list(table.query("pk = :pk", {":pk": pk}, **asked))
    accounts = [row for row in rows if row["sk"].startswith(keys.ACCOUNTS)]
    tenants = [row for row in rows if row["sk"] == keys.tenant(tenant_id)["sk"]]
    table.delete_many(row for row in rows if row not in accounts and row not in tenants)
    for tenant in tenants:
        table.delete(keys.directory(tenant["number"]))
        table.delete(keys.tenant(tenant_id))
    try:
        for account in accounts:
            table.delete({"pk": pk, "sk": account["sk"]}, "attribute_not_exists(pk) OR epoch = :epoch", {":epoch": epoch})
    except ConditionFailed:
        return False
    return True
