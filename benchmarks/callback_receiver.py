"""Callbacks of all kinds in one process: those that take events, at once or after a while, and those that nobody would want beside them.

    /after/<ms>   200, after so many milliseconds      /drips    one byte of a head after the other, for ever
    /silent       never answers                        /breaks   resets the connection

`python -m benchmarks.callback_receiver SOCKET`; asked "port" it says where it listens, asked "taken" what was posted to /after since the
last time: pairs of webhook-id and the time (CLOCK_MONOTONIC, which all processes share) at which it was there.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

from benchmarks.child import answer_all

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
DRIP_S = 0.25


class CallbackReceiver:
    """The events that were accepted, and the address."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []
        self._port = 0
        self._listens = threading.Event()

    def answer(self, question: str) -> Any:
        """Answer the parent."""
        if question == "port":
            self._listens.wait()
            return self._port
        taken, self.taken = self.taken, []
        return taken

    async def serve(self) -> None:
        """Serve until cancelled."""
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await server.serve_forever()


class _Connection(asyncio.Protocol):
    """A keep-alive connection. It serves one request at a time."""

    def __init__(self, receiver: CallbackReceiver) -> None:
        self._receiver = receiver
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        line, *rest = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (header.partition(":") for header in rest)}
        if len(body) >= int(headers.get("content-length", 0)):
            self._received = b""
            self._posted(line.split(" ")[1].split("/"), headers)

    def _posted(self, path: list[str], headers: dict[str, str]) -> None:
        match path:
            case ["", "after", milliseconds]:
                self._receiver.taken.append((headers["webhook-id"], time.monotonic()))
                if int(milliseconds):
                    asyncio.get_running_loop().call_later(int(milliseconds) / 1000, self._write, OK)
                else:
                    self._write(OK)
            case ["", "drips"]:
                self._write(b"HTTP/1.1 200 OK\r\nX-Long: ")
                self._drip()
            case ["", "breaks"]:
                self._transport.abort()

    def _drip(self) -> None:
        if not self._transport.is_closing():
            self._write(b"x")
            asyncio.get_running_loop().call_later(DRIP_S, self._drip)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


if __name__ == "__main__":
    receiver = CallbackReceiver()
    threading.Thread(target=asyncio.run, args=(receiver.serve(),), daemon=True).start()
    answer_all(sys.argv[1], receiver.answer)
