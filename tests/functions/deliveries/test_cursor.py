"""Cursors: valid ones give back their position, all others are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.deliveries.cursor import cursor_of, position_of
from shared.model.ids import EventId
from shared.store.keys import listed_at


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)))  # noqa: DTZ001  without, it wants
def test_a_cursor_says_the_place_that_it_was_made_of(at: datetime) -> None:
    """Whatever the time."""
    place = listed_at(at, EventId("evt_" + "0af" * 10))
    assert position_of(cursor_of(place)) == place


@given(st.text())
def test_any_text_is_a_place_or_refused(text: str) -> None:
    """It is never a crash, and never a position of another form."""
    try:
        place = position_of(text)
    except ValueError:
        return
    assert cursor_of(place) == text


@pytest.mark.parametrize("place", ["", "#", "2026-01-01", "T#other", "2026-01-01T00:00:00.000000#", "2026-01-01T00:00:00.000000#a b"])
def test_places_that_the_index_does_not_have_are_refused(place: str) -> None:
    """Made-up positions."""
    with pytest.raises(ValueError, match="cursor"):
        position_of(cursor_of(place))
