"""One POST, and every way it can go."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
import pytest_asyncio

from functions.callback_delivery import network, post
from functions.callback_delivery.network import Address, Resolve, Unresolvable
from functions.callback_delivery.post import Poster
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.settings import CallbackSettings
from shared.store.tenants import new_tenant_id
from shared.version import VERSION
from tests.support import hostile_endpoints
from tests.support.callback_network import ANYWHERE, PATIENT_S, loopback, machine_trust
from tests.support.callback_server import BREAK, OK, CallbackServer, ReceivedRequest, answer
from tests.support.certificates import certificate_for
from tests.support.clock import FakeClock

NAME = "callbacks.example"
TENANT = new_tenant_id()
PUBLIC_ONLY = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=False)


def resolving_to(*addresses: str) -> Resolve:
    """Resolve every name to these addresses."""

    async def resolve(host: str, port: int) -> list[Address]:
        del host, port
        return [ip_address(address) for address in addresses]

    return resolve


async def posted_once(poster: Poster, url: str) -> object:
    """Make one attempt with a poster made for it."""
    try:
        return await poster.post(TENANT, url, {"webhook-id": "evt_1"}, b'{"a":1}')
    finally:
        await poster.close()


def poster_with(resolve: Resolve, allowed: CallbackSettings = ANYWHERE, trust: ssl.SSLContext | None = None) -> Poster:
    """Return a poster that resolves and trusts like this, with time for a busy machine."""
    trust = trust or machine_trust()
    return Poster(allowed=allowed, resolve=resolve, trust=trust, clock=FakeClock(), attempt_s=PATIENT_S, body_s=PATIENT_S)


async def test_the_receiver_gets_the_bytes_and_the_headers(receiver: CallbackServer, poster: Poster) -> None:
    """Path and query as written, the body untouched, and a name to know us by."""
    outcome = await poster.post(TENANT, f"http://{NAME}:{receiver.port}/in;v=1?key=a%20b", {"webhook-id": "evt_1"}, b'{"a":1}')
    assert outcome == Answered(200, text="ok")
    (got,) = receiver.posted
    assert (got.line, got.body) == ("POST /in;v=1?key=a%20b HTTP/1.1", b'{"a":1}')
    assert got.headers["host"] == f"{NAME}:{receiver.port}"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"] == f"Avio/{VERSION}"
    assert got.headers["webhook-id"] == "evt_1"


async def test_a_url_without_a_path_asks_for_the_root(receiver: CallbackServer, poster: Poster) -> None:
    """`https://example.com` is the same as `https://example.com/`."""
    await poster.post(TENANT, f"http://{NAME}:{receiver.port}", {}, b"{}")
    assert receiver.posted[0].line == "POST / HTTP/1.1"


async def test_connections_serve_more_than_one_event(receiver: CallbackServer, poster: Poster) -> None:
    """The next event to the same receiver needs no new connection."""
    for _ in range(3):
        assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Answered(200, text="ok")
    assert receiver.connections == 1


async def test_a_connection_that_the_receiver_closed_is_not_used_again(poster: Poster) -> None:
    """Receivers close what is idle: the next event goes over a new connection, and that is no failed attempt."""
    closed = asyncio.Event()

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(OK)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with hostile_endpoints.endpoint(answers_once) as port:
        for _ in range(2):
            closed.clear()
            assert await poster.post(TENANT, f"http://{NAME}:{port}/in", {}, b"{}") == Answered(200, text="ok")
            await closed.wait()


async def test_redirects_are_answers_and_not_followed(receiver: CallbackServer, poster: Poster) -> None:
    """A redirect could lead anywhere: it is the receiver's answer, and the address it names is never asked."""
    receiver.script = [answer(307, f"Location: http://{NAME}:{receiver.port}/elsewhere")]
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Answered(307)
    assert len(receiver.posted) == 1


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("99999999999999999999", 999999999.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", -60.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
        ("Sun, 01 Mar 2026 12:00:30", None),
    ],
)
async def test_retry_after_is_read_in_both_its_forms(receiver: CallbackServer, poster: Poster, value: str, seconds: float | None) -> None:
    """Seconds or a date; what is neither asks for nothing."""
    receiver.script = [answer(503, f"Retry-After: {value}")]
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Answered(503, seconds)


async def test_only_the_beginning_of_an_answer_is_read(receiver: CallbackServer, poster: Poster) -> None:
    """A long answer costs what the bound says; the status had come first, and of the text the first kilobyte is kept."""
    receiver.script = [b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * (post.BODY_BYTES + 1)]
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Answered(200, text="x" * 1024)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        ('{"error": "нет"}'.encode(), '{"error": "нет"}'),
        (b"x" + "ё".encode() * 600, "x" + "ё" * 511),
        (b"\xff\xfe\x00", "\ufffd\ufffd\x00"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    ],
)
async def test_what_an_endpoint_said_is_told(receiver: CallbackServer, poster: Poster, body: bytes, text: str) -> None:
    """As text, whatever it is; a character that the bound cuts in two is left out."""
    receiver.script = [b"HTTP/1.1 500 Said\r\nContent-Length: %d\r\n\r\n" % len(body) + body]
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Answered(500, text=text)


