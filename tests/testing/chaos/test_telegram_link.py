"""The way to Telegram on which things go wrong: cut, refused, silent, and good again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from testing.chaos.telegram_link import TelegramLink

DEADLINE_S = 30
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def link() -> AsyncIterator[TelegramLink]:
    """A link to a server that says everything twice."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line + line)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    made = TelegramLink(f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await made.start()
    yield made
    await made.close()
    server.close()


async def _connect(link: TelegramLink) -> Ends:
    return await asyncio.open_connection("127.0.0.1", link.port)


async def _said(ends: Ends, line: bytes) -> bytes:
    """Say a line and return all that is answered: nothing where the connection is over."""
    reader, writer = ends
    async with asyncio.timeout(DEADLINE_S):
        try:
            writer.write(line + b"\n")
            return await reader.readexactly(2 * len(line) + 2)
        except (OSError, EOFError):
            return b""


def _close(*all_ends: Ends) -> None:
    for _, writer in all_ends:
        writer.transport.abort()


async def test_everything_passes(link: TelegramLink) -> None:
    """In both directions, and later too when it is slow."""
    ends = await _connect(link)
    assert await _said(ends, b"one") == b"one\none\n"
    link.delay_s = 0.01
    assert await _said(ends, b"two") == b"two\ntwo\n"
    _close(ends)


async def test_a_cut_ends_connections_and_lets_new_ones_be_made(link: TelegramLink) -> None:
    """Unless it also refuses, until it is healed."""
    old = await _connect(link)
    assert await _said(old, b"one")
    link.cut()
    link.refusing = True
    assert await _said(old, b"two") == b""
    refused = await _connect(link)
    assert await _said(refused, b"three") == b""
    link.heal()
    new = await _connect(link)
    assert await _said(new, b"four") == b"four\nfour\n"
    _close(old, refused, new)


async def test_a_silent_link_drops_what_was_said_into_it(link: TelegramLink) -> None:
    """Its connections stay open until it is healed; then they are cut, old and new ones, and the server never hears what was held."""
    old = await _connect(link)
    assert await _said(old, b"one")
    link.fall_silent()
    new = await _connect(link)
    waiting = [asyncio.create_task(_said(ends, b"two")) for ends in (old, new)]
    done, _ = await asyncio.wait(waiting, timeout=0.2)  # nothing announces that nothing happens
    assert not done
    link.heal()
    assert await asyncio.gather(*waiting) == [b"", b""]
    again = await _connect(link)
    assert await _said(again, b"three") == b"three\nthree\n"
    _close(old, new, again)
