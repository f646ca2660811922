"""Rows for tests: tenants, and malformed rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from shared.model.ids import TenantId
from shared.store import keys
from shared.store.rows import Malformed
from shared.store.table import Table

T = TypeVar("T")


def whole(found: Iterable[T | Malformed]) -> list[T]:
    """Return the values, after a check that none is malformed."""
    kept: list[T] = []
    for one in found:
        assert not isinstance(one, Malformed), one
        kept.append(one)
    return kept


def put_tenant(table: Table, *tenant_ids: TenantId) -> None:
    """Create as much of tenants as their accounts need."""
    for tenant_id in tenant_ids:
        table.put({**keys.tenant(tenant_id), "deleting": False, "number": 1})


SECRET = "hidden words"
"""The content of malformed rows, which no log may show."""


def spoil(table: Table, key: Mapping[str, str], field: str, value: Any = SECRET) -> None:
    """Make a field of a row malformed."""
    table.update(key, "SET #field = :value", {":value": value}, names={"#field": field})
