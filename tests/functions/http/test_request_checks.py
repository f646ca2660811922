"""Nothing that a caller relies on is taken and passed over (contract G7 until it works)."""

from __future__ import annotations

from typing import Any

import pytest

from functions.http import idempotency
from functions.http.request_checks import UNSUPPORTED
from tests.functions.api import ADMIN, Api
from tests.functions.documented_routes import DOCUMENT, ROUTES, WITH_BODY, assert_refused, body_of, filled

POSTS = [(method, path) for method, path in ROUTES if method == "POST" and not path.startswith("/dev/")]
HEEDING = [
    (method, path)
    for method, path in POSTS
    if any(one["name"].lower() == idempotency.HEADER.lower() for one in DOCUMENT["paths"][path][method.lower()].get("parameters", []))
]
"""Routes that take an idempotency key."""
READS = [(method, path) for method, path in ROUTES if method == "GET"]


@pytest.mark.parametrize(("method", "path"), [route for route in POSTS if route not in HEEDING])
@pytest.mark.parametrize("value", ["1", "x" * 256, "ключ".encode(), ""], ids=["short", "256", "not ASCII", "empty"])
async def test_an_idempotency_key_is_refused_in_words(api: Api, method: str, path: str, value: Any) -> None:
    """Whatever it is, on every route that does something and does not heed it: who sends one counts on it."""
    tenant = await api.new_tenant()
    answer = await api.call(
        method, filled(path, tenant["id"]), headers={**ADMIN, "Idempotency-Key": value}, json=body_of(path, tenant["number"])
    )
    assert_refused(answer, 400)
    assert (answer.json()["error"], "Idempotency-Key" in answer.json()["detail"]) == ("not_supported", True)


@pytest.mark.parametrize("name", [idempotency.HEADER, *UNSUPPORTED])
async def test_headers_that_change_what_a_write_means_are_refused(api: Api, name: str) -> None:
    """And nothing is written."""
    tenant = await api.new_tenant()
    answer = await api.call("PATCH", f"/tenants/{tenant['id']}", headers={**ADMIN, name: '"x"'}, json={"name": "Changed"})
    assert (answer.status_code, answer.json()["error"]) == (400, "not_supported")
    assert (await api.call("GET", f"/tenants/{tenant['id']}")).json()["name"] == "Shop"


async def test_an_answer_that_would_come_later_is_not_promised(api: Api) -> None:
    """`Prefer: respond-async` is refused; other preferences may be passed over, as HTTP has it."""
    tenant = await api.new_tenant()
    for value, status in (("respond-async", 400), ("wait=10, Respond-Async", 400), ("return=minimal", 200)):
        answer = await api.call("PATCH", f"/tenants/{tenant['id']}", headers={**ADMIN, "Prefer": value}, json={"name": "Store"})
        assert answer.status_code == status


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if not route[1].startswith("/dev/")])
async def test_unknown_query_parameters_are_refused_by_name(api: Api, method: str, path: str) -> None:
    """On every route: `page` where there is none would give the first page for ever."""
    tenant = await api.new_tenant()
    address = filled(path, tenant["id"])
    address += "&page=2" if "?" in address else "?page=2"
    answer = await api.call(method, address, json=body_of(path, tenant["number"]) if (method, path) in WITH_BODY else None)
    assert_refused(answer, 422)
    assert answer.json()["fields"][0]["field"] == "query.page"
    assert "query.page" in answer.json()["detail"]


async def test_a_query_parameter_is_given_once(api: Api) -> None:
    """Of two values one would be passed over."""
    answer = await api.call("GET", "/tenants?limit=1&limit=2")
    assert_refused(answer, 422)
    assert "once" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("content", "status"), [(b'{"all": true}', 422), (b"[1]", 422), (b"{", 422), (b"{}", 200), (b"", 200), (b"null", 200)]
)
async def test_a_body_is_refused_where_none_is_read(api: Api, content: bytes, status: int) -> None:
    """An empty object says nothing that could be passed over."""
    tenant = await api.new_tenant()
    headers = {**ADMIN, "Content-Type": "application/json"}
    assert (await api.call("POST", f"/tenants/{tenant['id']}/logout", headers=headers, content=content)).status_code == status


@pytest.mark.parametrize(("method", "path"), READS)
async def test_head_answers_as_get_does_without_a_body(api: Api, method: str, path: str) -> None:
    """Its headers too, but for the request's id."""
    tenant = await api.new_tenant()
    get, head = [await api.call(asked, filled(path, tenant["id"])) for asked in (method, "HEAD")]
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert {**head.headers, "x-request-id": ""} == {**get.headers, "x-request-id": ""}
