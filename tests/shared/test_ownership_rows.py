"""Worker and account rows: beats, deaths, claims, and every race between them (the rules are in the architecture's "Ownership")."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from local.emulator_account import EmulatorAccount
from shared.model.account import Account, AccountState, Wanted
from shared.model.ids import NOBODY, Channel, Epoch, WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store import keys
from shared.store.accounts import AccountStore, wanting_erasure
from shared.store.fenced import FencedStore, Superseded
from shared.store.table import ConditionFailed, Item, Table
from shared.store.workers import WorkerStore
from tests.support.clock import FakeClock
from tests.support.events import TENANT
from tests.support.fake_stores import fake_table
from tests.support.rows import put_tenant

CHANNEL = Channel.TELEGRAM
ONE, OTHER = WorkerId("worker-one"), WorkerId("worker-other")
SESSION = keys.session(TENANT, CHANNEL)


def worker(worker_id: WorkerId = ONE) -> Worker:
    """Return a worker that has just started."""
    return Worker(id=worker_id, state=WorkerState.LIVE, beat=0, address="127.0.0.1:9000", certificate="pem", rpc_key=SecretStr("key"))


@pytest.fixture(params=["emulator", "memory"])
def table(request: pytest.FixtureRequest) -> Table:
    """The real table, and the one in memory, which must do the same (tests/testing/fake_aws goes on from here)."""
    if request.param == "memory":
        made = fake_table()
    else:
        account: EmulatorAccount = request.getfixturevalue("account")
        made = Table(account.client("dynamodb"), account.table_name)
    put_tenant(made, TENANT)
    return made


@pytest.fixture
def workers(table: Table) -> WorkerStore:
    """Worker rows."""
    return WorkerStore(table)


@pytest.fixture
def accounts(table: Table) -> AccountStore:
    """Account rows."""
    return AccountStore(table)


class AnyEpoch(FencedStore):
    """Fenced items whose account is always under the epoch that loads them."""

    def load(self, key: keys.Key, epoch: Epoch) -> Item:
        """Have the account claimed up to that epoch, then load."""
        with contextlib.suppress(ConditionFailed):
            self._table.update(keys.account_of(key), "SET epoch = :mine", {":mine": epoch}, "attribute_not_exists(epoch) OR epoch < :mine")
        return super().load(key, epoch)


@pytest.fixture
def fenced(table: Table) -> FencedStore:
    """Fenced items of an account that may be under any epoch."""
    return AnyEpoch(table)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls side by side, all begun before any may go on; return what each returned."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait(10)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def claimed(accounts: AccountStore, me: WorkerId = ONE, token: str = "t1") -> Account:
    """Claim the account as it is now."""
    account = accounts.claim(TENANT, CHANNEL, accounts.get(TENANT, CHANNEL), me, token)
    assert account
    return account


# workers


def test_a_registered_worker_is_read_as_it_was_written(workers: WorkerStore) -> None:
    """Its key included, which is what functions show it."""
    workers.register(worker())
    assert workers.get(ONE) == worker()
    assert workers.all() == [worker()]


def test_a_late_registration_does_not_bring_a_worker_back(workers: WorkerStore, clock: FakeClock) -> None:
    """A repeat of the first write that arrives after the death changes nothing."""
    workers.register(worker())
    workers.kill(ONE, 0, clock.now())
    workers.register(worker())
    row = workers.get(ONE)
    assert row
    assert row.state is WorkerState.DEAD


def test_a_beat_raises_the_number_by_one(workers: WorkerStore) -> None:
    """And says how many accounts are held."""
    workers.register(worker())
    beaten = workers.beat(ONE, 0, 7, frozenset())
    assert (beaten.beat, beaten.accounts, beaten.state) == (1, 7, WorkerState.LIVE)


@pytest.mark.parametrize("last", [0, 2])
def test_a_late_beat_changes_nothing(workers: WorkerStore, last: int) -> None:
    """Its number is another one by now."""
    workers.register(worker())
    workers.beat(ONE, 0, 1, frozenset())
    with pytest.raises(ConditionFailed):
        workers.beat(ONE, last, 9, frozenset())
    row = workers.get(ONE)
    assert row
    assert (row.beat, row.accounts) == (1, 1)


def test_a_beat_never_creates_a_row(workers: WorkerStore) -> None:
    """A worker that was forgotten stays forgotten."""
    with pytest.raises(ConditionFailed):
        workers.beat(ONE, 0, 1, frozenset())
    assert workers.get(ONE) is None


@pytest.mark.parametrize("state", [WorkerState.DEAD, WorkerState.ENDED])
def test_after_the_end_there_is_no_beat(workers: WorkerStore, clock: FakeClock, state: WorkerState) -> None:
    """Dead or ended is for good, and the failed beat shows which."""
    workers.register(worker())
    if state is WorkerState.DEAD:
        workers.kill(ONE, 0, clock.now())
    else:
        workers.end(ONE, clock.now())
    with pytest.raises(ConditionFailed) as failed:
        workers.beat(ONE, 0, 1, frozenset())
    assert failed.value.item
    assert failed.value.item["state"] == state


def test_a_worker_that_beat_is_not_killed(workers: WorkerStore, clock: FakeClock) -> None:
    """The killer had seen an older number."""
    workers.register(worker())
    workers.beat(ONE, 0, 1, frozenset())
    assert not workers.kill(ONE, 0, clock.now())
    workers.beat(ONE, 1, 1, frozenset())


def test_killing_twice_is_killing(workers: WorkerStore, clock: FakeClock) -> None:
    """Two peers see the same; a retried write finds its own work."""
    workers.register(worker())
    assert workers.kill(ONE, 0, clock.now())
    assert workers.kill(ONE, 0, clock.now())


def test_an_ended_worker_is_not_killed_and_a_dead_one_does_not_end(workers: WorkerStore, clock: FakeClock) -> None:
    """The first word about the end is the last."""
    workers.register(worker(ONE))
    workers.register(worker(OTHER))
    workers.end(ONE, clock.now())
    workers.end(ONE, clock.now())
    assert not workers.kill(ONE, 0, clock.now())
    workers.kill(OTHER, 0, clock.now())
    workers.end(OTHER, clock.now())
    assert {row.id: row.state for row in workers.all()} == {ONE: WorkerState.ENDED, OTHER: WorkerState.DEAD}


def test_of_beat_and_kill_at_once_exactly_one_holds(workers: WorkerStore, clock: FakeClock) -> None:
    """Never both: a worker that could beat is not dead, a dead one did not beat."""
    for number in range(10):
        name = WorkerId(f"worker-{number}")
        workers.register(worker(name))

        def beat(name: WorkerId = name) -> bool:
            try:
                workers.beat(name, 0, 1, frozenset())
            except ConditionFailed:
                return False
            return True

        beaten, killed = at_once(beat, partial(workers.kill, name, 0, clock.now()))
        assert beaten is not killed


def test_a_live_worker_is_not_forgotten(workers: WorkerStore, clock: FakeClock) -> None:
    """Only what ended or died."""
    workers.register(worker())
    workers.forget(ONE)
    assert workers.get(ONE)
    workers.end(ONE, clock.now())
    workers.forget(ONE)
    workers.forget(ONE)
    assert workers.get(ONE) is None


def test_a_nudge_is_heard_once_and_a_later_one_is_not_lost(workers: WorkerStore) -> None:
    """Taking off what was heard leaves what came since, the same tenant's included."""
    workers.register(worker())
    workers.nudge(ONE, TENANT)
    heard = workers.beat(ONE, 0, 0, frozenset()).nudges
    assert [nudge.split("/")[0] for nudge in heard] == [TENANT]
    workers.nudge(ONE, TENANT)
    since = workers.beat(ONE, 1, 0, heard).nudges
    assert len(since) == 1
    assert since.isdisjoint(heard)
    assert workers.beat(ONE, 2, 0, since).nudges == frozenset()


