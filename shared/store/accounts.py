"""Accounts: who owns them and how they are doing.

Ownership's rules are in docs/ownership.md. What is written here is written on a condition, and every condition that may have held on
a first try whose answer was lost carries a token (`claim`), by which the retry knows its own work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.model.account import Account, Wanted
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.store import keys
from shared.store.rows import of_row
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, StoreUnavailable, Table, Update

_TRIES = 5
"""A transaction fails too where another write is at one of its items."""


class TenantGone(Exception):
    """The account's tenant does not exist, or is being erased: it gets no account any more."""


@dataclass(frozen=True)
class Owned:
    """An account as the index shows it, perhaps no longer as it is."""

    tenant_id: TenantId
    channel: Channel
    owner: WorkerId
    epoch: Epoch

    @property
    def key(self) -> tuple[TenantId, Channel]:
        """Which account this is."""
        return self.tenant_id, self.channel


class AccountStore:
    """Reads and writes account rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId, channel: Channel) -> Account | None:
        """Return an account, or None where the tenant has none on this channel."""
        row = self._table.get(keys.account(tenant_id, channel))
        return account_of(row) if row else None

    def owned_by(self, owner: WorkerId) -> Iterator[Owned]:
        """Yield the accounts that the index shows under an owner. The index lags: ask again, and let the claim's condition decide."""
        for row in self._table.query(
            "#owner = :owner", {":owner": owner}, IndexName=keys.BY_OWNER, ExpressionAttributeNames={"#owner": "owner"}
        ):
            tenant_id, channel = TenantId(row["pk"].removeprefix("T#")), row["sk"].removeprefix("ACCOUNT#")
            if channel in set(Channel):  # another is a later version's
                yield Owned(tenant_id, Channel(channel), owner, Epoch(row["epoch"]))

    def claim(self, tenant_id: TenantId, channel: Channel, seen: Account | Owned | None, me: WorkerId, token: str) -> Account | None:
        """Become the owner of an account last seen as `seen`; return it as it is now: claimed by this call where `claim` is the token.

        Two claimers: one condition holds, the other fails and reads a foreign token. A retried write whose first try had worked fails
        too, but reads its own token: that is a success. Only call it where the seen owner is none, nobody, dead, ended or absent.

        An account that was seen to have no row gets one, in one transaction with a look at its tenant: so a claim that comes late
        brings nothing of an erased tenant back. Raises TenantGone.
        """
        if seen is None:
            return self._create(tenant_id, channel, me, token)
        same_owner = "#owner = :seen" if seen.owner else "attribute_not_exists(#owner)"
        values = {":me": me, ":token": token, ":next": seen.epoch + 1, ":epoch": seen.epoch, ":seen": seen.owner}
        try:
            row: Item | None = self._table.update(
                keys.account(tenant_id, channel),
                "SET #owner = :me, epoch = :next, claim = :token",
                values,
                f"{same_owner} AND epoch = :epoch",
                {"#owner": "owner"},
            )
        except ConditionFailed as lost:
            row = lost.item
        return account_of(row) if row else None

    def _create(self, tenant_id: TenantId, channel: Channel, me: WorkerId, token: str) -> Account:
        key, tenant = keys.account(tenant_id, channel), keys.tenant(tenant_id)
        row = {**key, "owner": me, "epoch": 1, "claim": token}
        there = ConditionCheck(tenant, "attribute_exists(pk) AND deleting = :no", {":no": False})
        for _ in range(_TRIES):
            try:
                self._table.transact([there, Put(row, "attribute_not_exists(pk)")])
            except ConditionFailed:
                found = self._table.get_many([key, tenant])
                if account := found.get((key["pk"], key["sk"])):
                    return account_of(account)
                owner = found.get((tenant["pk"], tenant["sk"]))
                if owner is None or owner["deleting"]:
                    raise TenantGone from None
            else:
                return account_of(row)
        raise StoreUnavailable("transact_write_items: others write the same items")

    def set_status(self, tenant_id: TenantId, channel: Channel, me: WorkerId, epoch: Epoch, changes: dict[str, Any]) -> bool:
        """Write status fields (None removes one) as the owner under `epoch`; False where that is over. Safe to run twice."""
        try:
            self._change(tenant_id, channel, changes, "#owner = :me AND epoch = :epoch", {":me": me, ":epoch": epoch})
        except ConditionFailed:
            return False
        return True

    def want(self, tenant_id: TenantId, channel: Channel, wanted: Wanted, now: datetime) -> Account | None:
        """Say what is to become of an account; return it, or None where there is none.

        The owner finds it here, at once by a nudge or after a takeover. An account without an owner goes to nobody, whose accounts
        workers look for. Erasing is the last word: a log-out that comes later does not take it back.
        """
        wanting = _wanting(keys.account(tenant_id, channel), wanted, now)
        condition = "attribute_exists(pk) AND (attribute_not_exists(wanted) OR wanted <> :erase)"
        try:
            row = self._table.update(wanting.key, wanting.update, {**wanting.values, ":erase": Wanted.ERASE}, condition, wanting.names)
        except ConditionFailed as failed:
            return account_of(failed.item) if failed.item else None
        return account_of(row)

    def release(
        self, tenant_id: TenantId, channel: Channel, me: WorkerId, epoch: Epoch, changes: dict[str, Any], done: Wanted | None = None
    ) -> bool:
        """Let go of an account for good, or until somebody asks for it again: nobody looks for it.

        False where it was not ours, or where something is wanted of it that is not `done`: nobody would come back to that.
        """
        unwanted = "attribute_not_exists(wanted) OR wanted = :done" if done else "attribute_not_exists(wanted)"
        try:
            self._change(
                tenant_id,
                channel,
                {**changes, "owner": None},
                f"#owner = :me AND epoch = :epoch AND ({unwanted})",
                {":me": me, ":epoch": epoch} | ({":done": done} if done else {}),
            )
        except ConditionFailed:
            return False
        return True

    def give(self, tenant_id: TenantId, channel: Channel, me: WorkerId, epoch: Epoch) -> bool:
        """Hand an account back while it goes on to want an owner: workers look for it. False where it was not ours. Safe to run twice."""
        changes = {"owner": NOBODY, "connected_since": None}
        try:
            self._change(tenant_id, channel, changes, "#owner = :me AND epoch = :epoch", {":me": me, ":epoch": epoch})
        except ConditionFailed:
            return False
        return True

    def _change(self, tenant_id: TenantId, channel: Channel, changes: dict[str, Any], condition: str, values: dict[str, Any]) -> None:
        names = {"#owner": "owner"} | {f"#{name}": name for name in changes}
        sets = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in changes.items() if value is not None}
        parts = []
        if sets:
            parts.append("SET " + ", ".join(f"#{name} = :{name}" for name in sets))
        if removed := [f"#{name}" for name, value in changes.items() if value is None]:
            parts.append("REMOVE " + ", ".join(removed))
        values = values | {f":{name}": value for name, value in sets.items()}
        self._table.update(keys.account(tenant_id, channel), " ".join(parts), values, condition, names)


def wanting_erasure(tenant_id: TenantId, channel: Channel, now: datetime) -> Update:
    """Return the write that has an account erased, for the transaction that ends its tenant.

    It needs no account to be there: the row that says it is what a worker that died in the middle is followed by.
    """
    return _wanting(keys.account(tenant_id, channel), Wanted.ERASE, now)


def _wanting(key: keys.Key, wanted: Wanted, now: datetime) -> Update:
    owner, epoch = "#owner = if_not_exists(#owner, :nobody)", "epoch = if_not_exists(epoch, :zero)"
    values = {":wanted": wanted, ":since": now.isoformat(), ":nobody": NOBODY, ":zero": 0}
    return Update(key, f"SET wanted = :wanted, wanted_since = :since, {owner}, {epoch}", values, names={"#owner": "owner"})


@of_row
def account_of(row: Item) -> Account:
    """Return the account that a row holds; raises Malformed where it makes no sense."""
    fields = {name: value for name, value in row.items() if name not in {"pk", "sk"}}
    return Account.model_validate({"tenant_id": row["pk"].removeprefix("T#"), "channel": row["sk"].removeprefix("ACCOUNT#"), **fields})
