"""The peers an account has met: what it takes to name them to Telegram again after a restart."""

from __future__ import annotations

from typing import Literal

from shared.model.frozen import Frozen
from shared.model.ids import Channel, TenantId
from shared.store import keys
from shared.store.table import Item, Table


class Peer(Frozen):
    """A user, group or channel by its marked id.

    `access_hash` is the account's own key to it. A `min` user has none; (`min_chat`, `min_message`) is where it was seen, which names
    it as well.
    """

    id: int
    kind: Literal["user", "chat", "channel"]
    access_hash: int | None = None
    username: str | None = None
    phone: str | None = None
    min_chat: int | None = None
    min_message: int | None = None


class PeerStore:
    """Reads and writes peers."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId, channel: Channel, peer_id: int) -> Peer | None:
        """Return a peer, or None where the account has not met it."""
        row = self._table.get(keys.peer(tenant_id, channel, peer_id), consistent=False)
        return _peer(row) if row else None

    def put(self, tenant_id: TenantId, channel: Channel, peer: Peer) -> None:
        """Keep a peer; the newest word counts. Safe to run twice."""
        self._table.put({**keys.peer(tenant_id, channel, peer.id), **peer.model_dump(exclude={"id"})})

    def drop_all(self, tenant_id: TenantId, channel: Channel) -> None:
        """Forget every peer of an account: another person's access hashes open nothing. Safe to run twice."""
        prefix = keys.peer(tenant_id, channel, 0)
        begins = {":pk": prefix["pk"], ":peers": prefix["sk"].removesuffix("0")}
        for row in self._table.query("pk = :pk AND begins_with(sk, :peers)", begins, ProjectionExpression="pk, sk"):
            self._table.delete({"pk": row["pk"], "sk": row["sk"]})


def _peer(row: Item) -> Peer:
    fields = {name: value for name, value in row.items() if name not in {"pk", "sk"}}
    return Peer.model_validate({"id": int(row["sk"].rsplit("#", 1)[1]), **fields})
