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
