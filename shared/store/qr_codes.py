"""The QR code of each account whose log-in by QR code is under way.

    begin   PUT IF the account's epoch = mine             a log-in begins, or begins anew
    show    SET the code IF the item's epoch <= mine      an owner before the present one shows nothing any more
    asked   SET asked_at IF the item exists               by functions

An item is removed by its TTL, or with its account.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from shared.model.ids import Channel, Epoch, TenantId
from shared.model.qr_code import QrCode
from shared.store import keys
from shared.store.fenced import Superseded
from shared.store.table import ConditionCheck, ConditionFailed, Item, Put, StoreUnavailable, Table

_TRIES = 5
"""A transaction also fails if another write to one of its items is under way."""
_KEPT = timedelta(minutes=30)


class QrCodeStore:
    """Reads and writes QR codes. Blocking."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId, channel: Channel) -> QrCode | None:
        """Return the code of a log-in, which may be over."""
        row = self._table.get(keys.qr_code(tenant_id, channel))
        return code_of(row) if row else None

    def begin(self, tenant_id: TenantId, channel: Channel, epoch: Epoch, now: datetime, ends_at: datetime) -> None:
        """Begin a log-in, as the account's owner under `epoch`; raises Superseded. Safe to run twice."""
        key, account = keys.qr_code(tenant_id, channel), keys.account(tenant_id, channel)
        expires_at = int((ends_at + _KEPT).timestamp())
        row = {**key, "epoch": epoch, "ends_at": ends_at.isoformat(), "asked_at": now.isoformat(), "expires_at": expires_at}
        for _ in range(_TRIES):
            try:
                self._table.transact([ConditionCheck(account, "epoch = :mine", {":mine": epoch}), Put(row)])
            except ConditionFailed:
                found = self._table.get(account)
                if found is None or found["epoch"] != epoch:
                    raise Superseded from None
            else:
                return
        raise StoreUnavailable("transact_write_items: others write the same items")

    def show(
        self, tenant_id: TenantId, channel: Channel, epoch: Epoch, qr_id: str, link: str, valid_until: datetime, before: str | None
    ) -> None:
        """Show a new code in the place of the one `before` it; raises Superseded, also if the item is gone. Safe to run twice."""
        sets = ["epoch = :mine", "qr_id = :id", "link = :link", "valid_until = :until", "issued = if_not_exists(issued, :zero) + :one"]
        values = {":mine": epoch, ":id": qr_id, ":link": link, ":until": valid_until.isoformat(), ":zero": 0, ":one": 1}
        if before:
            sets.append("past_ids = list_append(if_not_exists(past_ids, :none), :before)")
            values |= {":none": [], ":before": [before]}
        condition = "attribute_exists(pk) AND epoch <= :mine AND (attribute_not_exists(qr_id) OR qr_id <> :id)"
        try:
            self._table.update(keys.qr_code(tenant_id, channel), f"SET {', '.join(sets)}", values, condition)
        except ConditionFailed as failed:
            if failed.item is None or failed.item.get("qr_id") != qr_id:  # else an earlier try has written it
                raise Superseded from failed

    def asked(self, tenant_id: TenantId, channel: Channel, now: datetime) -> None:
        """Note that somebody asks for the code. Safe to run twice."""
        with contextlib.suppress(ConditionFailed):
            key = keys.qr_code(tenant_id, channel)
            self._table.update(key, "SET asked_at = :now", {":now": now.isoformat()}, "attribute_exists(pk)")


def code_of(row: Item) -> QrCode:
    """Return the code in an item."""
    return QrCode.model_validate({name: value for name, value in row.items() if name in QrCode.model_fields})
