"""The proxy that makes a server seem far away."""

from __future__ import annotations

import asyncio
import time

from benchmarks.delay_proxy import DelayProxy

DELAY_S = 0.02
DEADLINE_S = 30
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class DistantServer:
    """A server that hands over each connection that comes."""

    def __init__(self) -> None:
        self._accepted: asyncio.Queue[Streams] = asyncio.Queue()

    async def __aenter__(self) -> DistantServer:
        self._server = await asyncio.start_server(lambda *streams: self._accepted.put_nowait(streams), "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def connection(self) -> Streams:
        return await asyncio.wait_for(self._accepted.get(), DEADLINE_S)


async def through(proxy: DelayProxy) -> Streams:
    return await asyncio.open_connection("127.0.0.1", proxy.port)


async def test_each_direction_is_delayed_and_the_handshake_counts() -> None:
    """A first request and its answer cost two round trips, each later one a single one."""
    async with DistantServer() as far, DelayProxy("127.0.0.1", far.port, DELAY_S) as proxy:
        began = time.monotonic()
        reader, writer = await through(proxy)
        far_reader, far_writer = await far.connection()
        took = []
        for _ in range(2):
            writer.write(b"?")
            assert await far_reader.readexactly(1) == b"?"
            far_writer.write(b"!")
            assert await reader.readexactly(1) == b"!"
            took.append(time.monotonic() - began)
            began = time.monotonic()
        assert took[0] >= 4 * DELAY_S
        assert took[1] >= 2 * DELAY_S
        writer.close()
        far_writer.close()


async def test_bytes_arrive_whole_and_in_order_side_by_side() -> None:
    """Many pieces are under way at once, however many: a delay is not a limit."""
    pieces = [number.to_bytes(4, "big") * 1000 for number in range(500)]
    async with DistantServer() as far, DelayProxy("127.0.0.1", far.port, DELAY_S) as proxy:
        reader, writer = await through(proxy)
        far_reader, far_writer = await far.connection()

        async def give(sink: asyncio.StreamWriter) -> None:
            for piece in pieces:
                sink.write(piece)
                await sink.drain()
            sink.write_eof()

        async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(give(writer))
            tasks.create_task(give(far_writer))
            there, back = tasks.create_task(far_reader.read(-1)), tasks.create_task(reader.read(-1))
        assert there.result() == back.result() == b"".join(pieces)
        writer.close()
        far_writer.close()


async def test_an_end_that_breaks_off_breaks_the_other() -> None:
    """A reset there is an end here, and the proxy serves on."""
    async with DistantServer() as far, DelayProxy("127.0.0.1", far.port, DELAY_S) as proxy:
        for _ in range(2):
            reader, writer = await through(proxy)
            _, far_writer = await far.connection()
            far_writer.transport.abort()
            assert await asyncio.wait_for(reader.read(-1), DEADLINE_S) == b""
            writer.close()


async def test_a_server_that_is_away_refuses() -> None:
    """The connection is accepted, as the kernel does that, and closed at once."""
    async with DistantServer() as far:
        gone = far.port
    async with DelayProxy("127.0.0.1", gone, DELAY_S) as proxy:
        reader, writer = await through(proxy)
        try:
            assert await asyncio.wait_for(reader.read(-1), DEADLINE_S) == b""
        except ConnectionResetError:
            pass
        finally:
            writer.close()
