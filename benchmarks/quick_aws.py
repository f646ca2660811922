"""An AWS of fixed latency that costs next to nothing: tables, keys and a queue in this process, and every call named and counted.

The emulator takes some milliseconds of processor time for each call. Behind thousands of accounts that would be most of what is
measured; here a call costs a tenth of one and then waits. It understands what our stores send and refuses the rest, and
tests/benchmarks/test_quick_aws.py holds it to the emulator. Its tables and its queue have modules of their own.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from botocore.exceptions import ClientError

from benchmarks.expressions import NotUnderstood
from benchmarks.padded_aws import LATENCY_S, purpose
from benchmarks.quick_queue import QuickQueue
from benchmarks.quick_table import Answer, QuickTables, Refused, Request
from local.emulator import ACCOUNT, REGION

TABLE, DELIVERIES, QUEUE, KEY = "avio", "deliveries", "events.fifo", "key"
BYTES = {"B", "Plaintext", "CiphertextBlob"}


class QuickAws:
    """One account of AWS, empty at first; `url` is set while it runs. Its parts may be used by any thread."""

    def __init__(self, latency_s: float = LATENCY_S) -> None:
        self.url = ""
        self.latency_s = latency_s
        self.calls: Counter[str] = Counter()
        self.first_at: dict[str, float] = {}
        self.tables = QuickTables()
        self.keys = QuickKeys()
        self.queue = QuickQueue()
        self._lock = threading.Lock()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[QuickAws]:
        """Serve on a free port of 127.0.0.1 while the block lasts."""
        loop = asyncio.get_running_loop()
        transports: set[asyncio.Transport] = set()
        server = await loop.create_server(lambda: _Connection(self, transports), "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for transport in list(transports):
                transport.abort()
            await asyncio.sleep(0)  # the aborted connections take leave in the loop's next round

    @property
    def environment(self) -> dict[str, str]:
        """What a listener or a function needs to work with this account and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TABLE_NAME": TABLE,
            "DELIVERIES_TABLE_NAME": DELIVERIES,
            "EVENTS_QUEUE_URL": f"{self.url}/{ACCOUNT}/{QUEUE}",
            "KMS_KEY_ID": KEY,
        }

    @property
    def client(self) -> Any:
        """A client in boto3's words that asks without a network and is not counted: to prepare what is measured, and to look at it."""
        return _Client(self)

    def serve(self, target: str, body: bytes) -> tuple[int, bytes]:
        """Answer a request of the wire and count it."""
        name = purpose(target, body)
        self.calls[name] += 1
        self.first_at.setdefault(name, time.monotonic())
        try:
            return 200, json.dumps(self.answer(target.rpartition(".")[2], json.loads(body))).encode()
        except Refused as refused:
            return 400, json.dumps({"__type": refused.code, "message": refused.message, **refused.fields}).encode()
        except NotUnderstood as error:
            return 400, json.dumps({"__type": "ValidationException", "message": f"not known here: {error}"}).encode()

    def answer(self, operation: str, request: Request) -> Answer:
        """Answer a request; raises Refused, and NotUnderstood for what is not known here."""
        for part in (self.tables, self.keys, self.queue):
            if operation in part.operations:
                with self._lock:
                    return part.operations[operation](request)
        raise NotUnderstood(operation)


class _Connection(asyncio.Protocol):
    """One keep-alive connection; a client waits for an answer before it sends the next request, as botocore does."""

    def __init__(self, aws: QuickAws, transports: set[asyncio.Transport]) -> None:
        self._aws = aws
        self._received = b""
        self._transports = transports
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._transports.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transports.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head.decode().split("\r\n"))}
        if len(body) < int(headers.get("content-length", 0)):
            return
        self._received = b""
        status, answer = self._aws.serve(headers.get("x-amz-target", head.decode().split(" ", 2)[1]), body)
        reason = "OK" if status == 200 else "Bad Request"
        whole = f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
        asyncio.get_running_loop().call_later(self._aws.latency_s, self._write, whole + answer)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


class _Client:
    """What boto3 does between its callers and the wire: bytes travel as text, and refusals are ClientErrors."""

    def __init__(self, aws: QuickAws) -> None:
        self._aws = aws

    def __getattr__(self, method: str) -> Callable[..., Answer]:
        operation = "".join(word.title() for word in method.split("_"))

        def call(**request: Any) -> Answer:
            try:
                answer: Answer = _from_wire(self._aws.answer(operation, _to_wire(request)))
            except Refused as refused:
                response: Any = {"Error": {"Code": refused.code, "Message": refused.message}, **_from_wire(refused.fields)}
                raise ClientError(response, operation) from refused
            return answer

        return call


def _to_wire(value: Any) -> Any:
    match value:
        case bytes():
            return _text(value)
        case dict():
            return {name: _to_wire(one) for name, one in value.items()}
        case list():
            return [_to_wire(one) for one in value]
        case _:
            return value


def _from_wire(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: base64.b64decode(one) if name in BYTES and isinstance(one, str) else _from_wire(one) for name, one in value.items()
            }
        case list():
            return [_from_wire(one) for one in value]
        case _:
            return value


class QuickKeys:
    """KMS: data keys that only the context they were made for unwraps."""

    def __init__(self) -> None:
        self._made: dict[bytes, tuple[bytes, dict[str, str]]] = {}
        self.operations: dict[str, Callable[[Request], Answer]] = {"GenerateDataKey": self._generate, "Decrypt": self._decrypt}

    def _generate(self, request: Request) -> Answer:
        wrapped, plain = secrets.token_bytes(184), secrets.token_bytes(32)
        self._made[wrapped] = plain, request["EncryptionContext"]
        return {"CiphertextBlob": _text(wrapped), "Plaintext": _text(plain), "KeyId": KEY}

    def _decrypt(self, request: Request) -> Answer:
        plain, context = self._made.get(base64.b64decode(request["CiphertextBlob"]), (b"", {}))
        if not plain or context != request["EncryptionContext"]:
            raise Refused("InvalidCiphertextException")
        return {"Plaintext": _text(plain), "KeyId": KEY}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
