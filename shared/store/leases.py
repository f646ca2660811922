"""Update expressions for rows that the sweeper takes (a callback's, a parked chat's): when a row is due, and which run has it until when.

A conditional write that loses is an expected outcome here: it is a value, not an exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from shared.model.ids import TenantId
from shared.store import keys
from shared.store.table import ConditionFailed, Item, Table, Write

DUE = "due_at = :due_at, due_shard = :due_shard"
LEASE = "SET drainer = :me, leased_until = :until"
FREE = "(attribute_not_exists(leased_until) OR leased_until < :now)"
MINE = "drainer = :me"


def due_fields(tenant_id: TenantId, due: datetime) -> dict[str, str]:
    """Return the attributes that put a row into the index of what is due."""
    return {"due_at": keys.moment(due), "due_shard": keys.due_shard(tenant_id)}


def due_values(tenant_id: TenantId, due: datetime) -> dict[str, Any]:
    """Return the values of DUE."""
    return {f":{name}": value for name, value in due_fields(tenant_id, due).items()}


def lease_values(me: str, now: datetime, until: datetime) -> dict[str, Any]:
    """Return the values of LEASE and FREE, and `:due_at`: if the run dies, the row is due again when its lease ends."""
    return {":me": me, ":now": keys.moment(now), ":until": keys.moment(until), ":due_at": keys.moment(until)}


def changed(
    table: Table, key: keys.Key, update: str, values: dict[str, Any], condition: str, names: dict[str, str] | None = None
) -> Item | None:
    """Change a row; return it as it is then, or None if the condition failed."""
    try:
        return table.update(key, update, values, condition, names)
    except ConditionFailed:
        return None


def applied(table: Table, writes: Sequence[Write]) -> bool:
    """Apply all writes or none; False if a condition failed."""
    try:
        table.transact(writes)
    except ConditionFailed:
        return False
    return True
