"""The rows of a worker with many accounts, measured small: each is one number of the real processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import changeover, idle, inbound, restart
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.stored_accounts import log_in, phones
from local.start_progress import silent


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[BenchmarkEnvironment]:
    """A test server and nothing else yet."""
    with BenchmarkEnvironment(tmp_path, silent) as started:
        yield started


def no_key_was_used_twice(environment: BenchmarkEnvironment) -> bool:
    return int(environment.people.counters()["auth_key_duplicated"]) == 0


def test_idle_accounts_are_connected_on_both_sides_and_counted(environment: BenchmarkEnvironment) -> None:
    """Both grow with each account; keys go from one side to the other, never to both at once."""
    accounts = log_in(environment, phones(901, 30))
    assert idle.raw_growth(environment, accounts, (5, 30)) > 0
    growth, requests = idle.own_growth(environment, accounts, (5, 30), stretch_s=1)
    assert growth > 0
    assert requests >= 0
    assert 0 < idle.many_row(environment, accounts[:5]).value < 1024
    assert no_key_was_used_twice(environment)


def test_a_restart_is_timed_and_its_calls_are_named(environment: BenchmarkEnvironment) -> None:
    """The calls beyond the allowed ones are the value of their row."""
    timed, calls = restart.restart_rows(environment, log_in(environment, phones(902, 10)))
    assert timed.value > 0
    assert timed.ratio is not None
    assert "1.0 Decrypt" in str(calls.against)
    assert no_key_was_used_twice(environment)


def test_only_what_a_takeover_may_not_cost_is_too_much() -> None:
    """One claim, two loads and one unwrap for each account are free."""
    allowed = Counter({"UpdateItem ACCOUNT": 2, "UpdateItem SESSION": 2, "UpdateItem MARKS": 2, "Decrypt": 2})
    assert restart.beyond_allowed(allowed, 2) == {}
    assert restart.beyond_allowed(allowed + Counter({"Decrypt": 1, "GetItem ACCOUNT": 1}), 2) == {"Decrypt": 1, "GetItem ACCOUNT": 1}


def test_a_workers_own_calls_are_not_an_accounts() -> None:
    """Beats and looks around go on whatever is held."""
    assert idle.of_accounts(Counter({"UpdateItem WORKERS": 9, "Query by_owner": 3, "PutItem MARKS": 1})) == {"PutItem MARKS": 1}


def test_messages_reach_both_sides_all_of_them(environment: BenchmarkEnvironment) -> None:
    """What was held is let go and counted on either side, whichever is first."""
    with inbound.InboundEnvironment(environment, accounts=2, senders=2) as stage:
        for own_first in (True, False):
            raw, own = stage.round(40, own_first=own_first)
            assert raw > 0
            assert own > 0
        events, calls = stage.steady(per_s=20, for_s=1)
        assert 0 < calls["SendMessageBatch"] <= events


def test_accounts_are_handed_over_and_taken_over(environment: BenchmarkEnvironment) -> None:
    """Each of them is connected anew, and a message to it arrives; a killed worker's silence comes before that."""
    stage = changeover.ChangeoverWorkers(environment, log_in(environment, phones(903, 2)), friend="+99990499999")
    try:
        assert stage.handed_over_s() > 0
        assert stage.taken_over_s() > 0
    finally:
        stage.close()
    assert no_key_was_used_twice(environment)
