"""WhatsApp recipients in all spellings (contract P7)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import AvioError
from shared.whatsapp_numbers import recipient_of


@pytest.mark.parametrize(
    ("to", "number"),
    [
        ("+79991234567", "79991234567"),
        ("79991234567", "79991234567"),
        ("79991234567@c.us", "79991234567"),
        ("79991234567:12@s.whatsapp.net", "79991234567"),
        ("8 (999) 123-45-67", "79991234567"),
        ("tel:+7\u00a0999\u200b1234567", "79991234567"),
        ("89991234567@c.us", "89991234567"),
        ("+84912345678", "84912345678"),
        ("84912345678", "74912345678"),
        ("85291234567", "85291234567"),
        ("+55 11 8765-4321", "551187654321"),
        ("+52 1 55 1234 5678", "5215512345678"),
        ("9991234567", "9991234567"),
    ],
)
def test_a_number_is_brought_into_one_form(to: str, number: str) -> None:
    """Only what is a number of Russia or Kazakhstan after an 8 is rewritten, though it may be one of Vietnam's without its +."""
    assert recipient_of(to) == f"{number}@c.us"
    assert recipient_of(recipient_of(to)) == f"{number}@c.us"


@pytest.mark.parametrize(
    "to", ["", "me", "+7 999", "1" * 16, "٧٩٩٩١٢٣٤٥٦٧", "７９９９１２３４５６７", "+7999123456x", "12@c.us", "@c.us", "x@c.us"]
)
def test_what_is_no_number_is_refused(to: str) -> None:
    """Letters, other digits, too few and too many."""
    with pytest.raises(AvioError) as refused:
        recipient_of(to)
    assert refused.value.code == "invalid_phone"


@pytest.mark.parametrize("to", ["123456-789@g.us", "status@broadcast", "1@newsletter", "987654321@lid", "79991234567@example.org"])
def test_who_is_no_phone_is_refused_by_a_code_of_its_own(to: str) -> None:
    """Groups, broadcasts, newsletters and hidden ids."""
    with pytest.raises(AvioError) as refused:
        recipient_of(to)
    assert refused.value.code == "recipient_unsupported"


@given(st.text(alphabet="+0123456789 ()-.@c.us:8", max_size=24))
def test_a_second_time_changes_nothing(to: str) -> None:
    """Whatever is taken at all."""
    with contextlib.suppress(AvioError):
        once = recipient_of(to)
        assert recipient_of(once) == once
