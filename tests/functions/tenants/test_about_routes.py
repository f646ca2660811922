"""What the API says of itself."""

from __future__ import annotations

import re

import pytest

from tests.functions.api import Api


async def test_the_docs_page_loads_nothing_from_elsewhere(api: Api) -> None:
    """People type tokens into it, so every script and style is our own."""
    page = (await api.call("GET", "/docs")).text
    assert re.findall(r'(?:src|href)="(https?:)?//', page) == []
    assert "/docs/swagger-ui-bundle.js" in page


@pytest.mark.parametrize(("asset", "kind"), [("swagger-ui-bundle.js", "text/javascript"), ("swagger-ui.css", "text/css")])
async def test_the_docs_pages_own_files_are_served(api: Api, asset: str, kind: str) -> None:
    """From the package that ships them."""
    answer = await api.call("GET", f"/docs/{asset}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert len(answer.content) > 10_000


@pytest.mark.parametrize("asset", ["../handler.py", "favicon.ico", "%2e%2e%2fmain.py"])
async def test_no_other_file_is_served(api: Api, asset: str) -> None:
    """Names are looked up in a list, not on the disk."""
    assert (await api.call("GET", f"/docs/{asset}")).status_code == 404


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("", "application/json"),
    ],
)
async def test_the_root_is_a_page_for_browsers_and_json_for_others(api: Api, accept: str, kind: str) -> None:
    """Each with the links."""
    answer = await api.call("GET", "/", headers={"Accept": accept})
    assert (answer.status_code, answer.headers["vary"]) == (200, "Accept, Origin")
    assert answer.headers["content-type"].startswith(kind)
    assert "/openapi.json" in answer.text


async def test_both_pages_say_their_language_and_follow_the_dark(api: Api) -> None:
    """And what was typed into the reference is there after a reload."""
    home, docs = [(await api.call("GET", path, headers={"Accept": "text/html"})).text for path in ("/", "/docs")]
    for page in (home, docs):
        assert '<html lang="en">' in page
        assert 'name="color-scheme" content="light dark"' in page
    assert "persistAuthorization: true" in docs
    assert ".dark-mode" in (await api.call("GET", "/docs/swagger-ui.css")).text
