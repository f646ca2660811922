"""A worker's own way to one AWS service, on which things go wrong.

    worker -> AwsProxy -> emulator        one upstream connection per connection of the worker's

Every request of these services is a POST with a Content-Length, and so is every answer of the emulator's.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.emulator import REGION, Emulator
from local.tcp_proxy import Proxy

Mode = Literal[
    "refuse",  # connections are cut and none is taken
    "hang",  # requests are read and never answered, nor passed on
    "error",  # answered with 500, not passed on
    "throttle",  # answered with a throttling error, not passed on
    "lose_answer",  # passed on; the answer is lost, by a cut or by silence
    "late",  # passed on after some seconds, when the worker may have given up
    "refuse_entries",  # SQS: single entries of a batch are refused, the others passed on
    "deny_entries",  # SQS: all entries are passed on, and single ones said to be refused
]
LATE_S = (0.5, 6.0)
_ENTRY_REFUSED = {"SenderFault": False, "Code": "InternalError", "Message": "chaos"}


@dataclass(frozen=True)
class AwsFault:
    """What goes wrong, and with which share of the requests (or of the entries)."""

    mode: Mode
    share: float = 1.0


@dataclass(frozen=True)
class _Message:
    """A request or an answer: its head up to the empty line, and its body."""

    head: bytes
    body: bytes

    @property
    def operation(self) -> str:
        return _header(self.head, b"x-amz-target").rpartition(".")[2]

    def with_body(self, body: bytes) -> _Message:
        lines = [line for line in self.head.split(b"\r\n") if line and not line.lower().startswith(b"content-length:")]
        return _Message(b"\r\n".join([*lines, b"Content-Length: %d" % len(body), b"", b""]), body)


class AwsProxy(Proxy):
    """`calls` counts requests by operation."""

    def __init__(self, emulator: Emulator, rng: random.Random) -> None:
        super().__init__()
        self._emulator = emulator
        self._rng = rng
        self._fault: AwsFault | None = None
        self._healed = asyncio.Event()
        self.calls: Counter[str] = Counter()

    @property
    def url(self) -> str:
        """What the worker takes for the service."""
        return f"http://{self.address}"

    def break_by(self, fault: AwsFault) -> None:
        """Let something go wrong from now on, instead of what went wrong until now."""
        self.heal()
        self._healed = asyncio.Event()
        self._fault = fault
        if fault.mode == "refuse":
            for writer in self._connections.values():
                writer.transport.abort()

    def heal(self) -> None:
        """Let everything pass; requests that hang are cut off."""
        self._fault = None
        self._healed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream = _Upstream(self._emulator.port)
        try:
            while not (self._fault and self._fault.mode == "refuse"):
                answer = await self._answer(await _read(reader), upstream)
                if answer is None or writer.is_closing():  # cut meanwhile
                    break
                writer.write(answer.head + answer.body)
                await writer.drain()
        except (OSError, EOFError):  # either end is gone, and so is the other
            pass
        finally:
            upstream.close()
            writer.transport.abort()

    async def _answer(self, request: _Message, upstream: _Upstream) -> _Message | None:
        """Return what the worker is answered; None cuts it off."""
        self.calls[request.operation] += 1
        fault = self._fault
        by_entry = fault is not None and fault.mode in ("refuse_entries", "deny_entries")
        if fault is None or (not by_entry and self._rng.random() >= fault.share):
            return await upstream.ask(request)
        healed = self._healed
        match fault.mode:
            case "refuse":
                return None
            case "hang":
                await healed.wait()
                return None
            case "error":
                return _error(500, "InternalServerError")
            case "throttle":
                return _error(400, "ThrottlingException")
            case "lose_answer":
                await upstream.ask(request)
                if self._rng.random() < 0.5:
                    await healed.wait()
                return None
            case "late":
                await asyncio.sleep(self._rng.uniform(*LATE_S))  # the fault itself
                return await upstream.ask(request)
            case "refuse_entries" | "deny_entries":
                return await self._some_entries(request, upstream, fault)

    async def _some_entries(self, request: _Message, upstream: _Upstream, fault: AwsFault) -> _Message:
        if request.operation != "SendMessageBatch":
            return await upstream.ask(request)
        batch = json.loads(request.body)
        refused = {entry["Id"] for entry in batch["Entries"] if self._rng.random() < fault.share}
        passed = batch["Entries"] if fault.mode == "deny_entries" else [one for one in batch["Entries"] if one["Id"] not in refused]
        failed = [{"Id": one, **_ENTRY_REFUSED} for one in refused]
        if not passed:
            return _ok({"Successful": [], "Failed": failed})
        answer = await upstream.ask(self._signed(request.with_body(json.dumps({**batch, "Entries": passed}).encode())))
        said = json.loads(answer.body)
        successful = [one for one in said.get("Successful", []) if one["Id"] not in refused]
        return answer.with_body(json.dumps({"Successful": successful, "Failed": [*said.get("Failed", []), *failed]}).encode())

    def _signed(self, request: _Message) -> _Message:
        """Sign a request to the queue again, as its body has changed; what it is signed with before is left out."""
        start, *lines = [line for line in request.head.decode().split("\r\n") if line]
        headers = dict(line.split(": ", 1) for line in lines if not line.lower().startswith(("authorization:", "x-amz-date:")))
        signed = AWSRequest("POST", self.url + start.split()[1], headers=headers, data=request.body)
        SigV4Auth(Credentials(self._emulator.account, self._emulator.secret), "sqs", REGION).add_auth(signed)
        head = [start, *(f"{name}: {value}" for name, value in signed.headers.items()), "", ""]
        return _Message("\r\n".join(head).encode(), request.body)


class _Upstream:
    """A connection to the emulator, made when it is first needed, and again when the emulator has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: _Message) -> _Message:
        if self._ends is None or self._ends[0].at_eof() or self._ends[1].is_closing():
            self.close()
            self._ends = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._ends
        writer.write(request.head + request.body)
        return await _read(reader)

    def close(self) -> None:
        if self._ends:
            with suppress(OSError):
                self._ends[1].transport.abort()


async def _read(reader: asyncio.StreamReader) -> _Message:
    head = await reader.readuntil(b"\r\n\r\n")
    return _Message(head, await reader.readexactly(int(_header(head, b"content-length") or 0)))


def _header(head: bytes, name: bytes) -> str:
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.lower() == name:
            return value.strip().decode()
    return ""


def _ok(body: object) -> _Message:
    return _Message(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n", b"").with_body(json.dumps(body).encode())


def _error(status: int, name: str) -> _Message:
    head = f"HTTP/1.1 {status} Chaos\r\nContent-Type: application/x-amz-json-1.0\r\n".encode()
    return _Message(head, b"").with_body(json.dumps({"__type": f"com.amazonaws#{name}", "message": "chaos"}).encode())
