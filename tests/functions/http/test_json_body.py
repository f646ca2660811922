"""Which bodies are taken, and in which words the others are refused."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from functions.http.json_body import MAX_DEPTH
from tests.functions.api import ADMIN, Api

JSON = "application/json"
SHOP = b'{"name": "Shop"}'


async def create(api: Api, content: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """Create a tenant from these bytes."""
    answer = await api.call("POST", "/tenants", headers={**ADMIN, **headers}, content=content)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "kind", [JSON, "Application/JSON", f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"', "application/vnd.shop+json"]
)
async def test_json_in_utf_8_is_taken(api: Api, kind: str) -> None:
    """However its type is spelled."""
    assert (await create(api, SHOP, **{"Content-Type": kind}))[0] == 201


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xef\xbb\xbf" + SHOP, "Shop"),
        (b'{"name": "first", "name": "second"}', "second"),
        ('{"name": "Магазин \U0001f600"}'.encode(), "Магазин \U0001f600"),
        (b'{"name": "\\ud83d\\ude00"}', "\U0001f600"),
    ],
    ids=["byte order mark", "given twice", "not ASCII", "escaped pair"],
)
async def test_odd_json_is_json(api: Api, content: bytes, name: str) -> None:
    """A byte order mark is passed over, and the last of two values counts."""
    status, created = await create(api, content, **{"Content-Type": JSON})
    assert (status, created["name"]) == (201, name)


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ({}, SHOP),
        ({"Content-Type": ""}, SHOP),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"name=Shop"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
        ({"Content-Type": "text/json"}, SHOP),
        ({"Content-Type": "no type at all"}, SHOP),
        ({"Content-Type": f"{JSON}; charset=utf-16"}, SHOP),
        ({"Content-Type": JSON, "Content-Encoding": "gzip"}, gzip.compress(SHOP, mtime=0)),
    ],
)
async def test_what_does_not_say_that_it_is_json_is_415(api: Api, headers: dict[str, str], content: bytes) -> None:
    """With a sentence that says what to send."""
    status, told = await create(api, content, **headers)
    assert (status, told["error"]) == (415, "unsupported_media_type")
    assert "Content-Type: application/json" in told["detail"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{\n  "name": "Shop",\n}', "line "),
        (b'{"name": "Sh', "(line 1, column 10)"),
        (b"nonsense", "(line 1, column 1)"),
        (b'{"name": "Shop"} {}', "(line 1, column 18)"),
        (b'{"name": NaN}', "NaN"),
        (b'{"name": -Infinity}', "-Infinity"),
        (b'{"name": 1e999}', "too large"),
        (b'{"name": ' + b"9" * 5000 + b"}", "digits"),
        (json.dumps({"name": "Shop"}).encode("utf-16"), "UTF-8"),
        (b'{"name": "\xff\xfe"}', "UTF-8"),
        (b'{"name": ' + b"[" * 3000 + b"]" * 3000 + b"}", "nested"),
        (b"[" * 100_000, "nested"),
        (b'{"name": ' + b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH + b"}", "nested"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b"[]", "JSON object"),
        (b"null", "JSON object"),
        (b"", "missing"),
    ],
    ids=range(17),
)
async def test_what_is_no_json_is_told_in_words(api: Api, content: bytes, words: str) -> None:
    """Where it goes wrong, by line and column, and no field is named that is none."""
    status, told = await create(api, content, **{"Content-Type": JSON})
    assert (status, told["error"]) == (422, "invalid_request")
    assert words in told["detail"]
    assert {one["field"] for one in told["fields"]} <= {"body", "body.name"}
