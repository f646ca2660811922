"""Any sequence of our stores' calls has the same answers and leaves the same rows on the fake and on the emulator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from local.emulator_account import EmulatorAccount
from shared.model.account import AccountState, Wanted
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store import keys
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore, Superseded
from shared.store.peers import Met, Peer, PeerStore
from shared.store.table import ConditionFailed, Table
from shared.store.workers import WorkerStore
from tests.support.events import TENANT
from tests.support.fake_stores import OwnershipStores, fake_table
from tests.support.rows import put_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TG = Channel.TELEGRAM
Call = Callable[[Table], Any]

ids = st.sampled_from([WorkerId("one"), WorkerId("other")])
owners = st.one_of(ids, st.just(NOBODY))
epochs = st.integers(1, 3).map(Epoch)
beats = st.integers(0, 2)
heard = st.sampled_from([frozenset(), frozenset({f"{TENANT}/never"})])
tokens = st.sampled_from(["t1", "t2"])
changes = st.sampled_from(
    [{"state": AccountState.AUTHORIZED, "last_error": "x", "restricted_until": NOW}, {"last_error": None}, {"state": AccountState.FAILED}]
)


@pytest.fixture
def table(account: EmulatorAccount) -> Table:
    """The emulator's."""
    return Table(account.client("dynamodb"), account.table_name)


def _worker(worker_id: WorkerId) -> Worker:
    return Worker(id=worker_id, state=WorkerState.LIVE, beat=0, address="127.0.0.1:9000", certificate="pem", rpc_key=SecretStr("key"))


def _claim(me: WorkerId, token: str, twice: bool) -> Call:
    def run(table: Table) -> Any:
        accounts = AccountStore(table)
        seen = accounts.get(TENANT, TG)
        first = accounts.claim(TENANT, TG, seen, me, token)
        return first, accounts.claim(TENANT, TG, seen, me, token) if twice else None

    return run


def _claim_unseen(me: WorkerId, token: str) -> Call:
    return lambda table: AccountStore(table).claim(TENANT, TG, None, me, token)


def _peer(peer_id: int, access_hash: int | None, seen: int | None) -> Peer:
    chat, message = (-5, seen * 10) if seen is not None and access_hash is None else (None, None)
    return Peer(id=peer_id, kind="user", access_hash=access_hash, min_chat=chat, min_message=message, min_date=seen)


PEER_IDS = (7, -8)
peer_ids = st.sampled_from(PEER_IDS)
hashes = st.sampled_from([None, None, 0, -(1 << 63)])
peers = st.builds(_peer, peer_ids, hashes, st.one_of(st.none(), st.integers(0, 3)))
PEER_CALLS: st.SearchStrategy[Call] = st.one_of(
    peers.map(lambda p: lambda table: PeerStore(table).put(TENANT, TG, p)),
    st.lists(st.builds(_peer, peer_ids, st.just(3), st.none()), max_size=2, unique_by=lambda peer: peer.id).map(
        lambda ps: lambda table: PeerStore(table).put_whole([Met(TENANT, TG, p) for p in ps])
    ),
    peer_ids.map(lambda i: lambda table: PeerStore(table).get(TENANT, TG, i)),
    st.just(lambda table: PeerStore(table).drop_all(TENANT, TG)),
)
CALLS: st.SearchStrategy[Call] = st.one_of(
    ids.map(lambda i: lambda table: WorkerStore(table).register(_worker(i))),
    st.builds(lambda i, last, n, h: lambda table: WorkerStore(table).beat(i, last, n, h), ids, beats, beats, heard),
    ids.map(lambda i: lambda table: WorkerStore(table).end(i, NOW)),
    st.builds(lambda i, seen: lambda table: WorkerStore(table).kill(i, seen, NOW), ids, beats),
    ids.map(lambda i: lambda table: WorkerStore(table).forget(i)),
    st.builds(_claim, ids, tokens, st.booleans()),
    st.builds(_claim_unseen, ids, tokens),
    st.builds(lambda i, e, c: lambda table: AccountStore(table).set_status(TENANT, TG, i, e, c), ids, epochs, changes),
    st.builds(lambda i, e, c: lambda table: AccountStore(table).release(TENANT, TG, i, e, c), ids, epochs, changes),
    st.sampled_from(list(Wanted)).map(lambda w: lambda table: AccountStore(table).want(TENANT, TG, w, NOW)),
    owners.map(lambda i: lambda table: list(AccountStore(table).owned_by(i))),
    epochs.map(lambda e: lambda table: FencedStore(table).load(keys.session(TENANT, TG), e)),
    epochs.map(lambda e: lambda table: FencedStore(table).save(keys.session(TENANT, TG), e, {"sealed": b"\x00", "by": int(e)})),
    epochs.map(lambda e: lambda table: FencedStore(table).clear(keys.session(TENANT, TG), e)),
)


