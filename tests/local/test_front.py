"""The front hands requests on as they came and answers as it was answered."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from local import front
from local.crowd import Crowd
from local.preflight import event_of
from local.processes import StartError, free_port

PREFIX = "/_aws/execute-api/avio"


async def _echo(request: Request) -> Response:
    """Answer what arrived, byte for byte."""
    seen = {
        "method": request.method,
        "path": request.scope["raw_path"].decode(),
        "query": request.scope["query_string"].decode(),
        "headers": dict(request.headers),
        "body": (await request.body()).decode("latin-1"),
    }
    response = Response(json.dumps(seen), int(request.headers.get("x-answer", "200")), media_type="application/json")
    response.headers["date"] = "Sat, 21 Nov 2026 09:45:46 GMT"
    response.headers.append("set-cookie", "a=1")
    response.headers.append("set-cookie", "b=2")
    return response


async def _preflight(request: Request) -> Response:
    return PlainTextResponse(f"preflight of {request.url.path}")


async def _phone(request: Request) -> Response:
    return PlainTextResponse("phone")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a front before an API that echoes."""
    api = Starlette(routes=[Route(PREFIX + "/{path:path}", _echo, methods=front.METHODS)])
    with front.running(api, free_port()) as api_url:
        app = front.create_app(api_url + PREFIX, [Route("/phone", _phone)], _preflight, {"x-gateway": "pass"}, ["api.example"])
        with front.running(app, free_port()) as url, httpx.Client(base_url=url, trust_env=False) as opened:
            yield opened


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_methods_and_bodies_pass(client: httpx.Client, method: str) -> None:
    """Any bytes."""
    seen = client.request(method, "/tenants", content=b"\x00\xff{}").json()
    assert (seen["method"], seen["path"], seen["body"]) == (method, PREFIX + "/tenants", "\x00\xff{}")


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/", "/tenants/a%2Fb/status", "/tenants/%D0%B0"])
def test_paths_pass_in_their_own_spelling(client: httpx.Client, path: str) -> None:
    """The emulator's own /health among them: it is the function that answers."""
    assert client.get(path).json()["path"] == PREFIX + path


def test_query_strings_pass_in_their_own_spelling(client: httpx.Client) -> None:
    """Order, repeats, plus signs and escapes included."""
    assert client.get("/x?b=1&a=%20+&b=2&k=").json()["query"] == "b=1&a=%20+&b=2&k="


def test_headers_pass_but_for_the_connections_own(client: httpx.Client) -> None:
    """Credentials and the host that the client named; not what belongs to one hop."""
    sent = {"X-Admin-Token": "t", "Authorization": "Bearer k", "Host": "api.example:8000", "TE": "trailers"}
    seen = client.get("/x", headers=sent).json()["headers"]
    assert (seen["x-admin-token"], seen["authorization"], seen["host"]) == ("t", "Bearer k", "api.example:8000")
    assert "te" not in seen


def test_the_gateway_is_shown_its_pass_whatever_the_caller_says(client: httpx.Client) -> None:
    """And the answer does not tell it."""
    seen = client.get("/x", headers={"X-Gateway": "guessed"}).json()["headers"]
    assert seen["x-gateway"] == "pass"
    assert "pass" not in str(client.get("/x").headers)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example:80", "[::1]"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_rebound_name_reaches_nothing(client: httpx.Client, method: str, host: str) -> None:
    """A web page may have its own name point to this machine, and reads what is answered under it."""
    answer = client.request(method, "/dev/callback-receiver", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "api.example"])
def test_own_names_reach_the_api(client: httpx.Client, host: str) -> None:
    """With any port; and what the person says the outside calls it."""
    assert client.get("/x", headers={"Host": host}).status_code == 200


def test_answers_pass_with_status_and_every_header(client: httpx.Client) -> None:
    """Repeated ones too."""
    answer = client.get("/x", headers={"x-answer": "418"})
    assert answer.status_code == 418
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert len(answer.headers.get_list("date")) == 1


def test_pages_come_before_the_api(client: httpx.Client) -> None:
    """Where a page is mounted, the API is not asked."""
    assert client.get("/phone").text == "phone"


def test_preflights_take_their_own_way(client: httpx.Client) -> None:
    """The emulator's API Gateway would refuse them all."""
    assert client.options("/tenants").text == "preflight of /tenants"


def test_a_preflight_is_an_event_like_any_request() -> None:
    """In the gateway's payload format 2.0."""
    scope = {
        "type": "http",
        "method": "OPTIONS",
        "path": "/tenants",
        "query_string": b"a=1",
        "headers": [(b"origin", b"http://x"), (b"host", b"localhost")],
    }
    event = event_of(Request(scope))
    assert (event["version"], event["rawPath"], event["rawQueryString"]) == ("2.0", "/tenants", "a=1")
    assert event["headers"]["origin"] == "http://x"
    assert event["requestContext"]["http"]["method"] == "OPTIONS"


def test_an_api_that_does_not_answer_is_a_502() -> None:
    """And the front goes on."""
    app = front.create_app(f"http://127.0.0.1:{free_port()}")
    with front.running(app, free_port()) as url:
        answer = httpx.get(f"{url}/x", trust_env=False)
    assert answer.status_code == 502


def test_a_crowd_waits_in_front_and_who_waits_too_long_is_told_when_to_come_back() -> None:
    """Nothing was done for those; callbacks have places of their own, since their senders hold one while they post."""
    free, held = threading.Event(), threading.Semaphore(0)

    async def hold(request: Request) -> Response:
        if not request.url.path.endswith(front.RECEIVER):
            held.release()
            await asyncio.to_thread(free.wait, 20)
        return PlainTextResponse("done")

    api = Starlette(routes=[Route(PREFIX + "/{path:path}", hold)])
    with front.running(api, free_port()) as api_url, ThreadPoolExecutor(2) as pool:
        app = front.create_app(api_url + PREFIX, crowd=lambda: Crowd(in_flight=2, waiting=0))
        with front.running(app, free_port()) as url:
            inside = [pool.submit(httpx.get, f"{url}/x", trust_env=False, timeout=30) for _ in range(2)]
            assert all(held.acquire(timeout=10) for _ in range(2))
            refused = httpx.get(f"{url}/x", trust_env=False)
            received = httpx.get(url + front.RECEIVER, trust_env=False)
            free.set()
            assert [answer.result().text for answer in inside] == ["done", "done"]
    assert (refused.status_code, refused.json()["error"], received.text) == (503, "unavailable", "done")
    assert int(refused.headers["retry-after"]) > 0


def test_a_taken_port_is_said_before_anything_starts() -> None:
    """With what to do about it."""
    port = free_port()
    with front.running(Starlette(), port), pytest.raises(StartError, match=f"port {port} is taken"), front.running(Starlette(), port):
        pass
