"""Where nobody may be sent: a corpus of hostile URLs against the two gates that a callback passes, as written and at connect."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from functions.callback_delivery import network
from functions.callback_delivery.network import Address, AddressNotAllowed, GuardedConnector, Resolve
from functions.callback_delivery.post import Poster
from functions.callback_delivery.retry import Failed, Outcome
from shared import callback_url
from shared.errors import AvioError
from shared.reserved_ports import OwnPorts
from shared.settings import CallbackSettings
from shared.store.tenants import new_tenant_id
from tests.support.callback_network import machine_trust
from tests.support.clock import FakeClock

PUBLIC_ONLY = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=False)
LINES = (Path(__file__).parent / "hostile_urls.txt").read_text(encoding="utf-8").splitlines()
ESCAPES = {"\\t": "\t", "\\r": "\r", "\\n": "\n", "\\x00": "\x00", "\\u00ad": "\u00ad", "\\u200b": "\u200b", "\\u3002": "\u3002"}
GOOD = """
http://shop.example/ http://shop.example:8443/in?key=a%20b http://SHOP.Example http://a-b.c_d.example/in;v=1
http://xn--e1afmkfd.example/ http://8.8.8.8/ http://1.1.1.1:3000/ http://[2606:4700:4700::1111]/ http://[2a00:1450:4001:81b::200e]:8080/in
http://localhost.example/ http://local.example/ http://127.example/ http://10.0.0.1.example/ http://internal.example/ http://shop.example:8080/@
http://0.example/ http://0x7f.example/ http://192.167.255.255/ http://172.32.0.1/ http://100.128.0.1/ http://11.0.0.1/ http://126.255.255.255/
"""


def unescaped(line: str) -> str:
    """Return a line with the characters in it that a text file would not keep, or not show."""
    for escape, character in ESCAPES.items():
        line = line.replace(escape, character)
    return line


HOSTILE = [unescaped(line) for line in LINES if not line.startswith("#")]
AS_WRITTEN = [line for line in HOSTILE if " -> " not in line]
BY_NAME = [line for line in HOSTILE if " -> " in line]


def numbers() -> Iterator[str]:
    """Yield the hosts of the corpus that a resolver takes for an address, as it would be given them."""
    for url in AS_WRITTEN:
        with contextlib.suppress(ValueError, OSError):
            host = urlsplit(url).hostname or "-"
            socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST)
            if "%" not in host:
                yield host


NUMBERS = sorted(set(numbers()))


class Dialled:
    """Notes where connections would go, and opens none."""

    def __init__(self) -> None:
        self.hosts: list[str] = []

    async def dial(self, address: Address, port: int) -> socket.socket:
        """Refuse."""
        del port
        self.hosts.append(str(address))
        raise ConnectionRefusedError


def always(*addresses: str) -> Resolve:
    """Resolve every name to these addresses."""

    async def resolve(host: str, port: int) -> list[Address]:
        del host, port
        return [ip_address(address) for address in addresses]

    return resolve


async def attempted(url: str, resolve: Resolve) -> tuple[Outcome, list[str]]:
    """Post to a URL; return what came of it, and the addresses that would have been connected to."""
    dialled = Dialled()
    poster = Poster(allowed=PUBLIC_ONLY, resolve=resolve, trust=machine_trust(), clock=FakeClock(), dial=dialled.dial)
    try:
        return await poster.post(new_tenant_id(), url, {}, b"{}"), dialled.hosts
    finally:
        await poster.close()


def test_the_corpus_is_large() -> None:
    """At least 200 different URLs, with both gates put to the test."""
    assert len(set(HOSTILE)) == len(HOSTILE) >= 200
    assert len(BY_NAME) >= 25


@pytest.mark.parametrize("url", AS_WRITTEN, ids=ascii)
async def test_what_is_hostile_as_written_is_refused_when_it_is_set_and_when_it_is_called(url: str) -> None:
    """With http and https alike; even a resolver that says that the host is public does not get it called."""
    for scheme in ("http", "https"):
        with pytest.raises(AvioError):
            callback_url.check(url.replace("http", scheme, 1), allow_http=True, allow_private=False)
    assert await attempted(url, always("8.8.8.8")) == (Failed("url not allowed", final=True), [])


@pytest.mark.parametrize("line", BY_NAME)
async def test_a_harmless_name_of_a_hostile_address_is_not_connected_to(line: str) -> None:
    """It cannot be told when it is set; it is told from what the name resolves to, of which all has to be public."""
    url, _, addresses = line.partition(" -> ")
    callback_url.check(url, allow_http=True, allow_private=False)
    assert await attempted(url, always(*addresses.split())) == (Failed("address not allowed"), [])


@pytest.mark.parametrize("host", NUMBERS)
async def test_the_second_gate_holds_without_the_first(host: str) -> None:
    """A number in whatever spelling is not connected to, should the check of the URL ever miss it."""
    dialled = Dialled()
    guard = GuardedConnector(network.resolve, machine_trust(), allow_private=False, own=OwnPorts(), dial=dialled.dial)
    with pytest.raises(AddressNotAllowed):
        await guard.connect(urlsplit(f"http://[{host}]/" if ":" in host else f"http://{host}/"))
    assert dialled.hosts == []


@pytest.mark.parametrize("url", GOOD.split())
async def test_public_urls_are_connected_to(url: str) -> None:
    """The gates are no wall: each of these goes to the one address that was checked."""
    assert await attempted(url, always("8.8.4.4")) == (Failed("connect failed"), ["8.8.4.4"])


async def test_a_name_that_turns_private_is_not_followed() -> None:
    """DNS rebinding: public when first asked, private when asked again. Each connection asks once, and judges that answer."""
    answers = cycle([["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", "169.254.169.254"]])

    async def rebinding(host: str, port: int) -> list[Address]:
        del host, port
        return [ip_address(address) for address in next(answers)]

    dialled = Dialled()
    poster = Poster(allowed=PUBLIC_ONLY, resolve=rebinding, trust=machine_trust(), clock=FakeClock(), dial=dialled.dial)
    outcomes = [await poster.post(new_tenant_id(), "http://rebinding.example/", {}, b"{}") for _ in range(6)]
    await poster.close()
    assert outcomes == [Failed("connect failed"), Failed("address not allowed"), Failed("address not allowed")] * 2
    assert dialled.hosts == ["8.8.8.8", "8.8.8.8"]
