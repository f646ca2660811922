"""Peers that are kept: what replaces what, whichever write comes first, late or twice."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.model.ids import Channel, Epoch, TenantId
from shared.store import keys
from shared.store.fenced import FencedStore
from shared.store.peers import LISTED_FOR, Met, Peer, PeerStore
from shared.store.table import BATCH, StoreUnavailable, Table
from tests.support.fake_stores import fake_table

CHANNEL, TENANT, BOB, TOWN = Channel.TELEGRAM, TenantId("t"), 77, -1000000004000
WHOLE = Peer(id=BOB, kind="user", access_hash=770, username="bob_ray")


def seen(date: int, message: int = 1, chat: int = TOWN) -> Peer:
    """Return Bob as somebody whom only a message names."""
    return Peer(id=BOB, kind="user", min_chat=chat, min_message=message, min_date=date)


def kept(store: PeerStore) -> Peer | None:
    return store.get(TENANT, CHANNEL, BOB)


def everything(table: Table) -> list[tuple[str, str]]:
    """Return the keys of all that the table holds."""
    items = table.client.scan(TableName=table.name, ConsistentRead=True)["Items"]
    return sorted((item["pk"]["S"], item["sk"]["S"]) for item in items)


@pytest.fixture(params=["emulator", "memory"])
def store(request: pytest.FixtureRequest) -> PeerStore:
    """The store, on both tables."""
    return PeerStore(request.getfixturevalue("table") if request.param == "emulator" else fake_table())


@pytest.mark.parametrize("peer_id", [1, -1001234567890, (1 << 63) - 1, -(1 << 63)])
def test_a_peer_is_read_as_it_was_written(store: PeerStore, peer_id: int) -> None:
    """Ids and hashes of 64 bits keep every digit."""
    peer = Peer(id=peer_id, kind="user", access_hash=-(1 << 63), username="anna", phone="+15550100001")
    store.put(TENANT, CHANNEL, peer)
    assert store.get(TENANT, CHANNEL, peer_id) == peer
    assert store.get(TENANT, CHANNEL, 99) is None


def test_the_newest_word_of_a_whole_peer_counts(store: PeerStore) -> None:
    """What it no longer has is gone."""
    store.put(TENANT, CHANNEL, WHOLE)
    store.put(TENANT, CHANNEL, renamed := Peer(id=BOB, kind="user", access_hash=770))
    assert kept(store) == renamed


def test_a_min_peer_never_replaces_a_whole_one(store: PeerStore) -> None:
    """However new its message is."""
    store.put(TENANT, CHANNEL, WHOLE)
    store.put(TENANT, CHANNEL, seen(10**9))
    assert kept(store) == WHOLE


def test_a_hash_of_zero_is_a_hash(store: PeerStore) -> None:
    """Whether there is one counts, not which."""
    store.put(TENANT, CHANNEL, zero := Peer(id=BOB, kind="user", access_hash=0))
    store.put(TENANT, CHANNEL, seen(5))
    assert kept(store) == zero


def test_of_min_peers_the_one_that_was_seen_last_counts(store: PeerStore) -> None:
    """By the message's date, so that a late write of an older one changes nothing, whatever chat it was in."""
    for one in (seen(5, 50), seen(7, 3, chat=-9), seen(7, 3, chat=-9), seen(6, 60), seen(5, 50)):
        store.put(TENANT, CHANNEL, one)
    assert kept(store) == seen(7, 3, chat=-9)


@pytest.mark.parametrize("order", list(itertools.permutations([WHOLE, seen(5), seen(7)])))
def test_in_any_order_the_whole_one_is_kept(store: PeerStore, order: tuple[Peer, ...]) -> None:
    """Each write may also come again, later."""
    for one in (*order, *order):
        store.put(TENANT, CHANNEL, one)
    assert kept(store) == WHOLE


