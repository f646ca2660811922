"""Rows that make sense, and rows that do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from shared.model.ids import TenantId
from shared.store import keys
from shared.store.rows import Malformed
from shared.store.table import Table

T = TypeVar("T")


def whole(found: Iterable[T | Malformed]) -> list[T]:
    """Return what was read, all of which makes sense."""
    kept: list[T] = []
    for one in found:
        assert not isinstance(one, Malformed), one
        kept.append(one)
    return kept


def put_tenant(table: Table, *tenant_ids: TenantId) -> None:
    """Have tenants exist, as far as their accounts ask for it."""
    for tenant_id in tenant_ids:
        table.put({**keys.tenant(tenant_id), "deleting": False, "number": 1})


SECRET = "hidden words"
"""What lies in a row that makes no sense: no log may show it."""


def spoil(table: Table, key: Mapping[str, str], field: str, value: Any = SECRET) -> None:
    """Have one field of a row make no sense."""
    table.update(key, "SET #field = :value", {":value": value}, names={"#field": field})