async def test_a_body_that_breaks_off_changes_nothing_about_the_status(receiver: CallbackServer, poster: Poster) -> None:
    """The receiver had said what it does with the event."""

    async def broken(_: ReceivedRequest) -> bytes:
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\nno chunk\r\n"

    receiver.respond = broken
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Answered(200, text="yes")


HOSTILE: dict[hostile_endpoints.Behaviour, set[Outcome]] = {
    hostile_endpoints.silent: {Failed("timed out")},
    hostile_endpoints.drips_its_head: {Failed("timed out")},
    hostile_endpoints.drips_its_body: {Answered(200)},
    hostile_endpoints.endless_head: {Failed("answer not understood")},
    hostile_endpoints.one_endless_header: {Failed("answer not understood")},
    hostile_endpoints.endless_body: {Answered(200)},
    hostile_endpoints.endless_interim_answers: {Failed("connection broken")},
    hostile_endpoints.no_http: {Failed("answered before it was asked"), Failed("answer not understood"), Failed("connection broken")},
    hostile_endpoints.hangs_up: {Failed("connection broken")},
}


@pytest.mark.parametrize("behaviour", hostile_endpoints.EVERY, ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_an_endpoint_that_does_its_worst_costs_one_attempt(
    tmp_path: Path, behaviour: hostile_endpoints.Behaviour, secure: bool
) -> None:
    """Within the bounds of time and size, and then its connection is closed; a status that had come counts."""
    certificate = certificate_for(NAME)
    tls = certificate.server_context(tmp_path) if secure else None
    trust, attempt_s = certificate.client_context(), 1.0 if HOSTILE[behaviour] == {Failed("timed out")} else 60.0
    poster = Poster(allowed=ANYWHERE, resolve=loopback, trust=trust, clock=FakeClock(), attempt_s=attempt_s, body_s=0.2)
    async with hostile_endpoints.endpoint(behaviour, tls) as port:
        outcome = await poster.post(TENANT, f"http{'s' if secure else ''}://{NAME}:{port}/", {}, b"{}")
        told = dataclasses.replace(outcome, text="") if isinstance(outcome, Answered) else outcome
        assert told in HOSTILE[behaviour]
        assert len(poster._idle) == 0
    await poster.close()


async def test_a_server_that_never_begins_tls_is_given_up() -> None:
    """The handshake is within the attempt's time."""
    poster = Poster(allowed=ANYWHERE, resolve=loopback, trust=machine_trust(), clock=FakeClock(), attempt_s=0.3)
    async with hostile_endpoints.endpoint(hostile_endpoints.silent) as port:
        assert await posted_once(poster, f"https://{NAME}:{port}/") == Failed("timed out")


async def test_a_server_that_speaks_no_tls_is_a_fault() -> None:
    """It is not called in the clear instead."""
    async with hostile_endpoints.endpoint(hostile_endpoints.no_http) as port:
        assert await posted_once(poster_with(loopback), f"https://{NAME}:{port}/") == Failed("connect failed")


async def test_a_connection_that_breaks_is_a_fault(receiver: CallbackServer, poster: Poster) -> None:
    """Whether the receiver has the event is not known, so it is not counted as delivered."""
    receiver.script = [BREAK]
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Failed("connection broken")


async def test_an_answer_that_is_no_http_is_a_fault(receiver: CallbackServer, poster: Poster) -> None:
    """A server that speaks something else has delivered nothing."""
    receiver.script = [b"SSH-2.0-OpenSSH\r\n\r\n"]
    assert await poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}") == Failed("answer not understood")


async def test_nobody_listening_is_a_fault(poster: Poster) -> None:
    """A refused connection is tried again later."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert await poster.post(TENANT, f"http://{NAME}:{unused.getsockname()[1]}/", {}, b"{}") == Failed("connect failed")


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    """The whole attempt has one bound, the resolver's time included."""
    never = asyncio.Event()

    async def hanging(host: str, port: int) -> list[Address]:
        await never.wait()
        return await loopback(host, port)

    poster = Poster(allowed=ANYWHERE, resolve=hanging, trust=machine_trust(), clock=FakeClock(), attempt_s=0.01)
    assert await posted_once(poster, f"http://{NAME}/") == Failed("timed out")


async def test_a_name_that_stands_for_nothing_is_a_fault() -> None:
    """DNS may be late: tried again."""

    async def nowhere(host: str, port: int) -> list[Address]:
        raise Unresolvable

    assert await posted_once(poster_with(nowhere), f"http://{NAME}/") == Failed("name not found")
    assert await posted_once(poster_with(resolving_to()), f"http://{NAME}/") == Failed("name not found")