def test_two_writers_at_once_end_with_the_whole_one(table: Table) -> None:
    """The condition and the write are one step."""
    stores = PeerStore(table), PeerStore(table)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: stores[number % 2].put(TENANT, CHANNEL, WHOLE if number == 9 else seen(number)), range(20)))
    assert kept(stores[0]) == WHOLE


def test_whole_peers_are_kept_together(store: PeerStore) -> None:
    """As many as fit into one request, of any tenants; they replace what lies there."""
    store.put(TENANT, CHANNEL, seen(5))
    met = [Met(TenantId(f"t{number}"), CHANNEL, Peer(id=number, kind="chat")) for number in range(BATCH - 1)]
    assert store.put_whole([*met, Met(TENANT, CHANNEL, WHOLE)]) == set()
    assert kept(store) == WHOLE
    assert all(store.get(one.tenant_id, CHANNEL, one.peer.id) == one.peer for one in met)
    assert store.put_whole([]) == set()


class ThrottledTable(Table):
    """A table of which DynamoDB takes only so many writes of a batch."""

    def __init__(self, table: Table, takes: int) -> None:
        super().__init__(table.client, table.name)
        self._takes = takes
        self.requests = 0

    def _call(self, operation: str, **request: Any) -> Any:
        if operation != "batch_write_item":
            return super()._call(operation, **request)
        self.requests += 1
        writes = request["RequestItems"][self.name]
        if self._takes:
            super()._call(operation, RequestItems={self.name: writes[: self._takes]})
        left = writes[self._takes :]
        return {"UnprocessedItems": {self.name: left} if left else {}}


def test_what_dynamodb_did_not_take_is_named(table: Table) -> None:
    """So that whoever waits for it does not take it for kept."""
    met = [Met(TENANT, CHANNEL, Peer(id=-number, kind="chat")) for number in range(1, 6)]
    assert PeerStore(ThrottledTable(table, 3)).put_whole(met) == set(met[3:])
    assert [bool(PeerStore(table).get(TENANT, CHANNEL, one.peer.id)) for one in met] == [True, True, True, False, False]


def filled(table: Table, count: int) -> PeerStore:
    """Keep that many peers of an account, and a few things besides, which are to stay."""
    store = PeerStore(table)
    peers = [Met(TENANT, CHANNEL, Peer(id=-number, kind="chat")) for number in range(1, count + 1)]
    for start in range(0, count, BATCH):
        store.put_whole(peers[start : start + BATCH])
    store.put(TENANT, Channel.WHATSAPP, WHOLE)
    store.put(TenantId("t2"), CHANNEL, WHOLE)
    table.put({**keys.account(TENANT, CHANNEL), "epoch": 1})
    FencedStore(table).load(keys.session(TENANT, CHANNEL), Epoch(1))
    return store


OTHERS = [("T#t", "ACCOUNT#telegram"), ("T#t", "PEER#whatsapp#77"), ("T#t", "SESSION#telegram"), ("T#t2", "PEER#telegram#77")]


def test_all_peers_of_an_account_are_forgotten_and_nothing_else(table: Table) -> None:
    """Another channel's stay, another tenant's too, and so does the session; 25 go in one request."""
    filled(table, 60)
    slow = ThrottledTable(table, BATCH)
    PeerStore(slow).drop_all(TENANT, CHANNEL)
    assert everything(table) == OTHERS
    assert slow.requests == 3


def test_forgetting_goes_on_where_dynamodb_takes_only_some(table: Table) -> None:
    """What it did not take is asked for again."""
    filled(table, 30)
    PeerStore(ThrottledTable(table, 7)).drop_all(TENANT, CHANNEL)
    assert everything(table) == OTHERS


