"""The AWS in memory, held to the emulator: what the stores write and read is the same on both."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from benchmarks.expressions import NotUnderstood, changed, holds
from benchmarks.quick_aws import KEY, QUEUE, QuickAws
from shared.crypto import Envelope, KeysUnavailable, Purpose
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.queues import accepted, body_of, entry_of
from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore, Superseded
from shared.store.table import ConditionFailed, Table
from shared.store.workers import WorkerStore
from tests.benchmarks.conftest import Side, over_the_wire
from tests.support.events import event_of
from tests.support.rows import put_tenant

ANN, BEN = TenantId("ann"), TenantId("ben")
ONE, TWO = WorkerId("one"), WorkerId("two")


@pytest.fixture
def table(side: Side) -> Table:
    """The state table of each."""
    made = Table(side.client("dynamodb"), side.table_name)
    put_tenant(made, ANN, BEN)
    return made


def test_an_account_changes_hands_as_on_the_emulator(table: Table) -> None:
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


def test_fences_hold_as_on_the_emulator(table: Table) -> None:
    """A later epoch ends what an earlier one may write; bytes come back as bytes."""
    fenced, key = FencedStore(table), keys.session(ANN, Channel.TELEGRAM)
    AccountStore(table).claim(ANN, Channel.TELEGRAM, None, ONE, "token")
    assert fenced.load(key, Epoch(1)) == {}
    fenced.save(key, Epoch(1), {"sealed": b"\x00\xff"})
    assert fenced.load(key, Epoch(2)) == {"sealed": b"\x00\xff"}
    for late in (lambda: fenced.load(key, Epoch(1)), lambda: fenced.save(key, Epoch(1), {})):
        with pytest.raises(Superseded):
            late()


def test_nudges_are_added_and_taken_off_as_on_the_emulator(table: Table) -> None:
    """Sets grow and shrink, and an empty one is gone."""
    key = keys.worker(ONE)
    table.put(key)
    assert table.update(key, "ADD nudges :one", {":one": frozenset({"a", "b"})})["nudges"] == {"a", "b"}
    assert table.update(key, "SET beat = :beat DELETE nudges :one", {":beat": 3, ":one": frozenset({"a"})})["nudges"] == {"b"}
    assert "nudges" not in table.update(key, "DELETE nudges :one", {":one": frozenset({"b"})})
    assert table.update(key, "ADD beat :one", {":one": 1})["beat"] == 4


def test_partitions_are_read_in_order_and_erased_as_on_the_emulator(table: Table) -> None:
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


def test_items_are_written_all_or_none_as_on_the_emulator(table: Table) -> None:
    """One failed condition leaves all of it undone."""
    table.put({"pk": "p", "sk": "2"})
    with pytest.raises(ConditionFailed):
        table.put_all([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}], "attribute_not_exists(pk)")
    assert set(table.get_many([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}])) == {("p", "2")}


def test_items_are_written_and_removed_side_by_side_as_on_the_emulator(table: Table) -> None:
    """Many in one request, each by itself."""
    table.put({"pk": "p", "sk": "1", "old": True})
    assert table.put_many([{"pk": "p", "sk": "1"}, {"pk": "p", "sk": "2"}, {"pk": "q", "sk": "1"}]) == set()
    table.delete_many([{"pk": "p", "sk": "2"}, {"pk": "p", "sk": "3"}])
    assert list(table.query("pk = :pk", {":pk": "p"})) == [{"pk": "p", "sk": "1"}]
    assert table.get({"pk": "q", "sk": "1"}) is not None


def test_a_worker_that_ended_does_not_beat_as_on_the_emulator(table: Table) -> None:
    """The last word of a row is final."""
    workers = WorkerStore(table)
    table.put({**keys.worker(ONE), "state": "live", "beat": 1, "address": "a", "certificate": "c", "rpc_key": "k"})
    assert workers.beat(ONE, 1, 5, frozenset()).accounts == 5
    workers.end(ONE, datetime(2026, 11, 21, tzinfo=UTC))
    with pytest.raises(ConditionFailed):
        workers.beat(ONE, 2, 5, frozenset())
    assert [worker.state for worker in workers.all()] == ["ended"]


def test_a_data_key_opens_for_its_own_context_alone(aws: QuickAws) -> None:
    """As with KMS: another tenant's context unwraps nothing, over the wire and in this process."""
    for client in (over_the_wire(aws).client("kms"), aws.client):
        envelope = Envelope(lambda client=client: client, KEY)  # type: ignore[misc]
        sealed = (key := envelope.new_key(ANN, Purpose.SESSION)).seal(b"secret")
        assert envelope.unwrap(ANN, Purpose.SESSION, key.wrapped).open(sealed) == b"secret"
        with pytest.raises(KeysUnavailable):
            envelope.unwrap(BEN, Purpose.SESSION, key.wrapped)


