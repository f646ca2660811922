"""The page of error codes says what the code says."""

from __future__ import annotations

from local import errors_page


def test_the_page_of_errors_is_the_one_that_is_written() -> None:
    """After a change of codes, details or Telegram's names: `make openapi`."""
    assert errors_page.PAGE.read_text(encoding="utf-8") == errors_page.text()
