"""Who may use the page's routes."""

from __future__ import annotations

import pytest

from local.phone import request_guard

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost"])
def test_the_page_is_open_under_its_own_names(host: str) -> None:
    """With any port, since the person chooses it."""
    assert request_guard.page({"host": host}) is None


@pytest.mark.parametrize(
    "shown", [{}, {"x-phone-key": ""}, {"x-phone-key": "kez"}, {"x-phone-key": "ключ"}, {"authorization": "Bearer key"}]
)
def test_without_the_key_nothing_is_shown(shown: dict[str, str]) -> None:
    """Whoever can open the port is not yet the person at the keyboard."""
    refusal = request_guard.holder(shown, "key")
    assert refusal
    assert refusal.status == 401
    assert request_guard.holder({"x-phone-key": "key"}, "key") is None


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:8000", "evil.example:127.0.0.1", "", "192.168.0.1:8000", "[::1]:8000"]
)
def test_other_names_are_refused(host: str) -> None:
    """A rebound name arrives as the Host that it was asked under."""
    refusals = [judge({"host": host}) for judge in (request_guard.page, request_guard.reading, request_guard.writing)]
    assert [refusal and refusal.error for refusal in refusals] == ["foreign_host"] * 3


def test_a_missing_host_is_refused() -> None:
    """HTTP/1.0 may leave it out; nobody here does."""
    refusal = request_guard.page({})
    assert refusal
    assert refusal.status == 403


@pytest.mark.parametrize(
    "foreign",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8000"},
        {"origin": "http://127.0.0.1:9000"},
        {"origin": "http://localhost:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_foreign_pages_are_refused(foreign: dict[str, str]) -> None:
    """Another port is another origin, and so is the other name of this machine."""
    refusal = request_guard.writing({"host": "127.0.0.1:8000", **JSON, **foreign})
    assert refusal
    assert refusal.error == "foreign_origin"


@pytest.mark.parametrize("own", [{}, {"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8000"}])
def test_the_page_itself_and_command_lines_may_write(own: dict[str, str]) -> None:
    """curl sends neither header."""
    assert request_guard.writing({"host": "127.0.0.1:8000", **JSON, **own}) is None


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", ""]
)
def test_what_a_form_could_send_is_refused(kind: str) -> None:
    """Only JSON changes anything."""
    refusal = request_guard.writing({"host": "127.0.0.1:8000", "content-type": kind})
    assert refusal
    assert refusal.status == 415


def test_links_from_elsewhere_lead_to_the_page() -> None:
    """It shows nothing by itself."""
    assert request_guard.page({"host": "127.0.0.1:8000", "sec-fetch-site": "cross-site"}) is None
