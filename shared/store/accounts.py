"""The account rows: owner and status of each account.

docs/ownership.md has the rules of ownership. Every write here is conditional. If the answer to a successful first try is lost, the
condition fails for the retry; a token in the row (`claim`) tells the retry that the first try was its own.
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
"""A transaction also fails if another write to one of its items is under way."""


class TenantGone(Exception):
    """The tenant does not exist or is being erased, so it gets no account, and nothing else."""


@dataclass(frozen=True)
class Owned:
    """An account as index by_owner shows it. The index lags, so the row may have changed."""

    tenant_id: TenantId
    channel: Channel
    owner: WorkerId
    epoch: Epoch

    @property
    def key(self) -> tuple[TenantId, Channel]:
        """The account's tenant and channel."""
        return self.tenant_id, self.channel


class AccountStore:
    """Reads and writes account rows."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId, channel: Channel) -> Account | None:
        """Return an account, or None if the tenant has none on this channel."""
        row = self._table.get(keys.account(tenant_id, channel))
        return account_of(row) if row else None

    def owned_by(self, owner: WorkerId) -> Iterator[Owned]:
        """Yield the accounts that the index shows for an owner. The index lags: query again, and let the claim's condition decide."""
        for row in self._table.query(
            "#owner = :owner", {":owner": owner}, IndexName=keys.BY_OWNER, ExpressionAttributeNames={"#owner": "owner"}
        ):
            tenant_id, channel = TenantId(row["pk"].removeprefix("T#")), row["sk"].removeprefix("ACCOUNT#")
            if channel in set(Channel):  # only a later version knows other channels
                yield Owned(tenant_id, Channel(channel), owner, Epoch(row["epoch"]))

    def claim(self, tenant_id: TenantId, channel: Channel, seen: Account | Owned | None, me: WorkerId, token: str) -> Account | None:
        """Claim an account that was last seen as `seen`. Return its row as it is now: this call claimed it if `claim` is the token.

        Of two claimers, one write succeeds; the other fails and finds a foreign token. A retry after a successful first try also fails, but
        finds its own token: that is a success. Call this only if the seen owner is none, nobody, dead, ended or absent.

        An account without a row gets one, in a transaction that also checks the tenant: a late claim must not bring an erased tenant's
        account back. Raises TenantGone.
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
        row = {**key, "owner": me, "epoch": 1, "claim": token, "proxied": False}
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

    def set_status(
        self, tenant_id: TenantId, channel: Channel, me: WorkerId, epoch: Epoch, changes: dict[str, Any], told: Put | None = None
    ) -> bool:
        """Write status fields (None removes a field) as the owner under `epoch`; False if the owner has changed. Safe to run twice.

        `told` is written in the same transaction: the event that tells of the change.
        """
        try:
            self._change(tenant_id, channel, changes, "#owner = :me AND epoch = :epoch", {":me": me, ":epoch": epoch}, told)
        except ConditionFailed:
            return False
        return True

    def want(self, tenant_id: TenantId, channel: Channel, wanted: Wanted, now: datetime) -> Account | None:
        """Write a request to an account's owner. Return the account, or None if there is none.

        The owner reads it at once (by a nudge) or after a takeover. An account without an owner goes to NOBODY, so that a worker claims it.
        A later request to log out does not replace a request to erase.
        """
        wanting = _wanting(keys.account(tenant_id, channel), wanted, now)
        condition = "attribute_exists(pk) AND (attribute_not_exists(wanted) OR wanted <> :erase)"
        try:
            row = self._table.update(wanting.key, wanting.update, {**wanting.values, ":erase": Wanted.ERASE}, condition, wanting.names)
        except ConditionFailed as failed:
            return account_of(failed.item) if failed.item else None
        return account_of(row)

    def release(
        self,
        tenant_id: TenantId,
        channel: Channel,
        me: WorkerId,
        epoch: Epoch,
        changes: dict[str, Any],
        done: Wanted | None = None,
        told: Put | None = None,
    ) -> bool:
        """Give up an account, so that no worker looks for it until a command comes for it.

        False if `me` is not the owner under `epoch`, or if the row has a request other than `done`: no worker would carry it out.
        """
        unwanted = "attribute_not_exists(wanted) OR wanted = :done" if done else "attribute_not_exists(wanted)"
        try:
            self._change(
                tenant_id,
                channel,
                {**changes, "owner": None},
                f"#owner = :me AND epoch = :epoch AND ({unwanted})",
                {":me": me, ":epoch": epoch} | ({":done": done} if done else {}),
                told,
            )
        except ConditionFailed:
            return False
        return True

    def give(self, tenant_id: TenantId, channel: Channel, me: WorkerId, epoch: Epoch) -> bool:
        """Give an account to NOBODY, so that another worker claims it. False if `me` is not the owner. Safe to run twice."""
        try:
            self._change(tenant_id, channel, {"owner": NOBODY}, "#owner = :me AND epoch = :epoch", {":me": me, ":epoch": epoch})
        except ConditionFailed:
            return False
        return True

    def _change(
        self,
        tenant_id: TenantId,
        channel: Channel,
        changes: dict[str, Any],
        condition: str,
        values: dict[str, Any],
        told: Put | None = None,
    ) -> None:
        names = {"#owner": "owner"} | {f"#{name}": name for name in changes}
        sets = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in changes.items() if value is not None}
        parts = []
        if sets:
            parts.append("SET " + ", ".join(f"#{name} = :{name}" for name in sets))
        if removed := [f"#{name}" for name, value in changes.items() if value is None]:
            parts.append("REMOVE " + ", ".join(removed))
        values = values | {f":{name}": value for name, value in sets.items()}
        key = keys.account(tenant_id, channel)
        if told is None:
            self._table.update(key, " ".join(parts), values, condition, names)
        else:
            self._change_and_tell(Update(key, " ".join(parts), values, condition, names), told)

    def _change_and_tell(self, change: Update, told: Put) -> None:
        """Change a row and write the event that tells of it, both or neither; raises ConditionFailed.

        A transaction fails too where another write to the row is under way, so it is tried several times before the failure counts.
        """
        for _ in range(_TRIES - 1):
            try:
                self._table.transact([change, told])
            except ConditionFailed:
                continue
            else:
                return
        self._table.transact([change, told])


def wanting_erasure(account: keys.Key, now: datetime) -> Update:
    """Return the write that requests an account's erasure, for the transaction that ends its tenant.

    If the account has no row, this makes one. Then a process that creates the account at the same moment finds the request, or comes too
    late; and if a process dies while it erases the tenant, workers find the row.
    """
    return _wanting(account, Wanted.ERASE, now)


def _wanting(key: keys.Key, wanted: Wanted, now: datetime) -> Update:
    owner, epoch = "#owner = if_not_exists(#owner, :nobody)", "epoch = if_not_exists(epoch, :zero)"
    values = {":wanted": wanted, ":since": now.isoformat(), ":nobody": NOBODY, ":zero": 0}
    return Update(key, f"SET wanted = :wanted, wanted_since = :since, {owner}, {epoch}", values, names={"#owner": "owner"})


@of_row
def account_of(row: Item) -> Account:
    """Return the account in a row; raises Malformed."""
    fields = {name: value for name, value in row.items() if name not in {"pk", "sk"}}
    return Account.model_validate({"tenant_id": row["pk"].removeprefix("T#"), "channel": row["sk"].removeprefix("ACCOUNT#"), **fields})
