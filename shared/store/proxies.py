"""The proxy of each account, sealed. Only the account's owner writes it, under its epoch. The account's row says whether there is one."""

from __future__ import annotations

from shared.crypto import Envelope, Purpose
from shared.model.ids import Channel, Epoch, TenantId
from shared.model.proxy import Proxy
from shared.store import keys
from shared.store.fenced import Superseded
from shared.store.table import ConditionFailed, Delete, Put, StoreUnavailable, Table, Update, Write

_TRIES = 5
"""A transaction also fails if another write to one of its items is under way."""


class ProxyStore:
    """Reads and writes proxies. Blocking."""

    def __init__(self, table: Table, envelope: Envelope) -> None:
        self._table = table
        self._envelope = envelope

    def get(self, tenant_id: TenantId, channel: Channel) -> Proxy | None:
        """Return an account's proxy. Raises DecryptionFailed: a proxy that cannot be read is no reason to connect without it."""
        row = self._table.get(keys.proxy(tenant_id, channel))
        if row is None:
            return None
        key = self._envelope.unwrap(tenant_id, Purpose.PROXY, row["data_key"])
        return Proxy.model_validate_json(key.open(row["sealed"]))

    def put(self, tenant_id: TenantId, channel: Channel, epoch: Epoch, proxy: Proxy | None) -> None:
        """Store a proxy, or that there is none; raises Superseded. Safe to run twice."""
        key, account = keys.proxy(tenant_id, channel), keys.account(tenant_id, channel)
        write: Write = Delete(key)
        if proxy is not None:
            data_key = self._envelope.new_key(tenant_id, Purpose.PROXY)
            write = Put({**key, "data_key": data_key.wrapped, "sealed": data_key.seal(proxy.model_dump_json().encode())})
        said = Update(account, "SET proxied = :proxied", {":proxied": proxy is not None, ":mine": epoch}, "epoch = :mine")
        for _ in range(_TRIES):
            try:
                self._table.transact([said, write])
            except ConditionFailed:
                row = self._table.get(account)
                if row is None or row["epoch"] != epoch:
                    raise Superseded from None
            else:
                return
        raise StoreUnavailable("transact_write_items: others write the same items")
