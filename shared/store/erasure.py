"""Erases what table `avio` holds of an ended tenant, in an order in which a death loses track of nothing.

    an account, while others are left   its session, marks and peers -> its row
    the last account                    everything else -> directory row -> tenant -> account rows

`TenantStore.end` comes first: no account is created from then on, every account says that it is to be erased, and a row among those of
ended tenants keeps the end from being forgotten. An account row is the last item of its account, and one of them the last item of its
tenant: who finds the row knows that something is left. Each step may run twice.

An account whose epoch is 0 never had an owner: there is nothing to log out, and whoever is last erases its row too.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.model.account import Wanted
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.store import keys
from shared.store.accounts import wanting_erasure
from shared.store.session_key_claims import release_noted
from shared.store.table import ConditionCheck, ConditionFailed, Delete, Item, StoreUnavailable, Table

_TRIES = 5
"""A transaction fails too where another write is at one of its items."""
_UNCHANGED = "attribute_not_exists(epoch) OR epoch = :epoch"
_ASKED: dict[str, Any] = {
    "ProjectionExpression": "pk, sk, #number, #owner, epoch, wanted",
    "ExpressionAttributeNames": {"#number": "number", "#owner": "owner"},
    "ConsistentRead": True,
}


@dataclass(frozen=True)
class _Items:
    """A tenant's items as they were read: its account rows, its own row, and all others."""

    accounts: list[Item]
    tenant: list[Item]
    others: list[Item]


def erase(table: Table, tenant_id: TenantId, *, forced: bool = False) -> bool:
    """Erase everything of a tenant whose accounts never had an owner; tell whether all of it is gone.

    An account that has had an owner may be logged in: its owner logs it out and erases it. Then nothing is erased here, unless `forced`.
    Returns False too if an account was claimed meanwhile: its owner goes on.
    """
    items = _read(table, tenant_id)
    if not forced and any(map(_had_owner, items.accounts)):
        return False
    return _erase_all(table, tenant_id, items)


def erase_account(table: Table, tenant_id: TenantId, channel: Channel, epoch: Epoch) -> bool:
    """Erase an account that is logged out, and everything of its tenant if no other account is left to log out.

    Call it as the owner under `epoch`. Returns False if the account has a later owner, who goes on.
    """
    sk = keys.account(tenant_id, channel)["sk"]
    for _ in range(_TRIES):
        items = _read(table, tenant_id)
        mine = [row for row in items.accounts if row["sk"] == sk]
        if any(row["epoch"] != epoch for row in mine):
            return False
        left = [row for row in items.accounts if row["sk"] != sk and _had_owner(row)]
        if _erase_one(table, tenant_id, channel, items, mine, left[0]) if left else _erase_all(table, tenant_id, items):
            return True
    raise StoreUnavailable("transact_write_items: others write the same items")


def remind(table: Table, tenant_id: TenantId, ended_at: datetime) -> set[WorkerId]:
    """Have every account that is left say that it is to be erased; return their owners.

    `TenantStore.end` has written it on the accounts of every channel that it knows; a later version may have created others.
    """
    accounts = _read(table, tenant_id).accounts
    for row in accounts:
        if row.get("wanted") != Wanted.ERASE:
            wanting = wanting_erasure(_key(row), ended_at)
            with contextlib.suppress(ConditionFailed):  # erased meanwhile
                table.update(wanting.key, wanting.update, wanting.values, "attribute_exists(pk)", wanting.names)
    return {row.get("owner", NOBODY) for row in accounts} - {NOBODY}


def _read(table: Table, tenant_id: TenantId) -> _Items:
    tenant = keys.tenant(tenant_id)
    items = _Items([], [], [])
    for row in table.query("pk = :pk", {":pk": tenant["pk"]}, **_ASKED):
        if row["sk"].startswith(keys.ACCOUNTS):
            items.accounts.append(row)
        else:
            (items.tenant if row["sk"] == tenant["sk"] else items.others).append(row)
    return items


def _had_owner(account: Item) -> bool:
    return bool(account.get("epoch", 0) != 0)


def _erase_untold(table: Table, tenant_id: TenantId, channel: Channel | None = None) -> None:
    """Erase the changes of state that were not told yet: nobody is there to be told."""
    values = keys.status_outbox_of(tenant_id, channel)
    table.delete_many(list(table.query("pk = :pk AND begins_with(sk, :sk)", values, ConsistentRead=True)))


def _erase_one(table: Table, tenant_id: TenantId, channel: Channel, items: _Items, mine: list[Item], other: Item) -> bool:
    """Erase one account of several; False if its row or the other account's has changed: then it may be the last by now."""
    own = [row for row in items.others if keys.belongs_to(row["sk"], channel)]
    release_noted(table, tenant_id, [row for row in own if row["sk"].startswith(keys.KEY_CLAIMS)])
    table.delete_many(own)
    _erase_untold(table, tenant_id, channel)
    if not mine:
        return True  # an earlier try has removed the row
    rows = [Delete(_key(row), _UNCHANGED, {":epoch": row["epoch"]}) for row in mine]
    try:
        table.transact([*rows, ConditionCheck(_key(other), "epoch <> :zero AND attribute_exists(pk)", {":zero": 0})])
    except ConditionFailed:
        return False
    return True


def _erase_all(table: Table, tenant_id: TenantId, items: _Items) -> bool:
    """Erase everything, the account rows last; False if one of them was claimed since it was read: its new owner is the last then."""
    release_noted(table, tenant_id, [row for row in items.others if row["sk"].startswith(keys.KEY_CLAIMS)])
    for row in items.others:
        if row["sk"].startswith(f"{keys.CREATED}#"):
            _erase_credentials(table, row["sk"])
    table.delete_many(items.others)
    _erase_untold(table, tenant_id)
    for tenant in items.tenant:
        with contextlib.suppress(ConditionFailed):  # the number is another tenant's by now
            table.delete(keys.directory(tenant["number"]), "attribute_not_exists(pk) OR tenant_id = :me", {":me": tenant_id})
        table.delete(keys.tenant(tenant_id))
    try:
        for row in items.accounts:
            table.delete(_key(row), _UNCHANGED, {":epoch": row.get("epoch", 0)})
    except ConditionFailed:
        return False
    return True


def _erase_credentials(table: Table, note: str) -> None:
    """Erase what a creation's repeat would derive credentials from. That there was the creation stays known for its day."""
    with contextlib.suppress(ConditionFailed):  # the day is over
        table.update(keys.noted_creation(note), "REMOVE salt, signing_secret", {}, "attribute_exists(pk)")


def _key(row: Item) -> keys.Key:
    return {"pk": row["pk"], "sk": row["sk"]}
