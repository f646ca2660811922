"""Ownership: beats, deaths and claims, step by step with a clock that the test moves, on the real tables."""

from __future__ import annotations

import pytest

from listener.core.ownership.heartbeat import Lapsed
from listener.core.ownership.lease import LEASE_S, SILENCE_S
from shared.errors import AvioError, Code
from shared.model.ids import NOBODY, Channel, Epoch, TenantId, WorkerId
from shared.model.worker import WorkerState
from shared.store.table import ConditionFailed, StoreUnavailable
from tests.support.clock import FakeClock
from tests.support.listener_harness import ListenerHarness

TENANT = TenantId("11111111-1111-1111-1111-111111111111")


async def test_a_beat_extends_the_lease(harness: ListenerHarness) -> None:
    """Each acknowledged beat counts from its own sending."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    clock.advance(LEASE_S - 1)
    await worker.ownership.beats.once(clock.boottime())
    clock.advance(LEASE_S - 1)
    assert worker.lease.held()


async def test_a_beat_whose_answer_was_lost_is_made_good(harness: ListenerHarness) -> None:
    """The row is ahead of what the worker knows: it learns the number, and the next beat counts."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    harness.workers.beat(worker.id, 0, 0, frozenset())
    clock.advance(3)
    await worker.ownership.beats.once(clock.boottime())
    assert worker.lease.remaining_s() == LEASE_S - 3
    await worker.ownership.beats.once(clock.boottime())
    assert worker.lease.remaining_s() == LEASE_S


async def test_a_worker_that_was_declared_dead_lapses_at_its_next_beat(harness: ListenerHarness) -> None:
    """Death is one stored fact, and final."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    assert harness.workers.kill(worker.id, 0, clock.now())
    with pytest.raises(Lapsed):
        await worker.ownership.beats.once(clock.boottime())
    assert not worker.lease.held()


async def test_a_late_beat_of_a_dead_worker_changes_nothing(harness: ListenerHarness) -> None:
    """A write that arrives after its time-out finds the row dead."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    harness.workers.kill(worker.id, 0, clock.now())
    with pytest.raises(ConditionFailed):
        harness.workers.beat(worker.id, 0, 0, frozenset())
    row = harness.workers.get(worker.id)
    assert row is not None
    assert row.state is WorkerState.DEAD


async def test_a_silent_worker_is_declared_dead_only_after_its_lease_is_over(harness: ListenerHarness) -> None:
    """The watcher counts by its own clock from when it first saw the beat."""
    clock = FakeClock()
    silent, watcher = harness.registered_worker(clock), harness.registered_worker(clock)
    await watcher.ownership.look_around()
    clock.advance(SILENCE_S - 0.1)
    await watcher.ownership.look_around()
    assert not silent.lease.held()
    row = harness.workers.get(silent.id)
    assert row is not None
    assert row.state is WorkerState.LIVE
    clock.advance(0.2)
    await watcher.ownership.look_around()
    row = harness.workers.get(silent.id)
    assert row is not None
    assert row.state is WorkerState.DEAD


async def test_a_worker_that_beats_is_never_declared_dead(harness: ListenerHarness) -> None:
    """Any change of the number starts the watcher's count anew."""
    clock = FakeClock()
    alive, watcher = harness.registered_worker(clock), harness.registered_worker(clock)
    for _ in range(8):
        await watcher.ownership.look_around()
        await alive.ownership.beats.once(clock.boottime())
        clock.advance(SILENCE_S - 1)
        alive.lease.extend(clock.boottime())
    row = harness.workers.get(alive.id)
    assert row is not None
    assert row.state is WorkerState.LIVE


