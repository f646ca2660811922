"""Every route of the document with wrong input: the right code, the one body, and never 500."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local import openapi
from shared.store.tenants import new_tenant_id
from tests.functions.api import ADMIN, PUBLIC_KEY, Api
from tests.functions.documented_routes import (
    BODIES,
    DOCUMENT,
    MODELLED,
    ROUTES,
    WITH_TENANT,
    WRONG_VALUES,
    assert_refused,
    body_of,
    filled,
)

DEEP = b"[" * 100_000
WRONG_BODIES = {
    "nothing": b"",
    "no json": b"nonsense",
    "cut off": b'{"name": "Sh',
    "invalid utf-8": b'{"name": "\xff\xfe"}',
    "utf-16": '{"name": 1}'.encode("utf-16"),
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "a text": b'"x"',
    "nan": b"NaN",
    "deep": DEEP,
    "deep objects": b'{"a":' * 100_000,
    "a huge number": b'{"name": ' + b"9" * 5000 + b"}",
    "half a surrogate pair as a key": b'{"\\ud800": 1}',
    "unknown fields": b'{"unknown": 1}',
}


@pytest.fixture(scope="module")
def known(api: Api) -> dict[str, Any]:
    """A tenant for the routes that want one; wrong requests do not change it."""
    tenant, key = api.tenants.create("Shop", None, api.clock.now(), None, new_tenant_id())
    return {"id": tenant.id, "number": tenant.number, "key": key.get_secret_value()}


@pytest.mark.parametrize(("method", "path"), MODELLED)
@pytest.mark.parametrize("wrong", WRONG_BODIES)
async def test_a_wrong_body_is_422(api: Api, known: dict[str, Any], method: str, path: str, wrong: str) -> None:
    """Whatever is wrong with it."""
    headers = {**ADMIN, "Content-Type": "application/json"}
    answer = await api.call(method, filled(path, known["id"]), headers=headers, content=WRONG_BODIES[wrong])
    assert_refused(answer, 422)


@pytest.mark.parametrize(("method", "path"), MODELLED)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/octet-stream", "application/xml"])
async def test_a_wrong_content_type_is_415(api: Api, known: dict[str, Any], method: str, path: str, kind: str) -> None:
    """A body that does not say that it is JSON is not taken for it: browsers send such without asking."""
    content = json.dumps(body_of(path, known["number"])).encode()
    answer = await api.call(method, filled(path, known["id"]), headers={**ADMIN, "Content-Type": kind}, content=content)
    assert_refused(answer, 415)


@pytest.mark.parametrize(("method", "path"), MODELLED)
@pytest.mark.parametrize("value", WRONG_VALUES, ids=lambda value: repr(value)[:12])
async def test_no_value_in_any_field_is_a_fault(api: Api, known: dict[str, Any], method: str, path: str, value: Any) -> None:
    """Each field in turn with each odd value: taken or refused, never 500."""
    for field in BODIES[path]:
        content = json.dumps({**(body_of(path, known["number"]) or {}), field: value}).encode()
        headers = {**ADMIN, "Content-Type": "application/json"}
        answer = await api.call(method, filled(path, known["id"]), headers=headers, content=content)
        if answer.status_code >= 400:
            assert_refused(answer, 400, 401, 403, 404, 409, 422, 503)


REFERENCES = [
    "0",
    "00000000000",
    "999999999",
    "-1",
    "x",
    "1.0",
    "１",
    "ffffffff-0000-4000-8000-00000000ffff",
    "x" * 3000,
    "\x00",
    "a/b",
    "💥",
]


@pytest.mark.parametrize(("method", "path"), WITH_TENANT)
@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: ascii(reference)[:40])
async def test_unknown_tenants_are_404(api: Api, method: str, path: str, reference: str) -> None:
    """Whatever they are called, and whatever is asked of them."""
    answer = await api.call(method, filled(path, quote(reference, safe="")), json=BODIES.get(path))
    assert_refused(answer, 404, 405)  # 405: the slash makes it another address


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_but_the_open_ones_wants_credentials(api: Api, known: dict[str, Any], method: str, path: str) -> None:
    """Open are only what the API says of itself, and the development receiver."""
    address = filled(path, known["id"]).replace(urlencode({"k": PUBLIC_KEY}), "")
    answer = await api.call(method, address, headers={}, json=BODIES.get(path, {}))
    open_ = path in ("/", "/health") or path.startswith("/dev/")
    assert (answer.status_code == 401) is not open_
    assert ("security" in DOCUMENT["paths"][path][method.lower()]) is not open_


@pytest.mark.parametrize(
    "query", ["after=-1", "after=x", "after=1000000000", "limit=0", "limit=101", "limit=", "after=١", "limit=1e1", "limit=%00"]
)
async def test_wrong_query_parameters_are_422(api: Api, query: str) -> None:
    """Each with its field named."""
    answer = await api.call("GET", f"/tenants?{query}")
    assert_refused(answer, 422)
    assert answer.json()["fields"][0]["field"].startswith("query.")


async def test_of_a_field_given_twice_the_last_counts(api: Api) -> None:
    """As every JSON parser does it."""
    headers = {**ADMIN, "Content-Type": "application/json"}
    answer = await api.call("POST", "/tenants", headers=headers, content=b'{"name": "first", "name": "second"}')
    assert (answer.status_code, answer.json()["name"]) == (201, "second")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "phone", "peer", "text", "code"]) | st.text(), inner)
    ),
    max_leaves=10,
)


@given(
    route=st.sampled_from(ROUTES),
    tenant=st.sampled_from(["known", "1", ""]) | st.text(max_size=40),
    content=st.binary() | JSON.map(json.dumps),
)
@settings(max_examples=200)
async def test_nothing_answers_500(api: Api, known: dict[str, Any], route: tuple[str, str], tenant: str, content: Any) -> None:
    """Any bytes to any route."""
    method, path = route
    if method == "DELETE" and (tenant == "known" or tenant.isdecimal()):  # a number is a tenant's, perhaps that of the known one
        return
    named = known["id"] if tenant == "known" else quote(tenant.encode("utf-8", "surrogatepass"), safe="")
    headers = {**ADMIN, "Content-Type": "application/json"}
    answer = await api.call(method, filled(path, named), headers=headers, content=content)
    assert answer.status_code != 500, answer.text
    if answer.status_code >= 400:
        assert_refused(answer, answer.status_code)


def test_the_document_is_what_the_routes_say() -> None:
    """Stale? `make openapi` writes it anew."""
    assert openapi.DOCUMENT.read_text() == openapi.text()


def test_the_document_is_whole() -> None:
    """Every reference in it leads somewhere, every operation has a name of its own, a summary and a tag."""
    text = openapi.text()
    schemas = DOCUMENT["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    assert all(operation["tags"] and operation["summary"] and operation["description"] for operation in operations)
    assert "HTTPValidationError" not in schemas