@pytest.mark.parametrize(
    "addresses", [["127.0.0.1"], ["10.0.0.1"], ["169.254.169.254"], ["::1"], ["fd00::1"], ["::ffff:127.0.0.1"], ["8.8.8.8", "10.0.0.1"]]
)
async def test_names_of_private_addresses_are_not_connected_to(addresses: list[str]) -> None:
    """One forbidden address among allowed ones is enough: the next resolution could give it first."""
    poster = poster_with(resolving_to(*addresses), PUBLIC_ONLY)
    assert await posted_once(poster, "http://rebinding.example/") == Failed("address not allowed")


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://localhost/", "ftp://x.example/", "http://user@x.example/", "nonsense"])
async def test_urls_that_would_not_be_accepted_today_are_not_called(url: str) -> None:
    """Settings may have become stricter since the URL was stored."""
    assert await posted_once(poster_with(loopback, PUBLIC_ONLY), url) == Failed("url not allowed", final=True)


async def test_the_checked_address_is_the_one_connected_to(receiver: CallbackServer) -> None:
    """A name is resolved once per connection: there is no second answer that a rebinding server could give."""
    asked: list[str] = []

    async def once(host: str, port: int) -> list[Address]:
        asked.append(host)
        return await loopback(host, port)

    assert await posted_once(poster_with(once), f"http://{NAME}:{receiver.port}/") == Answered(200, text="ok")
    assert asked == [NAME]


async def test_the_next_address_is_tried_where_one_does_not_answer(receiver: CallbackServer) -> None:
    """A receiver with a dead address among its addresses still gets its events."""
    poster = poster_with(resolving_to("127.0.0.2", "127.0.0.1"))
    assert await posted_once(poster, f"http://{NAME}:{receiver.port}/") == Answered(200, text="ok")


@pytest_asyncio.fixture
async def secure(tmp_path: Path) -> AsyncIterator[CallbackServer]:
    """A receiver with a certificate for its name."""
    receiver = CallbackServer()
    await receiver.start(certificate_for(NAME).server_context(tmp_path))
    yield receiver
    await receiver.stop()


async def test_tls_asks_for_the_name_though_an_address_is_connected_to(secure: CallbackServer) -> None:
    """Connecting to the checked address does not weaken the check of the certificate."""
    trust = certificate_for(NAME).client_context()
    poster = poster_with(loopback, trust=trust)
    assert await posted_once(poster, f"https://{NAME}:{secure.port}/") == Answered(200, text="ok")
    poster = poster_with(loopback, trust=trust)
    assert await posted_once(poster, f"https://other.example:{secure.port}/") == Failed("certificate refused")


@pytest.mark.parametrize(("days", "name"), [((-30, -1), NAME), ((1, 30), NAME), ((-1, 1), "other.example"), ((-1, 1), "*.other.example")])
async def test_a_certificate_that_does_not_hold_is_refused(tmp_path: Path, days: tuple[int, int], name: str) -> None:
    """Expired, not valid yet, for another name: though its issuer is trusted."""
    certificate = certificate_for(name, days)
    poster = poster_with(loopback, trust=certificate.client_context())
    async with hostile_endpoints.endpoint(hostile_endpoints.silent, certificate.server_context(tmp_path)) as port:
        assert await posted_once(poster, f"https://{NAME}:{port}/") == Failed("certificate refused")


async def test_an_untrusted_certificate_is_a_fault(secure: CallbackServer, poster: Poster) -> None:
    """An event goes to nobody who cannot prove the name."""
    assert await poster.post(TENANT, f"https://{NAME}:{secure.port}/", {}, b"{}") == Failed("certificate refused")
    assert secure.posted == []


async def test_a_cancelled_attempt_closes_its_connection(receiver: CallbackServer, poster: Poster) -> None:
    """What stops the function leaves nothing half open."""
    asked = asyncio.Event()

    async def never(_: ReceivedRequest) -> bytes:
        asked.set()
        await asyncio.Event().wait()
        return BREAK

    receiver.respond = never
    attempt = asyncio.create_task(poster.post(TENANT, f"http://{NAME}:{receiver.port}/", {}, b"{}"))
    await asked.wait()
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert len(poster._idle) == 0


async def test_the_systems_resolver_gives_addresses_ipv4_first() -> None:
    """Numbers need no name server; names that cannot be are unresolvable rather than a crash."""
    assert await network.resolve("127.1", 80) == [IPv4Address("127.0.0.1")]
    assert await network.resolve("::1", 80) == [IPv6Address("::1")]
    with pytest.raises(Unresolvable):
        await network.resolve("a" * 64 + ".example", 80)
