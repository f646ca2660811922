"""The front hands requests on as they came and answers as it was answered."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local import reverse_proxy
from local.child_process import StartError, free_port
from local.preflight import event_of
from local.request_limit import RequestLimit

PREFIX = "/_aws/execute-api/avio"

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


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
    if "x-foreign" not in request.headers:
        response.headers["x-request-id"] = "request-1"
    response.headers["date"] = "Sat, 21 Nov 2026 09:45:46 GMT"
    response.headers.append("set-cookie", "a=1")
    response.headers.append("set-cookie", "b=2")
    return response


async def _beside(_: Request) -> Response:
    """Answer what the front must never ask: the emulator has pages of its own beside the API."""
    return PlainTextResponse("beside", headers={"x-request-id": "request-2"})


async def _preflight(request: Request) -> Response:
    return PlainTextResponse(f"preflight of {request.url.path}")


async def _phone(request: Request) -> Response:
    return PlainTextResponse("phone")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """A client of a front before an API that echoes."""
    beside = Route("/{path:path}", _beside, methods=METHODS)
    api = Starlette(routes=[Route(PREFIX + "/{path:path}", _echo, methods=METHODS), beside])
    with reverse_proxy.running(api, free_port()) as api_url:
        files = Mount("/files", StaticFiles(directory=Path(__file__).parent))
        pages = [Route("/phone", _phone), files]
        app = reverse_proxy.create_app(api_url + PREFIX, pages, _preflight, {"x-gateway": "pass"}, ["api.example"])
        with reverse_proxy.running(app, free_port()) as url, httpx.Client(base_url=url, trust_env=False) as opened:
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


def test_a_method_that_a_page_does_not_take_is_the_apis(client: httpx.Client) -> None:
    """It may have a route at the same address."""
    assert client.post("/phone").json()["path"] == PREFIX + "/phone"


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


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    """Check that the front refused a request in the API's own form."""
    told = answer.json()
    assert (answer.status_code, told["error"], told["ok"], answer.headers["content-type"]) == (status, code, False, "application/json")
    assert told["detail"]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize("method", METHODS)
def test_an_api_that_cannot_be_reached_is_unavailable(method: str) -> None:
    """Nothing was done, so it may be tried again; and the front goes on."""
    app = reverse_proxy.create_app(f"http://127.0.0.1:{free_port()}")
    with reverse_proxy.running(app, free_port()) as url:
        answer = httpx.request(method, f"{url}/x", trust_env=False)
    if method == "HEAD":
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    else:
        assert_refused(answer, 503, "unavailable")


@pytest.mark.parametrize(("method", "status", "code"), [("GET", 503, "unavailable"), ("POST", 504, "outcome_unknown")])
def test_an_api_that_dies_meanwhile_leaves_a_post_open(method: str, status: int, code: str) -> None:
    """What was sent may have been done: a caller who is told "unavailable" would do it twice."""
    with socket.create_server(("127.0.0.1", 0)) as dying:

        def take_and_close() -> None:
            connection, _ = dying.accept()
            connection.recv(65536)
            connection.close()

        thread = threading.Thread(target=take_and_close)
        thread.start()
        with reverse_proxy.running(reverse_proxy.create_app(f"http://127.0.0.1:{dying.getsockname()[1]}"), free_port()) as url:
            assert_refused(httpx.request(method, f"{url}/x", trust_env=False), status, code)
        thread.join()


@pytest.mark.parametrize(
    ("method", "gateways", "status", "code"),
    [
        ("GET", 404, 404, "not_found"),
        ("GET", 403, 503, "unavailable"),
        ("GET", 502, 503, "unavailable"),
        ("DELETE", 504, 503, "unavailable"),
        ("POST", 500, 504, "outcome_unknown"),
        ("POST", 503, 504, "outcome_unknown"),
        ("POST", 413, 413, "request_too_large"),
    ],
)
def test_the_gateways_own_errors_get_the_one_body(client: httpx.Client, method: str, gateways: int, status: int, code: str) -> None:
    """It answers in another form where a function has crashed or was too slow."""
    assert_refused(client.request(method, "/x", headers={"x-answer": str(gateways), "x-foreign": "1"}), status, code)


def test_a_head_says_how_long_the_answer_would_be(client: httpx.Client) -> None:
    """As the API says it, though nothing of it comes."""
    assert int(client.head("/x").headers["content-length"]) > 100