def test_a_nudge_makes_no_worker(workers: WorkerStore, clock: FakeClock) -> None:
    """Neither of nothing nor of a dead one."""
    workers.nudge(ONE, TENANT)
    assert workers.get(ONE) is None
    workers.register(worker())
    workers.kill(ONE, 0, clock.now())
    workers.nudge(ONE, TENANT)
    row = workers.get(ONE)
    assert row
    assert row.nudges == frozenset()


# accounts


def test_a_claim_of_a_new_account_begins_with_epoch_one(accounts: AccountStore) -> None:
    """And each change of owner raises it by one."""
    first = claimed(accounts)
    assert (first.owner, first.epoch, first.state) == (ONE, 1, AccountState.NEW)
    second = claimed(accounts, OTHER, "t2")
    assert (second.owner, second.epoch) == (OTHER, 2)


@pytest.mark.parametrize("exists", [False, True])
def test_of_many_claims_at_once_exactly_one_holds(accounts: AccountStore, exists: bool) -> None:
    """Whether or not there was a row before."""
    if exists:
        claimed(accounts, WorkerId("dead"), "t0")
    seen = accounts.get(TENANT, CHANNEL)
    names = [WorkerId(f"worker-{number}") for number in range(6)]
    won = at_once(*(partial(accounts.claim, TENANT, CHANNEL, seen, name, f"token-{name}") for name in names))
    (winner,) = [row for row, name in zip(won, names, strict=True) if row and row.claim == f"token-{name}"]
    assert accounts.get(TENANT, CHANNEL) == winner
    assert winner.epoch == (seen.epoch if seen else 0) + 1