def _outcome(call: Call, table: Table) -> Any:
    """What a call returned, or what it raised, with the item that a failed condition showed."""
    try:
        return call(table)
    except ConditionFailed as failed:
        return "failed", failed.item
    except Superseded as superseded:
        shown = superseded.__cause__
        return "superseded", shown.item if isinstance(shown, ConditionFailed) else None


def _rows(table: Table) -> Any:
    account, session = table.get(keys.account(TENANT, TG)), table.get(keys.session(TENANT, TG))
    return account, session, WorkerStore(table).all()


def _empty(table: Table) -> None:
    for key in (keys.account(TENANT, TG), keys.session(TENANT, TG), keys.worker(WorkerId("one")), keys.worker(WorkerId("other"))):
        table.delete(key)
    put_tenant(table, TENANT)


@settings(max_examples=25)
@given(st.lists(CALLS, min_size=8, max_size=30))
def test_any_sequence_of_calls_ends_the_same(table: Table, calls: list[Call]) -> None:
    """Every answer, every item that a refused write shows, and what lies there in the end."""
    fake = fake_table()
    _empty(table)
    _empty(fake)
    for call in calls:
        assert _outcome(call, fake) == _outcome(call, table)
    assert _rows(fake) == _rows(table)


def _kept(table: Table) -> list[Peer | None]:
    return [PeerStore(table).get(TENANT, channel, peer_id) for channel in Channel for peer_id in PEER_IDS]


@settings(max_examples=25)
@given(st.lists(PEER_CALLS, min_size=5, max_size=20))
def test_any_sequence_of_writes_keeps_the_same_peers(table: Table, calls: list[Call]) -> None:
    """Whole and `min` ones, in any order; another channel's stay."""
    fake = fake_table()
    for each in (table, fake):
        PeerStore(each).drop_all(TENANT, TG)
        PeerStore(each).put(TENANT, Channel.WHATSAPP, Peer(id=7, kind="user", access_hash=1))
    for call in calls:
        assert _outcome(call, fake) == _outcome(call, table)
    assert _kept(fake) == _kept(table)


def test_nudges_are_added_and_taken_off_one_by_one(table: Table) -> None:
    """On the fake as on the emulator; their nonces are random, so no two tables hold the same ones."""
    for each in (table, fake_table()):
        workers = WorkerStore(each)
        workers.register(_worker(WorkerId("one")))
        workers.nudge(WorkerId("one"), TENANT)
        first = workers.beat(WorkerId("one"), 0, 0, frozenset()).nudges
        workers.nudge(WorkerId("one"), TENANT)
        second = workers.beat(WorkerId("one"), 1, 0, first).nudges
        assert (len(first), len(second), first & second) == (1, 1, frozenset())
        assert workers.beat(WorkerId("one"), 2, 0, second).nudges == frozenset()


def test_the_index_may_lag() -> None:
    """Until it catches up it shows what was there before; the table itself never lags."""
    stores = OwnershipStores()
    table, accounts = stores.fake_table, stores.accounts
    put_tenant(stores.table, TENANT)
    one, other = WorkerId("one"), WorkerId("other")
    accounts.claim(TENANT, TG, None, one, "t1")
    table.lagging = True
    accounts.claim(TENANT, TG, accounts.get(TENANT, TG), other, "t2")
    assert tuple([owned.key for owned in accounts.owned_by(worker)] for worker in (one, other)) == ([(TENANT, TG)], [])
    table.catch_up()
    assert tuple([owned.key for owned in accounts.owned_by(worker)] for worker in (one, other)) == ([], [(TENANT, TG)])


def test_accounts_of_other_tenants_are_other_accounts() -> None:
    """One owner's accounts are found together."""
    table, one = fake_table(), WorkerId("one")
    accounts = AccountStore(table)
    for number in range(3):
        put_tenant(table, TenantId(f"t{number}"))
        accounts.claim(TenantId(f"t{number}"), TG, None, one, "t")
    assert len(list(accounts.owned_by(one))) == 3