def raw(client: httpx.Client, request: bytes) -> httpx.Response:
    """Send bytes as they are; return what comes back."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as connection:
        connection.sendall(request)
        connection.settimeout(30)
        with closing(http.client.HTTPResponse(connection)) as answer:
            answer.begin()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


@pytest.mark.parametrize(
    ("request_line", "headers", "status", "code"),
    [
        ("GET #", "", 404, "not_found"),
        ("GET /tenants#x", "", 404, "not_found"),
        ("GET /x?a=#x", "", 404, "not_found"),
        ("GET http://elsewhere.example/tenants", "", 404, "not_found"),
        ("GET *", "", 404, "not_found"),
        ("GET //x", "", 404, "not_found"),
        ("GET /../../../_ministack/sqs/messages", "", 404, "not_found"),
        ("POST /tenants/../../../../_ministack/reset", "", 404, "not_found"),
        ("POST /x/%2E%2e/.%2e/%2e./../_ministack/reset", "", 404, "not_found"),
        ("GET /tenants/..", "", 404, "not_found"),
        ("GET /tenants/./1", "", 404, "not_found"),
        ("GET /tenants/.?a=1", "", 404, "not_found"),
        ("GET /files/none", "", 404, "not_found"),
        ("GET /\x00", "", 400, "malformed"),
        ("GET /\xff", "", 400, "malformed"),
        ("GET / x", "", 400, "malformed"),
        ("GET /", "Odd Name: 1\r\n", 400, "malformed"),
        ("POST /", "Content-Length: 5\r\nContent-Length: 6\r\n", 400, "malformed"),
        ("POST /", "Content-Length: -1\r\n", 400, "malformed"),
        ("POST /", "Transfer-Encoding: gzip\r\n", 400, "malformed"),
        ("POST /", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400, "malformed"),
    ],
)
def test_odd_bytes_get_the_one_body(client: httpx.Client, request_line: str, headers: str, status: int, code: str) -> None:
    """Whether the front refuses them or its HTTP server does."""
    text = f"{request_line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
    assert_refused(raw(client, text.encode("latin-1")), status, code)


@pytest.mark.parametrize("path", ["/x%0a", "/x%00", "/%ff", "/x//y", "/x/", "/phone/", "/X%2Fy"])
def test_odd_paths_reach_the_api_as_they_are(client: httpx.Client, path: str) -> None:
    """It answers them in its own words."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert raw(client, request.encode()).json()["path"] == PREFIX + path


def test_a_crowd_waits_in_front_and_who_waits_too_long_is_told_when_to_come_back() -> None:
    """Nothing was done for those; callbacks have places of their own, since their senders hold one while they post."""
    free, held = threading.Event(), threading.Semaphore(0)

    async def hold(request: Request) -> Response:
        if not request.url.path.endswith(reverse_proxy.RECEIVER):
            held.release()
            await asyncio.to_thread(free.wait, 20)
        return PlainTextResponse("done")

    api = Starlette(routes=[Route(PREFIX + "/{path:path}", hold)])
    with reverse_proxy.running(api, free_port()) as api_url, ThreadPoolExecutor(2) as pool:
        app = reverse_proxy.create_app(api_url + PREFIX, limit=lambda: RequestLimit(in_flight=2, waiting=0))
        with reverse_proxy.running(app, free_port()) as url:
            inside = [pool.submit(httpx.get, f"{url}/x", trust_env=False, timeout=30) for _ in range(2)]
            assert all(held.acquire(timeout=10) for _ in range(2))
            refused = httpx.get(f"{url}/x", trust_env=False)
            received = httpx.get(url + reverse_proxy.RECEIVER, trust_env=False)
            free.set()
            assert [answer.result().text for answer in inside] == ["done", "done"]
    assert (refused.status_code, refused.json()["error"], received.text) == (503, "unavailable", "done")
    assert int(refused.headers["retry-after"]) > 0


def test_a_taken_port_is_said_before_anything_starts() -> None:
    """With what to do about it."""
    port = free_port()
    with (
        reverse_proxy.running(Starlette(), port),
        pytest.raises(StartError, match=f"port {port} is taken"),
        reverse_proxy.running(Starlette(), port),
    ):
        pass