def test_a_retried_claim_knows_its_own_work(accounts: AccountStore) -> None:
    """The first try had worked and its answer was lost: the retry fails on the condition and reads its own token."""
    seen = accounts.get(TENANT, CHANNEL)
    assert accounts.claim(TENANT, CHANNEL, seen, ONE, "token") == accounts.claim(TENANT, CHANNEL, seen, ONE, "token")


def test_a_claim_on_an_old_view_fails(accounts: AccountStore) -> None:
    """The account had another owner in between, even if it is the same again."""
    seen = claimed(accounts, ONE, "t1")
    claimed(accounts, OTHER, "t2")
    claimed(accounts, ONE, "t3")
    late = accounts.claim(TENANT, CHANNEL, seen, WorkerId("late"), "t4")
    assert late is not None
    assert late.owner != "late"


def test_status_is_written_by_the_present_owner_alone(accounts: AccountStore, clock: FakeClock) -> None:
    """Under its epoch; None takes a field away; times come back as times."""
    mine = claimed(accounts)
    changes = {"state": AccountState.AUTHORIZED, "phone": "+79001234567", "restricted_until": clock.now(), "last_error": "x"}
    assert accounts.set_status(TENANT, CHANNEL, ONE, mine.epoch, changes)
    assert accounts.set_status(TENANT, CHANNEL, ONE, mine.epoch, {"last_error": None})
    claimed(accounts, OTHER, "t2")
    assert not accounts.set_status(TENANT, CHANNEL, ONE, mine.epoch, {"state": AccountState.FAILED})
    now = accounts.get(TENANT, CHANNEL)
    assert now
    assert (now.state, now.phone, now.restricted_until, now.last_error) == (AccountState.AUTHORIZED, "+79001234567", clock.now(), None)


def test_a_released_account_is_looked_for_by_nobody(accounts: AccountStore) -> None:
    """Until somebody asks for it: then it can be claimed, under the next epoch."""
    mine = claimed(accounts)
    assert accounts.release(TENANT, CHANNEL, ONE, mine.epoch, {"state": AccountState.LOGGED_OUT})
    assert list(accounts.owned_by(ONE)) == list(accounts.owned_by(NOBODY)) == []
    assert not accounts.release(TENANT, CHANNEL, ONE, mine.epoch, {})
    assert claimed(accounts, OTHER, "t2").epoch == 2