class TableThatStopsWriting(Table):
    """A table whose user dies after so many batches."""

    def __init__(self, table: Table, batches: int) -> None:
        super().__init__(table.client, table.name)
        self._left = batches

    def _write_many(self, requests: list[dict[str, Any]]) -> set[tuple[str, str]]:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        return super()._write_many(requests)


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_forgetting_that_died_is_finished_by_the_next(table: Table, batches: int) -> None:
    """Wherever it died."""
    store = filled(table, 60)
    with pytest.raises(KeyboardInterrupt):
        PeerStore(TableThatStopsWriting(table, batches)).drop_all(TENANT, CHANNEL)
    assert len(everything(table)) == 60 - BATCH * batches + len(OTHERS)
    store.drop_all(TENANT, CHANNEL)
    assert everything(table) == OTHERS


def test_forgetting_gives_up_where_dynamodb_takes_nothing(table: Table) -> None:
    """Whoever asked tries again; nobody asks for ever."""
    filled(table, 3)
    with pytest.raises(StoreUnavailable):
        PeerStore(ThrottledTable(table, 0)).drop_all(TENANT, CHANNEL)


def test_ids_of_other_channels_are_text(table: Table) -> None:
    """A `#` in one included; and forgetting an account's peers leaves the other account's."""
    store, tenant_id = PeerStore(table), TenantId("t")
    person, stranger = Peer(id="79991234567@c.us", kind="user"), Peer(id="a#b", kind="user")
    store.put(tenant_id, Channel.WHATSAPP, person)
    store.put(tenant_id, Channel.WHATSAPP, stranger)
    store.put(tenant_id, Channel.TELEGRAM, Peer(id=5, kind="user", access_hash=1))
    assert store.get(tenant_id, Channel.WHATSAPP, "79991234567@c.us") == person
    assert store.get(tenant_id, Channel.WHATSAPP, "a#b") == stranger
    store.drop_all(tenant_id, Channel.WHATSAPP)
    assert store.get(tenant_id, Channel.WHATSAPP, "a#b") is None
    assert store.get(tenant_id, Channel.TELEGRAM, 5) is not None


NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def listed(store: PeerStore) -> Peer | None:
    return store.get_any(TENANT, CHANNEL, BOB)


def test_who_was_listed_can_be_named_and_counts_as_not_met(store: PeerStore) -> None:
    """For a month after the last time."""
    store.put_listed(TENANT, CHANNEL, [WHOLE, Peer(id=TOWN, kind="channel", access_hash=9)], NOW)
    assert (kept(store), listed(store)) == (None, WHOLE)
    assert store.get_any(TENANT, CHANNEL, 99) is None
    row = store._table.get(keys.listed_peer(TENANT, CHANNEL, BOB))
    assert row is not None
    assert row["expires_at"] == int((NOW + LISTED_FOR).timestamp())


def test_whole_peers_count_wherever_they_lie(store: PeerStore) -> None:
    """Who was met and who was listed; a `min` one that is listed later replaces neither."""
    store.put(TENANT, CHANNEL, seen(date=100))
    assert listed(store) == seen(date=100)
    store.put_listed(TENANT, CHANNEL, [WHOLE], NOW)
    assert listed(store) == WHOLE
    store.put_listed(TENANT, CHANNEL, [seen(date=200)], NOW)
    assert listed(store) == WHOLE
    store.put(TENANT, CHANNEL, met := Peer(id=BOB, kind="user", access_hash=771))
    assert listed(store) == met


def test_a_hundred_are_kept_at_once(store: PeerStore) -> None:
    """As many as a page has, and twice without harm."""
    people = [Peer(id=number, kind="user", access_hash=number) for number in range(1, 101)]
    for _ in range(2):
        store.put_listed(TENANT, CHANNEL, people, NOW)
    assert [store.get_any(TENANT, CHANNEL, person.id) for person in people] == people


def test_another_person_forgets_who_was_listed_too(store: PeerStore) -> None:
    """Their hashes open nothing for anybody else."""
    store.put_listed(TENANT, CHANNEL, [WHOLE], NOW)
    store.put_listed(TENANT, Channel.WHATSAPP, [WHOLE], NOW)
    store.drop_all(TENANT, CHANNEL)
    assert listed(store) is None
    assert store.get_any(TENANT, Channel.WHATSAPP, BOB) is not None