async def test_a_beat_between_look_and_kill_saves_the_worker(harness: ListenerHarness) -> None:
    """The kill is conditional on the number that was seen: the watcher loses that race."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    harness.workers.beat(worker.id, 0, 0, frozenset())
    assert not harness.workers.kill(worker.id, 0, clock.now())


async def claimed_by(harness: ListenerHarness, owner: WorkerId) -> None:
    seen = harness.accounts.get(TENANT, Channel.TELEGRAM)
    assert harness.accounts.claim(TENANT, Channel.TELEGRAM, seen, owner, "token")


async def test_an_account_of_a_live_worker_is_not_claimed(harness: ListenerHarness) -> None:
    """Whoever is asked for it says that it is not theirs."""
    clock = FakeClock()
    owner, other = harness.registered_worker(clock), harness.registered_worker(clock)
    await claimed_by(harness, owner.id)
    with pytest.raises(AvioError) as refused:
        await other.account(TENANT)
    assert refused.value.code is Code.NOT_MINE


@pytest.mark.parametrize("fate", ["ended", "dead", "absent", "nobody"])
async def test_an_account_whose_owner_is_over_is_claimed_under_the_next_epoch(harness: ListenerHarness, fate: str) -> None:
    """Ended, dead, unknown or nobody: these and no others."""
    clock = FakeClock()
    gone, worker = harness.registered_worker(clock), harness.registered_worker(clock)
    await claimed_by(harness, {"absent": WorkerId("never-was"), "nobody": NOBODY}.get(fate, gone.id))
    if fate == "ended":
        harness.workers.end(gone.id, clock.now())
    elif fate == "dead":
        harness.workers.kill(gone.id, 0, clock.now())
    account = await worker.account(TENANT)
    assert account.context.row.epoch == 2
    assert account.context.row.owner == worker.id
    account.context.guard.close()


async def test_a_claim_after_the_own_lease_is_over_takes_nothing(harness: ListenerHarness) -> None:
    """The row may say so, but the account is neither loaded nor connected."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)
    clock.advance(LEASE_S + 1)
    with pytest.raises(AvioError) as refused:
        await worker.account(TENANT)
    assert refused.value.code is Code.NOT_MINE
    assert worker.ownership.held == 0


async def test_two_claims_at_once_have_one_winner(harness: ListenerHarness) -> None:
    """Both saw the same row; the second one's condition fails and it reads a foreign token."""
    assert harness.accounts.claim(TENANT, Channel.TELEGRAM, None, WorkerId("a"), "token-a")
    lost = harness.accounts.claim(TENANT, Channel.TELEGRAM, None, WorkerId("b"), "token-b")
    assert lost is not None
    assert (lost.owner, lost.claim) == ("a", "token-a")


async def test_a_claim_that_is_retried_after_it_had_worked_is_a_success(harness: ListenerHarness) -> None:
    """The answer was lost, the SDK sends it again: the own token shows what happened."""
    first = harness.accounts.claim(TENANT, Channel.TELEGRAM, None, WorkerId("a"), "token")
    again = harness.accounts.claim(TENANT, Channel.TELEGRAM, None, WorkerId("a"), "token")
    assert first is not None
    assert again is not None
    assert (first.epoch, again.epoch) == (Epoch(1), Epoch(1))


async def test_a_worker_that_lost_its_table_lapses_by_itself(harness: ListenerHarness) -> None:
    """No beat gets through: nothing is thrown, the lease just ends."""
    clock = FakeClock()
    worker = harness.registered_worker(clock)

    class Away:
        def beat(self, *_: object) -> None:
            raise StoreUnavailable("away")

    object.__setattr__(worker.ownership.beats, "_store", Away())
    for _ in range(5):
        await worker.ownership.beats.once(clock.boottime())
        clock.advance(3)
    assert worker.lease.lapsed


async def test_rows_of_workers_that_left_nothing_are_forgotten_after_a_day(harness: ListenerHarness) -> None:
    """Until then their accounts are looked for, since the index lags."""
    clock = FakeClock()
    gone, watcher = harness.registered_worker(clock), harness.registered_worker(clock)
    harness.workers.end(gone.id, clock.now())
    clock.advance(23 * 3600)
    watcher.lease._end = clock.boottime() + LEASE_S
    await watcher.ownership.look_around()
    assert harness.workers.get(gone.id) is not None
    clock.advance(2 * 3600)
    await watcher.ownership.look_around()
    assert harness.workers.get(gone.id) is None


async def test_a_worker_hands_over_and_ends_its_row(harness: ListenerHarness) -> None:
    """Its last word, after every connection was closed."""
    worker = harness.worker()
    async with worker.running():
        pass
    row = harness.workers.get(worker.id)
    assert row is not None
    assert row.state is WorkerState.ENDED
    assert worker.lease.lapsed
