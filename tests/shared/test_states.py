"""The machine of an account's states: its table is complete, and nothing leaves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.account import AccountState
from shared.model.states import NEXT_STEPS, REASONS, NotAMove, Reason, may_become, move, reason_of

ENDS = {AccountState.LOGGED_OUT, AccountState.KEY_DUPLICATED, AccountState.BANNED, AccountState.FAILED}
states, reasons = st.sampled_from(AccountState), st.sampled_from(Reason)


def test_every_state_has_a_reason_and_every_reason_one_state() -> None:
    """So that a reason alone says where an account is."""
    assert set(REASONS) == set(AccountState)
    named = [reason for found in REASONS.values() for reason in found]
    assert sorted(named) == sorted(Reason)


def test_every_reason_says_what_to_do_next() -> None:
    """One sentence or two, for people."""
    assert set(NEXT_STEPS) == set(Reason)
    assert all(10 < len(step) <= 140 and step.endswith((".", "auth/start.")) for step in NEXT_STEPS.values())


@given(states, states, reasons)
def test_a_move_is_in_the_table_or_refused(now: AccountState, then: AccountState, reason: Reason) -> None:
    """And the row's fields say both."""
    if may_become(now, then) and reason in REASONS[then]:
        assert move(now, then, reason) == {"state": then, "reason": reason}
    else:
        with pytest.raises(NotAMove):
            move(now, then, reason)


@given(st.lists(states))
def test_a_log_in_is_the_only_way_back_from_an_end(path: list[AccountState]) -> None:
    """However states are tried one after another: none that is over is restricted, frozen or logging out next."""
    now = AccountState.NEW
    for then in path:
        if may_become(now, then):
            if now in ENDS and then not in ENDS:
                assert then not in {AccountState.RESTRICTED, AccountState.FROZEN, AccountState.LOGGING_OUT}
            now = then


@given(states)
def test_any_account_can_be_logged_out(now: AccountState) -> None:
    """Whatever became of it, but by a later version."""
    assert may_become(now, AccountState.LOGGED_OUT) is (now is not AccountState.UNKNOWN)


@given(states, st.one_of(st.none(), st.sampled_from([*Reason, "of another version"])))
def test_a_state_always_has_a_reason_of_its_own(state: AccountState, named: str | None) -> None:
    """What the row names where that fits, else what the state stands for."""
    reason = reason_of(state, named)
    assert reason in REASONS[state]
    assert reason == named or named not in REASONS[state]