def test_accounts_are_found_by_their_owner(accounts: AccountStore) -> None:
    """So a dead worker's accounts need no scan."""
    claimed(accounts)
    assert [owned.key for owned in accounts.owned_by(ONE)] == [(TENANT, CHANNEL)]
    assert list(accounts.owned_by(OTHER)) == []


def test_a_wish_for_an_account_without_owner_goes_to_nobody(accounts: AccountStore, clock: FakeClock) -> None:
    """Workers look for nobody's accounts, and can claim them."""
    mine = claimed(accounts)
    accounts.release(TENANT, CHANNEL, ONE, mine.epoch, {"state": AccountState.FAILED})
    wished = accounts.want(TENANT, CHANNEL, Wanted.LOG_OUT, clock.now())
    assert wished
    assert (wished.owner, wished.wanted, wished.wanted_since) == (NOBODY, Wanted.LOG_OUT, clock.now())
    assert [owned.key for owned in accounts.owned_by(NOBODY)] == [(TENANT, CHANNEL)]
    assert claimed(accounts, OTHER, "t2").wanted is Wanted.LOG_OUT


def test_a_wish_leaves_a_present_owner_in_place(accounts: AccountStore, clock: FakeClock) -> None:
    """It is its to fulfil."""
    mine = claimed(accounts)
    wished = accounts.want(TENANT, CHANNEL, Wanted.LOG_OUT, clock.now())
    assert wished
    assert (wished.owner, wished.epoch) == (ONE, mine.epoch)


def test_to_log_out_what_is_not_there_is_no_wish(accounts: AccountStore, clock: FakeClock) -> None:
    """No row comes of it."""
    assert accounts.want(TENANT, CHANNEL, Wanted.LOG_OUT, clock.now()) is None
    assert accounts.get(TENANT, CHANNEL) is None


def test_to_erase_what_is_not_there_leaves_a_row_that_can_be_claimed(accounts: AccountStore, table: Table, clock: FakeClock) -> None:
    """The row keeps the erasing from being forgotten, should the one who erases die."""
    table.transact([wanting_erasure(keys.account(TENANT, CHANNEL), clock.now())])
    assert [owned.key for owned in accounts.owned_by(NOBODY)] == [(TENANT, CHANNEL)]
    taken = claimed(accounts)
    assert (taken.wanted, taken.epoch) == (Wanted.ERASE, 1)


def test_erasing_is_the_last_word(accounts: AccountStore, clock: FakeClock) -> None:
    """A log-out that comes later does not take it back; an erasing that comes later replaces a log-out."""
    claimed(accounts)
    accounts.want(TENANT, CHANNEL, Wanted.LOG_OUT, clock.now())
    for wanted in (Wanted.ERASE, Wanted.LOG_OUT):
        wished = accounts.want(TENANT, CHANNEL, wanted, clock.now())
        assert wished
        assert wished.wanted is Wanted.ERASE


# fenced items


def test_what_an_owner_saves_the_next_one_loads(fenced: FencedStore) -> None:
    """Bytes stay bytes; the first load finds nothing."""
    assert fenced.load(SESSION, Epoch(1)) == {}
    fenced.save(SESSION, Epoch(1), {"sealed": b"\x00\xff", "numbers": {"pts": 5}})
    assert fenced.load(SESSION, Epoch(2)) == {"sealed": b"\x00\xff", "numbers": {"pts": 5}}


def test_after_a_load_no_earlier_owner_writes(fenced: FencedStore) -> None:
    """Its word is over, for saving as for emptying."""
    fenced.load(SESSION, Epoch(1))
    fenced.save(SESSION, Epoch(1), {"pts": 5})
    fenced.load(SESSION, Epoch(2))
    with pytest.raises(Superseded):
        fenced.save(SESSION, Epoch(1), {"pts": 9})
    with pytest.raises(Superseded):
        fenced.clear(SESSION, Epoch(1))
    assert fenced.load(SESSION, Epoch(3)) == {"pts": 5}


