"""Tenants, their keys, and the directory of their numbers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, SecretStr

from shared.model.account import Account
from shared.model.ids import Channel, TenantId
from shared.model.tenant import Cause, Scope, Tenant, TenantKey, digest, new_key
from shared.store import keys
from shared.store.accounts import account_of
from shared.store.table import Change, ConditionFailed, Item, Put, Table

_NEW = "attribute_not_exists(pk)"
_EXISTS = "attribute_exists(pk) AND deleting = :no"
NOT_DISABLED = dict.fromkeys(("callback_disabled", "callback_disabled_cause", "callback_disabled_at"))
"""The change that ends a callback's being disabled."""


class TenantStore:
    """Reads and writes tenants."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(
        self,
        name: str,
        callback_url: str | None,
        now: datetime,
        signing: tuple[bytes, bytes] | None,
        tenant_id: TenantId,
        others: Mapping[str, Any] | None = None,
    ) -> tuple[Tenant, SecretStr]:
        """Store a new tenant under the next free number, with a first key that may do everything; return both.

        The tenant, its directory row and its key come into being together or not at all. Two at once get different numbers. Not safe to run
        twice: each run makes a tenant. `signing` is (wrapped data key, sealed secret), `others` are further fields of the tenant.
        """
        key_id, key = new_key(tenant_id)
        first = TenantKey(id=key_id, scopes=frozenset(Scope), digest=digest(key.get_secret_value()), created_at=now)
        while True:
            tenant = Tenant(
                id=tenant_id,
                number=self._next_number(),
                name=name,
                created_at=now,
                callback_url=callback_url,
                callback_since=now if callback_url else None,
                signing_key=signing[0] if signing else None,
                signing_secret=signing[1] if signing else None,
                **(others or {}),
            )
            rows = [_tenant_row(tenant), {**keys.directory(tenant.number), "tenant_id": tenant_id}, _key_row(tenant_id, first)]
            try:
                self._table.put_all(rows, _NEW)
            except ConditionFailed:
                continue  # the number had been given by hand: take the next
            return tenant, key

    def get(self, tenant_id: TenantId) -> Tenant | None:
        """Return a tenant that is not being deleted, or None."""
        return present(self._table.get(keys.tenant(tenant_id)))

    def with_account(
        self, tenant_id: TenantId, channel: Channel, key_id: str | None
    ) -> tuple[Tenant | None, TenantKey | None, Account | None]:
        """Return a tenant, one of its keys and one of its accounts in one request: all that a route needs to let a caller in."""
        wanted = [keys.tenant(tenant_id), keys.account(tenant_id, channel)]
        if key_id:
            wanted.append(keys.tenant_key(tenant_id, key_id))
        found = self._table.get_many(wanted)

        def item(key: keys.Key) -> Item | None:
            return found.get((key["pk"], key["sk"]))

        key_row = item(keys.tenant_key(tenant_id, key_id)) if key_id else None
        account_row = item(keys.account(tenant_id, channel))
        return (
            present(item(keys.tenant(tenant_id))),
            TenantKey.model_validate(_fields(key_row)) if key_row else None,
            account_of(account_row) if account_row else None,
        )

    def id_of(self, number: int) -> TenantId | None:
        """Return the id of the tenant with this number, or None."""
        row = self._table.get(keys.directory(number))
        return TenantId(row["tenant_id"]) if row else None

    def page(self, after: int, limit: int) -> tuple[list[Tenant], int | None]:
        """Return up to `limit` (at most 100) tenants in the order of their numbers, beginning behind `after`.

        Second: the number after which more follow, None at the end. A page may be shorter than `limit`: tenants being deleted are left out.
        """
        rows: list[Item] = []
        for shard in range(after // keys.TENANTS_PER_SHARD, self._last_number() // keys.TENANTS_PER_SHARD + 1):
            rows += self._rows_in(shard, after, limit + 1 - len(rows))
            if len(rows) > limit:
                break
        shown, more = rows[:limit], len(rows) > limit
        if not shown:
            return [], None
        found = self._table.get_many(keys.tenant(TenantId(row["tenant_id"])) for row in shown)
        tenants = [tenant for tenant in map(present, found.values()) if tenant]
        return sorted(tenants, key=lambda tenant: tenant.number), int(shown[-1]["sk"]) if more else None

    def change(self, tenant_id: TenantId, changes: dict[str, Any]) -> Tenant | None:
        """Set (or with None: remove) some of a tenant's fields; return it as it is now, or None where it is gone. Safe to run twice.

        Any `callback_url` is another revision of the callback, and enables it; none takes its `callback_since` away. A `callback_since`
        that is there stays: of two who set the callback at once the first one's time holds.
        """
        if "callback_url" in changes:
            changes = {**changes, **NOT_DISABLED, **({} if changes["callback_url"] else {"callback_since": None})}
        names = {f"#{name}": name for name in changes}
        values = {f":{name}": _wire(value) for name, value in changes.items() if value is not None}
        sets = ", ".join(f"#{name} = {_set(name)}" for name, value in changes.items() if value is not None)
        removes = ", ".join(f"#{name}" for name, value in changes.items() if value is None)
        update = " ".join(part for part in (sets and f"SET {sets}", removes and f"REMOVE {removes}") if part)
        if "callback_url" in changes:
            update, values = f"{update} {_NEXT_REVISION}", {**values, ":one": 1}
        try:
            return present(self._table.update(keys.tenant(tenant_id), update, {**values, ":no": False}, _EXISTS, names))
        except ConditionFailed:
            return None

    def replace_secret(self, seen: Tenant, now: Tenant) -> bool:
        """Put another signing secret, and others before it, in the place of those that were seen; False where another did so meanwhile."""
        changes = {name: _wire(getattr(now, name)) for name in ("signing_key", "signing_secret", "previous_secrets")}
        update = "SET " + ", ".join(f"{name} = :{name}" for name in changes)
        same = "signing_secret = :seen" if seen.signing_secret else "attribute_not_exists(signing_secret)"
        values = {**{f":{name}": value for name, value in changes.items()}, ":no": False}
        try:
            self._table.update(
                keys.tenant(seen.id),
                update,
                {**values, ":seen": seen.signing_secret} if seen.signing_secret else values,
                f"{_EXISTS} AND {same}",
            )
        except ConditionFailed:
            return False
        return True

    def add_key(self, tenant_id: TenantId, scopes: frozenset[Scope], name: str | None, now: datetime) -> tuple[TenantKey, SecretStr] | None:
        """Give a tenant one more key; return it with the key itself, or None where the tenant is gone. Each run makes a key."""
        key_id, key = new_key(tenant_id)
        made = TenantKey(id=key_id, name=name, scopes=scopes, digest=digest(key.get_secret_value()), created_at=now)
        still_there = Change(keys.tenant(tenant_id), "SET deleting = :no", {":no": False}, _EXISTS)
        try:
            self._table.transact([still_there, Put(_key_row(tenant_id, made))])
        except ConditionFailed:
            return None
        return made, key

    def keys_of(self, tenant_id: TenantId) -> list[TenantKey]:
        """Return a tenant's keys, the oldest first."""
        prefix = keys.tenant_key(tenant_id, "")
        values = {":pk": prefix["pk"], ":prefix": prefix["sk"]}
        rows = self._table.query("pk = :pk AND begins_with(sk, :prefix)", values, ConsistentRead=True)
        return sorted((TenantKey.model_validate(_fields(row)) for row in rows), key=lambda key: key.created_at)

    def remove_key(self, tenant_id: TenantId, key_id: str) -> bool:
        """Take a key away for good; False where there is none. It opens nothing from now on."""
        try:
            self._table.delete(keys.tenant_key(tenant_id, key_id), "attribute_exists(pk)")
        except ConditionFailed:
            return False
        return True

    def disable_callback(self, seen: Tenant, cause: Cause, reason: str, now: datetime) -> bool:
        """Stop deliveries to a callback for a reason that the tenant can read; False where it was set or woken since it was `seen`."""
        values = {
            ":reason": reason,
            ":cause": cause,
            ":now": now.isoformat(),
            ":url": seen.callback_url or "",
            ":seen": seen.callback_revision,
        }
        update = "SET callback_disabled = :reason, callback_disabled_cause = :cause, callback_disabled_at = :now"
        never = "attribute_not_exists(callback_revision) OR " if seen.callback_revision == 0 else ""
        try:
            self._table.update(keys.tenant(seen.id), update, values, f"callback_url = :url AND ({never}callback_revision = :seen)")
        except ConditionFailed:
            return False
        return True

    def enable_callback(self, tenant_id: TenantId) -> bool:
        """Start deliveries to a disabled callback again; False where it is not disabled."""
        update = f"REMOVE {', '.join(NOT_DISABLED)} {_NEXT_REVISION}"
        condition = f"{_EXISTS} AND attribute_exists(callback_url) AND attribute_exists(callback_disabled)"
        try:
            self._table.update(keys.tenant(tenant_id), update, {":one": 1, ":no": False}, condition)
        except ConditionFailed:
            return False
        return True

    def mark_deleting(self, tenant_id: TenantId) -> bool:
        """Shut a tenant's doors for good; its data is erased by whoever can (see `shared.store.erasure`). False where it does not exist."""
        try:
            self._table.update(keys.tenant(tenant_id), "SET deleting = :yes", {":yes": True}, "attribute_exists(pk)")
        except ConditionFailed:
            return False
        return True

    def _rows_in(self, shard: int, after: int, limit: int) -> Iterator[Item]:
        values = {":pk": keys.directory_shard(shard), ":after": f"{after:010d}"}
        return self._table.query("pk = :pk AND sk > :after", values, Limit=limit, ConsistentRead=True)

    def _next_number(self) -> int:
        return int(self._table.update(keys.tenant_counter(), "ADD #last :one", {":one": 1}, names={"#last": "last"})["last"])

    def _last_number(self) -> int:
        row = self._table.get(keys.tenant_counter())
        return int(row["last"]) if row else 0


