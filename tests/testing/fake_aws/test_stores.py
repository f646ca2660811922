"""What the state's stores write and read is the same on the fake and on the emulator."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore, Superseded
from shared.store.table import ConditionFailed, Table
from shared.store.workers import WorkerStore
from tests.support.aws_variants import AwsVariant
from tests.support.rows import put_tenant

ANN, BEN = TenantId("ann"), TenantId("ben")
ONE, TWO = WorkerId("one"), WorkerId("two")


@pytest.fixture
def table(variant: AwsVariant) -> Table:
    """The state table of each side."""
    put_tenant(variant.table, ANN, BEN)
    return variant.table


def test_an_account_changes_hands(table: Table) -> None:
    """Claims, releases and the index by owner, with the stores' own conditions."""
    accounts = AccountStore(table)
    first = accounts.claim(ANN, Channel.TELEGRAM, None, ONE, "token")
    assert first is not None
    lost = accounts.claim(ANN, Channel.TELEGRAM, None, TWO, "other")
    assert lost is not None
    assert lost.claim == "token"
    assert accounts.claim(ANN, Channel.TELEGRAM, None, ONE, "token") == first
    assert [row.tenant_id for row in accounts.owned_by(ONE)] == [ANN]
    assert accounts.set_status(ANN, Channel.TELEGRAM, ONE, first.epoch, {"phone": "+1", "reason": None})
    assert not accounts.set_status(ANN, Channel.TELEGRAM, TWO, first.epoch, {"phone": "+2"})
    assert accounts.release(ANN, Channel.TELEGRAM, ONE, first.epoch, {"phone": None})
    assert list(accounts.owned_by(ONE)) == []
    assert accounts.get(ANN, Channel.TELEGRAM) == first.model_copy(update={"owner": None})


def test_fences_hold(table: Table) -> None:
    """A later epoch ends what an earlier one may write; bytes come back as bytes."""
    fenced, key = FencedStore(table), keys.session(ANN, Channel.TELEGRAM)
    AccountStore(table).claim(ANN, Channel.TELEGRAM, None, ONE, "token")
    assert fenced.load(key, Epoch(1)) == {}
    fenced.save(key, Epoch(1), {"sealed": b"\x00\xff"})
    assert fenced.load(key, Epoch(2)) == {"sealed": b"\x00\xff"}
    for late in (lambda: fenced.load(key, Epoch(1)), lambda: fenced.save(key, Epoch(1), {})):
        with pytest.raises(Superseded):
            late()


def test_nudges_are_added_and_taken_off(table: Table) -> None:
    """Sets grow and shrink, and an empty one is gone."""
    key = keys.worker(ONE)
    table.put(key)
    assert table.update(key, "ADD nudges :one", {":one": frozenset({"a", "b"})})["nudges"] == {"a", "b"}
    assert table.update(key, "SET beat = :beat DELETE nudges :one", {":beat": 3, ":one": frozenset({"a"})})["nudges"] == {"b"}
    assert "nudges" not in table.update(key, "DELETE nudges :one", {":one": frozenset({"b"})})
    assert table.update(key, "ADD beat :one", {":one": 1})["beat"] == 4


def test_partitions_are_read_in_order_and_erased(table: Table) -> None:
    """A query names its partition, and may name the beginning of the sort key."""
    for sk in ("b#2", "a#1", "b#1"):
        table.put({"pk": "p", "sk": sk})
    table.put({"pk": "q", "sk": "b#3"})
    assert [row["sk"] for row in table.query("pk = :pk", {":pk": "p"})] == ["a#1", "b#1", "b#2"]
    assert [row["sk"] for row in table.query("pk = :pk AND begins_with(sk, :b)", {":pk": "p", ":b": "b#"})] == ["b#1", "b#2"]
    table.delete({"pk": "p", "sk": "a#1"})
    assert table.get({"pk": "p", "sk": "a#1"}) is None
    with pytest.raises(ConditionFailed) as lost:
        table.put({"pk": "p", "sk": "b#1"}, "attribute_not_exists(pk)")
    assert lost.value.item == {"pk": "p", "sk": "b#1"}


def test_items_are_written_all_or_none(table: Table) -> None:
    """One failed condition leaves all of it undone."""
    table.put({"pk": "p", "sk": "2"})
    with pytest.raises(ConditionFailed):
        table.put_all([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}], "attribute_not_exists(pk)")
    assert set(table.get_many([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}])) == {("p", "2")}


def test_items_are_written_and_removed_side_by_side(table: Table) -> None:
    """Many in one request, each by itself."""
    table.put({"pk": "p", "sk": "1", "old": True})
    assert table.put_many([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}, {"pk": "q", "sk": "1"}]) == set()
    table.delete_many([{"pk": "p", "sk": "2"}, {"pk": "p", "sk": "3"}])
    assert list(table.query("pk = :pk", {":pk": "p"})) == [{"pk": "p", "sk": "1"}]
    assert table.get({"pk": "q", "sk": "1"}) is not None


def test_a_worker_that_ended_does_not_beat(table: Table) -> None:
    """The last word of a row is final."""
    workers = WorkerStore(table)
    table.put({**keys.worker(ONE), "state": "live", "beat": 1, "address": "a", "certificate": "c", "rpc_key": "k"})
    assert workers.beat(ONE, 1, 5, frozenset()).accounts == 5
    workers.end(ONE, datetime(2026, 11, 21, tzinfo=UTC))
    with pytest.raises(ConditionFailed):
        workers.beat(ONE, 2, 5, frozenset())
    assert [worker.state for worker in workers.all()] == ["ended"]


def test_the_index_shows_nobodys_accounts_and_what_it_projects(table: Table) -> None:
    """And no more of them."""
    table.put({**keys.account(ANN, Channel.TELEGRAM), "owner": NOBODY, "epoch": 1, "phone": "+1"})
    (row,) = table.query("#owner = :owner", {":owner": NOBODY}, IndexName=keys.BY_OWNER, ExpressionAttributeNames={"#owner": "owner"})
    assert set(row) == {"pk", "sk", "owner", "epoch"}
