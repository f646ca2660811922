"""Phone numbers as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import AvioError, Code
from shared.phones import e164


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+79001234567", "+79001234567"),
        ("+7 (900) 123-45-67", "+79001234567"),
        (" +7.900.123.45.67 ", "+79001234567"),
        ("+٧٩٠٠١٢٣٤٥٦٧", "+79001234567"),
        ("＋79001234567", "+79001234567"),
        ("+1 650 253 0000 ext. 5", "+16502530000"),
        ("+44 (0) 20 7031 3000", "+442070313000"),
        ("+598 (0) 0 800 8000", "+5988008000"),
        ("+888 0123 4567", "+88801234567"),
        ("+99966 1 2345", "+9996612345"),
        ("tel:+79001234567", "+79001234567"),
        ("\u200b+7\u00a0900\u2060123-45-67\ufeff", "+79001234567"),
        ("+888\u200b01234567", "+88801234567"),
        ("tel:+7-900-123-45-67", "+79001234567"),
        ("+7\u00a0900\u202f123\u200b45\u206067", "+79001234567"),
        ("\u202a+7 [900] 123–45–67\u202c", "+79001234567"),
        ("\ufeff+79001234567", "+79001234567"),
        ("tel:+999 661\u200b-00[01]", "+9996610001"),
    ],
)
def test_international_numbers_are_brought_into_one_form(written: str, number: str) -> None:
    """Anonymous numbers and those of the test servers included, which no numbering plan knows."""
    assert e164(written) == number


@pytest.mark.parametrize(
    "written",
    [
        "",
        "+",
        "+0",
        "+7",
        "79001234567",
        "89001234567",
        "9001234567",
        "0079001234567",
        "8 900 123-45-67",
        "007 900 123 45 67",
        "8 (900) 123-45-67",
        "７９００１２３４５６７",
        "+0123456789",
        "+" + "9" * 16,
        "me",
        "@durov",
        "+7900\x00",
        "\ud800",
        "+" * 300,
    ],
)
def test_what_is_no_international_number_is_refused(written: str) -> None:
    """Without a + the country is a guess."""
    with pytest.raises(AvioError) as refused:
        e164(written)
    assert refused.value.code is Code.INVALID_PHONE
    assert "begin with +" in refused.value.detail


@given(st.text() | st.text(alphabet="+0123456789 ()-.").map("+{}".format))
def test_any_text_is_a_number_of_the_form_or_refused(written: str) -> None:
    """And what comes out comes out again the same."""
    try:
        number = e164(written)
    except AvioError:
        return
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    assert e164(number) == number