def test_a_load_that_comes_too_late_fails(fenced: FencedStore) -> None:
    """A later owner has been there: the account is not this one's any more."""
    fenced.load(SESSION, Epoch(2))
    with pytest.raises(Superseded):
        fenced.load(SESSION, Epoch(1))


def test_a_retried_load_is_a_load(fenced: FencedStore) -> None:
    """The first try's answer was lost."""
    fenced.load(SESSION, Epoch(1))
    fenced.save(SESSION, Epoch(1), {"pts": 5})
    assert fenced.load(SESSION, Epoch(1)) == {"pts": 5}


def test_nothing_is_saved_that_was_not_loaded(fenced: FencedStore) -> None:
    """The fence comes first."""
    with pytest.raises(Superseded):
        fenced.save(SESSION, Epoch(1), {"pts": 5})


def test_an_emptied_item_keeps_its_fence(fenced: FencedStore) -> None:
    """Nothing is left in it, and earlier owners still cannot write."""
    fenced.load(SESSION, Epoch(2))
    fenced.save(SESSION, Epoch(2), {"sealed": b"session"})
    fenced.clear(SESSION, Epoch(2))
    with pytest.raises(Superseded):
        fenced.load(SESSION, Epoch(1))
    assert fenced.load(SESSION, Epoch(3)) == {}


def test_of_a_load_and_a_save_at_once_the_save_is_before_or_not_at_all(fenced: FencedStore, table: Table) -> None:
    """What the new owner loaded is what lies there: nothing of the old one comes after."""
    for number in range(10):
        key = keys.peer(TENANT, CHANNEL, number)
        fenced.load(key, Epoch(1))

        def save(key: keys.Key = key) -> bool:
            try:
                fenced.save(key, Epoch(1), {"pts": 9})
            except Superseded:
                return False
            return True

        loaded, saved = at_once(partial(fenced.load, key, Epoch(2)), save)
        assert loaded == ({"pts": 9} if saved else {})
        row = table.get(key)
        assert row
        assert row["epoch"] == 2


class NamesWritten(Table):
    """A table that keeps the names of what is changed in its items."""

    def __init__(self, table: Table) -> None:
        super().__init__(table.client, table.name)
        self.names = set[str]()

    def update(
        self,
        key: Mapping[str, str],
        update: str,
        values: Mapping[str, Any],
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Item:
        """Change an item, and keep the names."""
        spelled = re.sub(r"#\w+", lambda name: (names or {})[name[0]], f"{update} {condition or ''}")
        words = re.findall(r"(?<![:\w])[a-z]\w*", re.sub(r"\b(if_not_exists|attribute_(not_)?exists)\b", "", spelled))
        self.names |= set(words)
        return super().update(key, update, values, condition, names)


def test_only_what_an_account_has_is_written_to_its_row() -> None:
    """A field that was done away with is not removed for ever after."""
    table = NamesWritten(fake_table())
    put_tenant(table, TENANT)
    accounts, now = AccountStore(table), FakeClock().now()
    claimed = accounts.claim(TENANT, CHANNEL, None, ONE, "a")
    assert claimed
    assert accounts.set_status(TENANT, CHANNEL, ONE, claimed.epoch, {"state": AccountState.AUTHORIZED, "phone": None})
    assert accounts.give(TENANT, CHANNEL, ONE, claimed.epoch)
    taken = accounts.claim(TENANT, CHANNEL, accounts.get(TENANT, CHANNEL), OTHER, "b")
    assert taken
    assert accounts.want(TENANT, CHANNEL, Wanted.LOG_OUT, now)
    assert accounts.release(TENANT, CHANNEL, OTHER, taken.epoch, {"wanted": None, "wanted_since": None}, Wanted.LOG_OUT)
    assert {"owner", "epoch", "claim", "state", "wanted"} <= table.names
    assert table.names <= {*Account.model_fields, "pk"}
