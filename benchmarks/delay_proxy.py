"""A TCP proxy that makes the other end seem far away: each direction is delayed, in order, and nothing is lost or limited.

    client -> accepted -> (delay) -> server
           <- (delay)  <-

The kernel answers a connect to the proxy at once, so the round trip that a real handshake takes is added to the client's first bytes.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from local.tcp_proxy import Proxy

AHEAD = 4096
"""The most pieces under way in one direction. Then the sender has to wait."""


class DelayProxy(Proxy):
    """Listens while the block lasts. `delay_s` is one way: half of a round trip."""

    def __init__(self, host: str, port: int, delay_s: float) -> None:
        super().__init__()
        self._to = (host, port)
        self._delay_s = delay_s

    async def __aenter__(self) -> DelayProxy:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted_at = asyncio.get_running_loop().time()
        ends = [writer]
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            ends.append(far_writer)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(reader, far_writer, accepted_at + 2 * self._delay_s))
                ways.create_task(self._carry(far_reader, writer, accepted_at))
        except* OSError:  # one end is gone, and so is the other
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, not_before: float) -> None:
        """Carry one direction to its end. `not_before` is when the source could have begun to send."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(AHEAD)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take(source, under_way, not_before))
            both.create_task(self._give(under_way, sink))

    async def _take(self, source: asyncio.StreamReader, under_way: asyncio.Queue[tuple[float, bytes]], not_before: float) -> None:
        now = asyncio.get_running_loop().time
        data = b"?"
        while data:
            data = await source.read(1 << 16)
            await under_way.put((max(now(), not_before) + self._delay_s, data))

    async def _give(self, under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        while True:
            due, data = await under_way.get()
            await asyncio.sleep(max(0.0, due - now()))  # the delay itself
            if not data:
                sink.write_eof()
                return
            sink.write(data)
            await sink.drain()
