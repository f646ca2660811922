"""Who gets which account, as arithmetic; and workers that join and leave, with the real ownership on loops and clocks of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listener.core.ownership.placement import dealt, share
from listener.core.ownership.rebalance import GIVEN_AT_ONCE, LOOKS, Rebalance
from shared.model.ids import NOBODY, Channel, TenantId, WorkerId
from shared.store import keys
from tests.support.fake_stores import OwnershipStores
from tests.support.fleet import Fleet
from tests.support.simulated_listener import ListenerProcess

ME, OTHER = WorkerId("me"), WorkerId("other")
loads = st.dictionaries(st.sampled_from([WorkerId(name) for name in "abcdef"]), st.integers(0, 50), min_size=1)


@given(loads, st.integers(0, 100))
def test_all_that_has_no_owner_is_dealt_out_once_and_nobody_gets_beyond_the_share(held: dict[WorkerId, int], left: int) -> None:
    """Whatever the workers hold."""
    out = dealt(range(left), held)
    assert sorted(one for part in out.values() for one in part) == list(range(left))
    assert all(held[worker] + len(part) <= share(held, left) for worker, part in out.items() if part)


def test_a_surplus_counts_only_after_several_looks_with_the_same_takers() -> None:
    """A worker that has just joined, perhaps for the one that is about to leave, gets nothing yet."""
    surplus = Rebalance(ME)
    looks = [surplus.to_give({ME: 10, OTHER: 0}, 0) for _ in range(LOOKS)]
    assert looks == [0] * (LOOKS - 1) + [5]
    assert [surplus.to_give({ME: 10, WorkerId("third"): 0}, 0) for _ in range(LOOKS - 1)] == [0] * (LOOKS - 1)


def test_what_is_owed_is_given_a_few_at_a_time_and_no_more_than_that() -> None:
    """The other's count lags behind what it takes; nothing is computed from it meanwhile."""
    surplus, held, given_away = Rebalance(ME), 100, 0
    for _ in range(LOOKS + 2):
        count = surplus.to_give({ME: held, OTHER: 0}, 0)
        assert count <= GIVEN_AT_ONCE
        held, given_away = held - count, given_away + count
    assert given_away == 50


def test_nothing_is_given_while_something_waits_for_an_owner() -> None:
    """Whoever is to take it has enough to do."""
    surplus = Rebalance(ME)
    assert [surplus.to_give({ME: 10, OTHER: 0}, 1) for _ in range(2 * LOOKS)] == [0] * 2 * LOOKS


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    """Thirty accounts that nobody holds yet."""
    fleet = Fleet(OwnershipStores())
    for number in range(30):
        fleet.stores.table.put({**keys.account(TenantId(f"t{number:02}"), Channel.TELEGRAM), "owner": NOBODY, "epoch": 0})
    yield fleet
    fleet.close()


def claims_of(fleet: Fleet) -> list[tuple[str, str]]:
    """Every claim that there ever was: account and worker."""
    return [(holding.tenant_id, holding._me) for process in fleet.processes for _, holding in process.contexts]


def spread(fleet: Fleet) -> list[int]:
    """How many accounts each process holds that runs, and that all are held once."""
    holders = fleet.holders()
    assert set(holders.values()) == {1}
    assert len(holders) == 30
    return [len(process.could_send()) for process in fleet.processes if not process.stopping and not process.crashed]


def test_workers_that_join_and_leave_share_evenly_and_nobody_takes_back_what_it_gave(fleet: Fleet) -> None:
    """One, then three, then one drained, then one stopped: after each change it is even, and no more accounts moved than had to."""
    first = fleet.start()
    fleet.advance(10)
    assert spread(fleet) == [30]
    second, third = fleet.start(1.001), fleet.start(0.999)
    fleet.advance(60)
    assert spread(fleet) == [10, 10, 10]
    assert len(claims_of(fleet)) == 30 + 20
    fleet.stores.workers.drain(second.worker.me.id)
    fleet.advance(40)
    assert spread(fleet) == [15, 15]
    assert second.main.done()
    assert len(claims_of(fleet)) == 30 + 20 + 10
    third.stop()
    fleet.advance(20)
    assert spread(fleet) == [30]
    before = len(claims_of(fleet))
    fleet.advance(120)
    assert len(claims_of(fleet)) == before
    del first


def test_nothing_moves_between_workers_that_have_their_share(fleet: Fleet) -> None:
    """Ten minutes of looking at each other's counts."""
    for _ in range(3):
        fleet.start()
    fleet.advance(60)
    assert max(spread(fleet)) <= 10
    claims = Counter(claims_of(fleet))
    fleet.advance(600)
    assert Counter(claims_of(fleet)) == claims


def gap_of(fleet: Fleet, giver: ListenerProcess) -> float:
    """Have the giver's peers take over one account; return the seconds for which nobody held one of them, at most."""
    longest, since = 0.0, dict[TenantId, float]()
    tenants = {holding.tenant_id for holding in giver.could_send()}
    for _ in range(400):
        fleet.advance(0.1)
        held = fleet.holders()
        for tenant in tenants:
            if held[tenant]:
                since.pop(tenant, None)
            else:
                longest = max(longest, fleet.true_time.now - since.setdefault(tenant, fleet.true_time.now))
    return longest


def test_an_idle_account_is_without_a_holder_for_a_beat_at_most(fleet: Fleet) -> None:
    """Its new owner is told with its next beat, which comes within 3 s, and needs no index for it."""
    giver = fleet.start()
    fleet.advance(10)
    fleet.start()
    fleet.stores.fake_table.lagging = True
    fleet.stores.workers.drain(giver.worker.me.id)
    assert gap_of(fleet, giver) <= 3.5
    assert giver.main.done()


def test_what_a_worker_does_not_take_though_it_lives_is_taken_by_another(fleet: Fleet) -> None:
    """Its beats go through and nothing else: its share lies there for half a minute, and it is given nothing afterwards."""
    deaf = fleet.start()
    deaf.rows.cut = True
    fleet.advance(1)
    other = fleet.start()
    fleet.advance(45)
    assert len(other.could_send()) == 30
    fleet.advance(60)
    assert len(other.could_send()) == 30
