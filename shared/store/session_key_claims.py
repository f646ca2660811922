"""Which account uses a key that came from elsewhere: two accounts with one key would have Telegram end it.

    the claim    KEYCLAIM#<fingerprint>    CLAIM                        its tenant and channel
    its note     T#<tenant id>             KEYCLAIM#<channel>#<fingerprint>    so that the end of the session or tenant finds the claim

Both are written in one transaction, under the epoch of the account's owner. The claim is removed before its note, so a death in between
leaves what finds it. A fingerprint is a digest: it opens nothing.
"""

from __future__ import annotations

import contextlib
import hashlib

from shared.model.ids import Channel, Epoch, TenantId
from shared.store import keys
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, StoreUnavailable, Table

_TRIES = 5
"""A transaction also fails if another write to one of its items is under way."""


def fingerprint(credentials: bytes) -> str:
    """Return what a key is known by."""
    return hashlib.sha256(b"avio credentials:" + credentials).hexdigest()


class Unowned(Exception):
    """The account has another owner by now, or is gone."""


class SessionKeyClaims:
    """Claims keys for accounts, and gives them up."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def claim(self, tenant_id: TenantId, channel: Channel, epoch: Epoch, print_: str) -> bool:
        """Claim a key for an account, as its owner under `epoch`. False if another account has it; raises Unowned. Safe to run twice."""
        claim, account = keys.key_claim(print_), keys.account(tenant_id, channel)
        for _ in range(_TRIES):
            ours = ConditionCheck(account, "epoch = :mine", {":mine": epoch})
            free = "attribute_not_exists(pk) OR (tenant = :tenant AND channel = :channel)"
            values = {":tenant": tenant_id, ":channel": channel}
            try:
                self._table.transact(
                    [
                        ours,
                        Put({**claim, "tenant": tenant_id, "channel": channel}, free, values),
                        Put(keys.key_claim_note(tenant_id, channel, print_)),
                    ]
                )
            except ConditionFailed:
                found = self._table.get_many([claim, account])
                row, taken = found.get((account["pk"], account["sk"])), found.get((claim["pk"], claim["sk"]))
                if row is None or row["epoch"] != epoch:
                    raise Unowned from None
                if taken is not None and (taken["tenant"], taken["channel"]) != (tenant_id, channel):
                    return False
            else:
                return True
        raise StoreUnavailable("transact_write_items: others write the same items")

    def release(self, tenant_id: TenantId, channel: Channel) -> None:
        """Give up every key that an account has claimed. Safe to run twice."""
        partition = keys.tenant(tenant_id)["pk"]
        noted = f"{keys.KEY_CLAIMS}{channel}#"
        notes = list(self._table.query("pk = :pk AND begins_with(sk, :noted)", {":pk": partition, ":noted": noted}, ConsistentRead=True))
        release_noted(self._table, tenant_id, notes)
        self._table.delete_many(notes)


def release_noted(table: Table, tenant_id: TenantId, notes: list[Item]) -> None:
    """Remove the claims that these notes of a tenant name, and leave the notes."""
    for note in notes:
        with contextlib.suppress(ConditionFailed):  # released already, and perhaps claimed by another since
            table.delete(keys.key_claim(note["sk"].rpartition("#")[2]), "tenant = :tenant", {":tenant": tenant_id})
