"""The peers an account has met or listed: what it takes to name them to Telegram again after a restart.

    met       a message was delivered from it, or written to it     kept until another person logs in
    listed    a list of chats, members, contacts or messages named it    kept for a month after it was last listed

The difference matters to an account that Telegram does not let write to strangers: whoever was only listed may be one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from shared.model.frozen import StoredModel
from shared.model.ids import Channel, TenantId
from shared.store import keys
from shared.store.table import ConditionFailed, Item, Table

LISTED_FOR = timedelta(days=30)


class Peer(StoredModel):
    """A user, group or channel by its id in the channel's own form: Telegram's marked id is a number, others are text.

    `access_hash` is the account's own key to it. A `min` user has none; (`min_chat`, `min_message`) is where it was seen, which names
    it as well, and `min_date` when, in Unix seconds.
    """

    id: int | str
    kind: Literal["user", "chat", "channel"]
    access_hash: int | None = None
    username: str | None = None
    phone: str | None = None
    min_chat: int | None = None
    min_message: int | None = None
    min_date: int | None = None

    @property
    def whole(self) -> bool:
        """Whether id and hash name it; a basic group needs no hash."""
        return self.access_hash is not None or self.kind == "chat"


class Met(NamedTuple):
    """A peer and whose it is."""

    tenant_id: TenantId
    channel: Channel
    peer: Peer


class PeerStore:
    """Reads and writes peers. Writes may come twice, late, and from two workers at once.

    A whole one replaces whatever lies there: any whole one names the peer. A `min` one replaces only one that was seen earlier.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def get(self, tenant_id: TenantId, channel: Channel, peer_id: int | str) -> Peer | None:
        """Return a peer, or None where the account has not met it. Consistent: a tenant may answer as soon as it has the id."""
        row = self._table.get(keys.peer(tenant_id, channel, peer_id))
        return _peer(row) if row else None

    def put(self, tenant_id: TenantId, channel: Channel, peer: Peer) -> None:
        """Keep a peer, or what is better and lies there already. Safe to run twice."""
        row = _row(Met(tenant_id, channel, peer))
        if peer.whole:
            self._table.put(row)
            return
        no_whole_one = "attribute_not_exists(access_hash)"
        none_as_new = "(attribute_not_exists(min_date) OR min_date < :seen)"
        with contextlib.suppress(ConditionFailed):  # who was seen earlier loses, and so does a `min` one to a whole one
            self._table.put(row, f"{no_whole_one} AND {none_as_new}", {":seen": peer.min_date or 0})

    def put_whole(self, met: Iterable[Met]) -> set[Met]:
        """Keep up to 25 whole peers in one request; return those that DynamoDB did not take. Safe to run twice."""
        rows = {(row["pk"], row["sk"]): one for one in met for row in [_row(one)]}
        return {rows[key] for key in self._table.put_many(map(_row, rows.values()))}

    def get_any(self, tenant_id: TenantId, channel: Channel, peer_id: int | str) -> Peer | None:
        """Return a peer that the account has met or listed, a whole one if there is one, or None."""
        rows = self._table.get_many([keys.peer(tenant_id, channel, peer_id), keys.listed_peer(tenant_id, channel, peer_id)])
        met_first = [_peer(rows[key]) for key in sorted(rows, key=lambda key: not key[1].startswith("PEER"))]
        return next((peer for peer in met_first if peer.whole), next(iter(met_first), None))

    def put_listed(self, tenant_id: TenantId, channel: Channel, peers: Iterable[Peer], now: datetime) -> None:
        """Keep peers that a list named. A `min` one goes by itself, and never replaces a whole one. Safe to run twice.

        If it raises StoreUnavailable, some may be kept.
        """
        expires = {"expires_at": int((now + LISTED_FOR).timestamp())}
        rows = [({**_fields(peer), **keys.listed_peer(tenant_id, channel, peer.id), **expires}, peer.whole) for peer in peers]
        self._table.put_each(row for row, whole in rows if whole)
        for row in (row for row, whole in rows if not whole):
            with contextlib.suppress(ConditionFailed):
                self._table.put(row, "attribute_not_exists(access_hash)")

    def drop_all(self, tenant_id: TenantId, channel: Channel) -> None:
        """Forget every peer of an account: another person's access hashes open nothing. Safe to run twice, and to die in the middle."""
        for prefix in (keys.peer(tenant_id, channel, ""), keys.listed_peer(tenant_id, channel, "")):
            begins = {":pk": prefix["pk"], ":peers": prefix["sk"]}
            asked = {"ProjectionExpression": "pk, sk", "ConsistentRead": True}
            self._table.delete_many(self._table.query("pk = :pk AND begins_with(sk, :peers)", begins, **asked))


def _row(met: Met) -> Item:
    return {**keys.peer(met.tenant_id, met.channel, met.peer.id), **_fields(met.peer)}


def _fields(peer: Peer) -> Item:
    return peer.model_dump(exclude={"id"})


def _peer(row: Item) -> Peer:
    fields = {name: value for name, value in row.items() if name not in {"pk", "sk", "expires_at"}}
    _, channel, peer_id = row["sk"].split("#", 2)
    return Peer.model_validate({"id": int(peer_id) if channel == Channel.TELEGRAM else peer_id, **fields})
