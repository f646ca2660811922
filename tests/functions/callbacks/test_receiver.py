"""The development receiver: what is posted to it, and what it shows."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.callbacks import dev_receiver as receiver
from functions.http import json_body
from shared.store import keys
from tests.functions.api import Api

PATH = "/dev/callback-receiver"


@pytest_asyncio.fixture(autouse=True)
async def empty(api: Api) -> AsyncIterator[None]:
    """What the receiver got is one list for all: begin with none, a day later than the test before."""
    api.clock.advance(86400)
    yield


async def post(api: Api, body: bytes) -> tuple[int, Any]:
    """Post a body without any credentials."""
    answer = await api.call("POST", PATH, content=body, headers={"Content-Type": "application/json"})
    return answer.status_code, answer.json()


async def shown(api: Api) -> list[dict[str, Any]]:
    """Return what the receiver shows to anybody."""
    answer = await api.call("GET", PATH, headers={})
    assert answer.status_code == 200
    entries: list[dict[str, Any]] = answer.json()
    return entries


async def test_payloads_are_shown_newest_first(api: Api) -> None:
    """With the time at which each came."""
    for number in range(3):
        assert await post(api, json.dumps({"number": number}).encode()) == (200, {"ok": "stored"})
        api.clock.advance(1)
    assert [entry["payload"]["number"] for entry in await shown(api)] == [2, 1, 0]
    assert [set(entry) for entry in await shown(api)] == [{"received_at", "payload"}] * 3


async def test_payloads_are_gone_after_a_day(api: Api) -> None:
    """Whether or not the table has removed them yet."""
    await post(api, b"1")
    api.clock.advance(86399)
    assert len(await shown(api)) == 1
    api.clock.advance(1)
    assert await shown(api) == []


async def test_what_is_shown_is_bounded(api: Api) -> None:
    """The newest hundred."""
    for number in range(receiver.SHOWN + 1):
        api.received.keep(str(number).encode())
        api.clock.advance(1)
    entries = await shown(api)
    assert [entry["payload"] for entry in entries] == list(range(receiver.SHOWN, 0, -1))


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"nonsense", b"\xff\xfe", b"[1,]", b"NaN", b"[Infinity]", b"-Infinity", b"1e999", b"[" * 10000, b'{"a":1}{', b"1" * 5000],
)
async def test_what_is_no_json_is_refused(api: Api, body: bytes) -> None:
    """And leaves nothing behind that would break the list."""
    status, said = await post(api, body)
    assert (status, said["error"], await shown(api)) == (422, "invalid_request", [])


async def test_a_large_payload_is_refused(api: Api) -> None:
    """64 kB is far above any event."""
    largest = b'"' + b"x" * (receiver.MAX_BODY_BYTES - 2) + b'"'
    assert (await post(api, largest))[0] == 200
    status, said = await post(api, largest + b" ")
    assert (status, said["error"]) == (413, "request_too_large")


async def test_half_a_surrogate_pair_is_kept_and_shown(api: Api) -> None:
    """JSON can spell it, so a receiver meets it."""
    await post(api, b'"\\ud800"')
    assert [entry["payload"] for entry in await shown(api)] == ["\ud800"]


@pytest.mark.parametrize(
    ("depth", "status"), [(1, 200), (json_body.MAX_DEPTH + 1, 200), (json_body.MAX_DEPTH + 3, 422), (900, 422), (980, 422)]
)
@pytest.mark.parametrize(("begin", "end"), [(b"[", b"]"), (b'{"a":[', b"]}")])
async def test_deep_json_is_refused(api: Api, depth: int, status: int, begin: bytes, end: bytes) -> None:
    """How deep Python itself goes depends on where it stands, so what was taken might not be shown again."""
    depth = depth // len(begin.replace(b'"a":', b"")) or 1
    assert (await post(api, begin * depth + end * depth))[0] == status
    assert len(await shown(api)) == (status == 200)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(payload=JSON)
@settings(max_examples=50)
async def test_any_json_comes_back_as_it_was(api: Api, payload: Any) -> None:
    """Half surrogate pairs and huge numbers included."""
    api.clock.advance(1)
    assert (await post(api, json.dumps(payload).encode()))[0] == 200
    assert (await shown(api))[0]["payload"] == payload


async def test_a_payload_is_kept_until_its_day_is_over(api: Api) -> None:
    """The table removes it by itself."""
    await post(api, b"1")
    (row,) = api.received._store._table.query("pk = :pk", {":pk": keys.RECEIVER}, ScanIndexForward=False, Limit=1)
    assert row["expires_at"] == int(api.clock.now().timestamp()) + 86400
