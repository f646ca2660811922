"""What follows from an attempt's outcome."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.callback_delivery.retry import DELAYS_S, MAX_RETRY_AFTER_S, Again, Answered, Dead, Delivered, Exhausted, Failed, decide

ATTEMPTS = st.integers(min_value=1, max_value=20)
RETRIED = st.integers(min_value=100, max_value=999).filter(lambda status: not 200 <= status < 300 and status != 410)


@given(st.integers(min_value=200, max_value=299), ATTEMPTS)
def test_every_2xx_is_delivered_however_late(status: int, attempts: int) -> None:
    """Success is success, on the first attempt as on the last."""
    assert decide(Answered(status), attempts) == Delivered()


@given(RETRIED, st.integers(min_value=1, max_value=4))
def test_every_answer_but_2xx_and_410_is_tried_again_on_the_schedule(status: int, attempts: int) -> None:
    """1, 2, 4 and 8 seconds lie between the five quick attempts: redirects and refusals are often a deployment's, and pass."""
    assert decide(Answered(status), attempts) == Again(DELAYS_S[attempts - 1])


@given(RETRIED, st.integers(min_value=5, max_value=1000))
def test_after_five_attempts_the_quick_ones_are_used_up(status: int, attempts: int) -> None:
    """What follows is parking."""
    assert decide(Answered(status, 10), attempts) == Exhausted()


@given(ATTEMPTS)
def test_410_is_final_at_once(attempts: int) -> None:
    """The endpoint's owner says that it is gone."""
    assert decide(Answered(410), attempts) == Dead(gone=True)


@given(st.sampled_from([429, 503]), st.integers(min_value=1, max_value=4), st.floats(allow_nan=False, allow_infinity=True))
def test_retry_after_lengthens_the_wait_within_its_bound(status: int, attempts: int, asked: float) -> None:
    """A receiver may ask for more time, never for less than the schedule, never for more than the bound."""
    decision = decide(Answered(status, asked), attempts)
    assert isinstance(decision, Again)
    assert DELAYS_S[attempts - 1] <= decision.delay_s <= MAX_RETRY_AFTER_S
    if DELAYS_S[attempts - 1] <= asked <= MAX_RETRY_AFTER_S:
        assert 0 <= decision.delay_s - asked < 1


@given(st.sampled_from([500, 502, 408]), st.integers(min_value=1, max_value=4))
def test_retry_after_is_heard_only_where_it_means_something(status: int, attempts: int) -> None:
    """Only 429 and 503 name a time."""
    assert decide(Answered(status, 200), attempts) == Again(DELAYS_S[attempts - 1])


@pytest.mark.parametrize("attempts", [1, 4])
def test_faults_are_tried_again_unless_they_are_final(attempts: int) -> None:
    """A broken connection is worth another attempt, a forbidden address is not."""
    assert decide(Failed("timed out"), attempts) == Again(DELAYS_S[attempts - 1])
    assert decide(Failed("address not allowed", final=True), attempts) == Dead()
