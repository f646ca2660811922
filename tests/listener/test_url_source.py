"""What is fetched from an address that a caller names: public addresses only, each redirect checked (field case S9)."""

from __future__ import annotations

from pathlib import Path

import pytest

from listener.core.url_source import UrlSource
from shared.errors import AvioError, Code
from shared.settings import CallbackSettings
from tests.listener.telegram.media.web_server import web_server

OPEN = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=True)


async def read(source: UrlSource, url: str, limit: int = 1000) -> bytes:
    """Return a whole file."""
    return b"".join([chunk async for chunk in source.read(url, limit)])


async def refusal(source: UrlSource, url: str, limit: int = 1000) -> Code:
    with pytest.raises(AvioError) as raised:
        await read(source, url, limit)
    return raised.value.code


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "http://example.com/",
        "ftp://example.com/",
    ],
)
async def test_on_aws_only_public_addresses_are_read_by_https(url: str) -> None:
    """However the address is written."""
    assert await refusal(UrlSource(CallbackSettings()), url) is Code.ATTACHMENT_REFUSED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_redirect_is_checked_like_an_address(host: str, tmp_path: Path) -> None:
    """To a port of this very system, which nothing is fetched from, by name or by number."""
    async with web_server() as web, web_server() as own:
        own.file("/", b"secret")
        ports = tmp_path / "ports"
        ports.write_text(f"{own.port}\n")
        source = UrlSource(CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=True, own_ports_file=ports))
        web.file("/file", b"hello")
        assert await read(source, web.url("/file", host)) == b"hello"
        web.answers["/go"] = f"HTTP/1.1 307 There\r\nLocation: {own.url('/', host)}\r\nContent-Length: 0\r\n\r\n".encode()
        assert await refusal(source, web.url("/go")) is Code.ATTACHMENT_REFUSED
        assert own.asked == []


async def test_what_is_too_large_is_not_read_to_its_end() -> None:
    """Whether it says so or not."""
    source = UrlSource(OPEN)
    async with web_server() as web:
        web.answers["/endless"] = b"HTTP/1.1 200 OK\r\n\r\n"
        web.endless.add("/endless")
        assert await refusal(source, web.url("/endless")) is Code.ATTACHMENT_TOO_LARGE
        assert await refusal(source, web.file("/large", b"x" * 1001)) is Code.ATTACHMENT_TOO_LARGE


class SteppingClock:
    """A clock that goes on by a step each time that it is read."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._at_s = 0.0

    def __call__(self) -> float:
        self._at_s += self._step_s
        return self._at_s


async def test_what_drips_is_given_up() -> None:
    """However long it goes on: on average too few bytes have come since it began. What only comes in pieces is read."""
    async with web_server() as web:
        web.answers["/drip"] = b"HTTP/1.1 200 OK\r\n\r\nx"
        web.silent.add("/drip")
        assert await refusal(UrlSource(OPEN, now_s=SteppingClock(31)), web.url("/drip")) is Code.ATTACHMENT_UNREACHABLE
        large = web.file("/large", b"x" * 1_000_000)
        assert len(await read(UrlSource(OPEN, now_s=SteppingClock(1)), large, 1_000_000)) == 1_000_000


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"])
async def test_what_falls_silent_is_given_up(begun: bytes) -> None:
    """Before its first byte, or in the middle."""
    async with web_server() as web:
        web.answers["/silent"] = begun
        web.silent.add("/silent")
        assert await refusal(UrlSource(OPEN, silence_s=0.1), web.url("/silent")) is Code.ATTACHMENT_UNREACHABLE
