"""The rate limit's item: never more than the limit in any window, whoever counts and in whatever order (M3)."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.emulator_account import EmulatorAccount
from shared.model.ids import TenantId
from shared.model.rate_limit import RateLimit
from shared.store import keys
from shared.store.rate_limits import LimitReached, taking, usage
from shared.store.table import ConditionFailed, Table
from shared.store.tenants import new_tenant_id
from tests.support.fake_stores import fake_table


def take(table: Table, tenant_id: TenantId, policy: RateLimit, now_s: float, row: Any = None) -> bool:
    """Take a request as a route does: what a lost race shows is what the next try goes by."""
    row, key = row or {}, keys.rate_limit(tenant_id)
    while True:
        try:
            update = taking(policy, key, row, now_s, random.choice)
            table.update(update.key, update.update, update.values, update.condition, update.names)
        except LimitReached:
            return False
        except ConditionFailed as lost:
            row = lost.item or {}
        else:
            return True


@pytest.fixture(params=["fake", "emulator"])
def either(request: pytest.FixtureRequest) -> Table:
    """A table of the fake and of the emulator."""
    if request.param == "fake":
        return fake_table()
    account: EmulatorAccount = request.getfixturevalue("account")
    return Table(account.client("dynamodb"), account.table_name)


@pytest.mark.parametrize("policy", [RateLimit(), RateLimit(limit=1, window_s=1), RateLimit(limit=100), RateLimit(limit=150)])
def test_of_many_at_once_exactly_the_limit_pass(either: Table, policy: RateLimit) -> None:
    """From threads that all begin with an empty item, so that they collide; a window later as many again."""
    tenant_id = new_tenant_id()
    for now_s in (1000.0, 1000.0 + policy.window_s):
        with ThreadPoolExecutor(8) as threads:
            passed = list(threads.map(lambda _, now_s=now_s: take(either, tenant_id, policy, now_s), range(policy.limit + 12)))
        assert sum(passed) == policy.limit


@given(st.integers(1, 12), st.integers(1, 20), st.lists(st.tuples(st.floats(0, 8), st.integers(0, 3)), max_size=60))
def test_in_no_window_are_there_more_than_the_limit(limit: int, window_s: int, steps: list[tuple[float, int]]) -> None:
    """However requests come, however old the item is that a caller has seen; and the wait that is told is the true one."""
    table, tenant_id, policy = fake_table(), new_tenant_id(), RateLimit(limit=limit, window_s=window_s)
    now_s, passed, seen = 1000.0, list[float](), list[Any]([{}])
    for pause_s, age in steps:
        now_s += round(pause_s, 3)
        if take(table, tenant_id, policy, now_s, seen[-1 - min(age, len(seen) - 1)]):
            passed.append(now_s)
        row = table.get(keys.rate_limit(tenant_id)) or {}
        seen.append(row)
        found = usage(policy, row, now_s)
        recent = sum(at > now_s - window_s for at in passed)
        assert found.remaining == limit - recent
        if not found.remaining:
            assert found.more_in_s is not None
            assert usage(policy, row, now_s + found.more_in_s).remaining > 0
            assert usage(policy, row, now_s + found.more_in_s - 0.001).remaining == 0
    for begin in passed:
        assert sum(begin <= at < begin + window_s for at in passed) <= limit


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 8)), max_size=60))
def test_a_changed_limit_holds_from_its_first_request(steps: list[tuple[float, int]]) -> None:
    """A lower one too: what was taken under the higher one counts until its window has passed."""
    table, tenant_id, now_s, passed = fake_table(), new_tenant_id(), 1000.0, list[float]()
    for pause_s, limit in steps:
        now_s += round(pause_s, 3)
        row = table.get(keys.rate_limit(tenant_id))
        if take(table, tenant_id, RateLimit(limit=limit, window_s=20), now_s, row):
            passed.append(now_s)
            assert sum(at > now_s - 20 for at in passed) <= limit


@given(st.floats(0, 30), st.lists(st.tuples(st.floats(0, 8), st.booleans()), max_size=60))
def test_clocks_apart_shorten_the_window_by_as_much_and_no_more(apart_s: float, steps: list[tuple[float, bool]]) -> None:
    """Two functions whose clocks differ count together."""
    apart_s = round(apart_s, 3)
    table, tenant_id, policy = fake_table(), new_tenant_id(), RateLimit(limit=3, window_s=20)
    now_s, passed = 1000.0, list[float]()
    for pause_s, ahead in steps:
        now_s += round(pause_s, 3)
        if take(table, tenant_id, policy, now_s + apart_s * ahead):
            passed.append(now_s)
    for begin in passed:
        assert sum(begin <= at < begin + 20 - apart_s for at in passed) <= 3


def test_a_bucket_lets_at_most_twice_the_limit_through() -> None:
    """What the documents say of limits above a hundred."""
    table, tenant_id, policy = fake_table(), new_tenant_id(), RateLimit(limit=200, window_s=10)
    passed = [at for at in (1000.0 + step / 100 for step in range(1500)) if take(table, tenant_id, policy, at)]
    assert max(sum(begin <= at < begin + 10 for at in passed) for begin in passed) <= 400