_NEXT_REVISION = "ADD callback_revision :one"


def _set(name: str) -> str:
    return "if_not_exists(#callback_since, :callback_since)" if name == "callback_since" else f":{name}"


def new_tenant_id() -> TenantId:
    """Make a tenant's id."""
    return TenantId(str(uuid.uuid4()))


def _wire(value: Any) -> Any:
    match value:
        case datetime():
            return value.isoformat()
        case BaseModel():
            return {name: _wire(inner) for name, inner in value if inner is not None}
        case tuple():
            return [_wire(inner) for inner in value]
        case frozenset():
            return frozenset(str(inner) for inner in value)
        case _:
            return value


def _fields(row: Item) -> Item:
    return {name: value for name, value in row.items() if name not in {"pk", "sk", "expires_at"}}


def present(row: Item | None) -> Tenant | None:
    """Return the tenant in an item, unless it is being deleted."""
    tenant = Tenant.model_validate(_fields(row)) if row else None
    return None if tenant is None or tenant.deleting else tenant


def _tenant_row(tenant: Tenant) -> Item:
    return {**keys.tenant(tenant.id), **{name: _wire(value) for name, value in tenant}}


def _key_row(tenant_id: TenantId, key: TenantKey) -> Item:
    scopes = {str(scope) for scope in key.scopes}
    return {
        **keys.tenant_key(tenant_id, key.id),
        "id": key.id,
        "name": key.name,
        "scopes": scopes,
        "digest": key.digest,
        "created_at": key.created_at.isoformat(),
    }