def test_the_queue_accepts_everything_and_shows_each_event_once(aws: QuickAws) -> None:
    """What is sent twice is one event, as SQS deduplicates."""
    sqs, event = over_the_wire(aws).client("sqs"), event_of(ANN)
    for _ in range(2):
        entries = [entry_of("0", event, body_of(event))]
        assert accepted(sqs.send_message_batch(QueueUrl=f"{aws.url}/000000000000/{QUEUE}", Entries=entries), 1) == [True]
    assert len(aws.queue.bodies) == 1
    assert aws.calls == {"SendMessageBatch": 2}


async def test_every_call_takes_at_least_the_latency() -> None:
    """The wait is not the caller's own."""
    async with QuickAws(latency_s=0.2).running() as aws:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.to_thread(Table(over_the_wire(aws).client("dynamodb"), "avio").get, keys.account(ANN, Channel.TELEGRAM))
        assert loop.time() - began >= 0.2
        assert aws.calls == {"GetItem ACCOUNT": 1}


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        ("a = :one AND b < :two", True),
        ("a = :two OR (b = :one AND NOT a = :two)", True),
        ("a <> :one", False),
        ("missing <> :one", True),
        ("missing = :one", False),
        ("b BETWEEN :one AND :two", True),
        ("a IN (:two, :one)", True),
        ("attribute_exists(a) AND attribute_not_exists(missing)", True),
        ("#name >= :two", False),
    ],
)
def test_conditions_are_read_as_dynamodb_reads_them(condition: str, held: bool) -> None:
    """AND binds closer than OR; a field that is not there equals nothing."""
    item = {"a": {"N": "1"}, "b": {"N": "1"}}
    assert holds(condition, item, {":one": {"N": "1"}, ":two": {"N": "2"}}, {"#name": "a"}) is held


@pytest.mark.parametrize("expression", ["size(a) > :one", "a = ", "a.b[0] = :one", ""])
def test_what_is_not_known_is_refused(expression: str) -> None:
    """A new expression must not be answered by a guess."""
    with pytest.raises(NotUnderstood):
        holds(expression, {}, {":one": {"N": "1"}}, {})


def test_an_update_reads_the_item_as_it_was() -> None:
    """Fallbacks and sums take the old values, whatever the same update writes."""
    after = changed("SET a = if_not_exists(a, :one), b = a + :one REMOVE c", {"a": {"N": "4"}, "c": {"S": "x"}}, {":one": {"N": "1"}}, {})
    assert after == {"a": {"N": "4"}, "b": {"N": "5"}}


def test_nobodys_accounts_are_found_by_the_index(aws: QuickAws) -> None:
    """The index shows what the real one projects, and no more."""
    table = Table(aws.client, "avio")
    table.put({**keys.account(ANN, Channel.TELEGRAM), "owner": NOBODY, "epoch": 1, "phone": "+1"})
    (row,) = table.query("#owner = :owner", {":owner": NOBODY}, IndexName=keys.BY_OWNER, ExpressionAttributeNames={"#owner": "owner"})
    assert set(row) == {"pk", "sk", "owner", "epoch"}
