"""One body for every error."""

from __future__ import annotations

import json

import pytest
from fastapi import APIRouter

from functions.http.access import OPEN
from functions.http.body_reader import MAX_BODY_BYTES
from functions.http.dependencies import Dependencies
from functions.http.errors import STATUS, response
from shared.errors import DETAILS, AvioError, Code
from shared.store.table import StoreUnavailable
from tests.functions.api import ADMIN, ORIGIN, Api
from tests.support.captured_log import CapturedLog


def test_every_code_has_a_status_and_a_sentence() -> None:
    """The table is complete."""
    assert set(STATUS) == set(DETAILS) == set(Code)
    assert all(400 <= status < 600 for status in STATUS.values())
    assert all(detail.endswith(".") for detail in DETAILS.values())


@pytest.mark.parametrize("code", Code)
def test_every_error_has_the_one_body(code: Code) -> None:
    """And 429 and 503 say when to come back, also where nobody knows."""
    answer = response(AvioError(code), "request-1")
    assert json.loads(bytes(answer.body)) == {"ok": False, "error": code.value, "detail": DETAILS[code], "request_id": "request-1"}
    assert ("retry-after" in answer.headers) == (answer.status_code in (429, 503))


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "0"), (0.2, "1"), (31, "31"), (31.5, "32")])
def test_retry_after_is_whole_seconds_never_less(seconds: float, header: str) -> None:
    """The body keeps the fraction."""
    answer = response(AvioError(Code.FLOOD_WAIT, retry_after_s=seconds), "request-1")
    assert (answer.headers["Retry-After"], json.loads(bytes(answer.body))["retry_after_seconds"]) == (header, seconds)


def failing_with(api: Api, error: Exception, log: CapturedLog) -> Api:
    """Return the API as an app whose one route fails."""
    router = APIRouter()

    @router.get("/fail", dependencies=[OPEN])
    def fail() -> None:
        raise error

    return api.serving(api.composed([router], Dependencies(), log=log))


async def test_an_unexpected_fault_tells_nothing_of_itself(api: Api) -> None:
    """500 with the request's id, by which the log tells more; not what went wrong."""
    log = CapturedLog()
    answer = await failing_with(api, RuntimeError("inner secret"), log).call("GET", "/fail")
    said = answer.json()
    assert (answer.status_code, said["error"]) == (500, "internal_error")
    assert "secret" not in answer.text
    (line,) = log.said("request failed")
    assert (line["request_id"], line["fault"]) == (said["request_id"], "RuntimeError")


async def test_storage_that_does_not_answer_is_unavailable(api: Api) -> None:
    """The caller may try again; the fault is not the caller's."""
    answer = await failing_with(api, StoreUnavailable("get_item: Timeout"), CapturedLog()).call("GET", "/fail")
    assert (answer.status_code, answer.json()["error"], answer.headers["Retry-After"]) == (503, "unavailable", "5")


async def test_every_answer_carries_its_request_id(api: Api) -> None:
    """The same in header and body."""
    fine, wrong = await api.call("GET", "/health"), await api.call("GET", "/nowhere")
    assert fine.headers["X-Request-Id"]
    assert wrong.headers["X-Request-Id"] == wrong.json()["request_id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/tenants/", 404, "not_found"),
        ("PUT", "/tenants", 405, "method_not_allowed"),
        ("GET", "/tenants/1/logout", 405, "method_not_allowed"),
        ("BREW", "/health", 405, "method_not_allowed"),
    ],
)
async def test_what_the_router_refuses_has_the_body_too(api: Api, method: str, path: str, status: int, code: str) -> None:
    """Addresses and methods that do not exist."""
    answer = await api.call(method, path)
    assert (answer.status_code, answer.json()["error"], answer.json()["ok"]) == (status, code, False)


async def test_a_body_above_the_bound_is_not_read(api: Api) -> None:
    """413, whatever is in it."""
    answer = await api.call("POST", "/tenants", content=b"x" * (MAX_BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "request_too_large")


async def test_browsers_of_an_allowed_origin_may_call(api: Api) -> None:
    """And those of another may not; what they have to read is exposed."""
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    allowed = await api.call("OPTIONS", "/tenants/1", headers=asked)
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    foreign = await api.call("OPTIONS", "/tenants/1", headers={**asked, "Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in foreign.headers
    seen = await api.call("GET", "/health", headers={"Origin": ORIGIN})
    assert "Retry-After" in seen.headers["Access-Control-Expose-Headers"]


async def test_a_violated_schema_names_the_fields_and_not_what_was_in_them(api: Api) -> None:
    """422 with each field's problem."""
    answer = await api.call("POST", "/tenants", json={"name": ["hidden"], "colour": "hidden"})
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["fields"]} == {"body.name", "body.colour"}
    assert "hidden" not in answer.text


def test_a_listeners_error_keeps_its_shape() -> None:
    """What crosses a wire comes out as it went in."""
    error = AvioError(Code.FLOOD_WAIT, "Wait.", retry_after_s=3, state="restricted")
    again = AvioError.from_json(json.loads(json.dumps(error.to_json())))
    assert (again.code, again.detail, again.retry_after_s, again.fields) == (Code.FLOOD_WAIT, "Wait.", 3, {"state": "restricted"})


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/health", "GET, HEAD"),
        ("/tenants", "GET, HEAD, POST"),
        ("/tenants/1", "GET, HEAD, PATCH, DELETE"),
        ("/tenants/1/logout", "POST"),
        ("/tenants/1/keys/x", "DELETE"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "TRACE", "OPTIONS", "BREW"])
async def test_405_says_which_methods_there_are(api: Api, path: str, allow: str, method: str) -> None:
    """All that an address takes, whoever asks."""
    for headers in (ADMIN, dict[str, str]()):
        answer = await api.call(method, path, headers=headers)
        assert (answer.status_code, answer.json()["error"], answer.headers["Allow"]) == (405, "method_not_allowed", allow)


@pytest.mark.parametrize(
    "path",
    [
        "http://api.example//tenants",
        "/tenants//1",
        "/tenants/1/",
        "/Tenants",
        "/health%00",
        "/health%0A",
        "/health%2F",
        "/%ff",
        "/%",
        "/a%23b",
    ],
)
async def test_an_address_has_one_spelling(api: Api, path: str) -> None:
    """Slashes, capitals and odd bytes make it another, which is 404 with the one body."""
    answer = await api.call("GET", path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
