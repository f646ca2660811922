"""An AWS of fixed latency that costs next to nothing: tables, keys and a queue in this process, and every call named and counted.

The emulator takes some milliseconds of processor time for each call. Behind thousands of accounts that would be most of what is
measured; here a call costs a tenth of one and then waits. It understands what our stores send and refuses the rest, and
tests/benchmarks/test_quick_aws.py holds it to the emulator. The queue accepts everything.
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

from benchmarks.expressions import Item, NotUnderstood, changed, holds
from benchmarks.padded_aws import LATENCY_S, purpose
from local.emulator import ACCOUNT, REGION
from shared.store import keys

TABLE, QUEUE, KEY = "avio", "events.fifo", "key"
INDEXED = ("pk", "sk", "owner", "epoch")
"""What the index by owner shows (infra_cdk/data.py)."""

BYTES = {"B", "Plaintext", "CiphertextBlob"}

Request = dict[str, Any]
Answer = dict[str, Any]


class Refused(Exception):
    """An error answer of AWS: its code, its message and fields beside them."""

    def __init__(self, code: str, message: str = "", **fields: Any) -> None:
        super().__init__(code)
        self.code, self.message, self.fields = code, message, fields


class QuickAws:
    """One account of AWS, empty at first; `url` is set while it runs. Its parts may be used by any thread."""

    def __init__(self, latency_s: float = LATENCY_S) -> None:
        self.url = ""
        self.latency_s = latency_s
        self.calls: Counter[str] = Counter()
        self.first_at: dict[str, float] = {}
        self.table = QuickTable()
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
        """What a listener needs to work with this account and no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "TABLE_NAME": TABLE,
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
        for part in (self.table, self.keys, self.queue):
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


def _is_bytes(name: str, value: Any) -> bool:
    return name in BYTES and isinstance(value, str)


class QuickTable:
    """DynamoDB: one table and its index by owner."""

    def __init__(self) -> None:
        self._partitions: dict[str, dict[str, Item]] = {}
        self._owners: dict[str, dict[str, Item]] = {}
        self.operations: dict[str, Callable[[Request], Answer]] = {
            "GetItem": self._get,
            "PutItem": self._put,
            "UpdateItem": self._update,
            "DeleteItem": self._delete,
            "Query": self._query,
            "BatchGetItem": self._get_many,
            "BatchWriteItem": self._write_many,
            "TransactWriteItems": self._write_all,
        }

    def _found(self, key: Item) -> Item | None:
        return self._partitions.get(key["pk"]["S"], {}).get(key["sk"]["S"])

    def _get(self, request: Request) -> Answer:
        item = self._found(request["Key"])
        return {"Item": item} if item else {}

    def _get_many(self, request: Request) -> Answer:
        found = {name: [item for key in asked["Keys"] if (item := self._found(key))] for name, asked in request["RequestItems"].items()}
        return {"Responses": found, "UnprocessedKeys": {}}

    def _put(self, request: Request) -> Answer:
        self._check(request, request["Item"])
        self._write(request["Item"])
        return {}

    def _update(self, request: Request) -> Answer:
        before = self._check(request, request["Key"])
        update = request.get("UpdateExpression", "")
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        after = changed(update, {**request["Key"], **(before or {})}, values, names)
        self._write(after)
        return {"Attributes": after} if request.get("ReturnValues") == "ALL_NEW" else {}

    def _delete(self, request: Request) -> Answer:
        if before := self._check(request, request["Key"]):
            del self._partitions[before["pk"]["S"]][before["sk"]["S"]]
            self._index(before, None)
        return {}

    def _query(self, request: Request) -> Answer:
        condition, names = request["KeyConditionExpression"], request.get("ExpressionAttributeNames", {})
        values = request["ExpressionAttributeValues"]
        partition = values[condition.partition("= ")[2].partition(" ")[0].strip("()")]["S"]  # our stores name the partition first
        items = (self._owners if request.get("IndexName") == keys.BY_OWNER else self._partitions).get(partition, {})
        found = [items[place] for place in sorted(items) if holds(condition, items[place], values, names)]
        if not request.get("ScanIndexForward", True):
            found.reverse()
        return {"Items": found[: request.get("Limit", len(found))]}

    def _write_many(self, request: Request) -> Answer:
        for act in (act for acts in request["RequestItems"].values() for act in acts):
            for kind, one in act.items():
                self.operations[f"{kind.removesuffix('Request')}Item"](one)
        return {"UnprocessedItems": {}}

    def _write_all(self, request: Request) -> Answer:
        acts = [next(iter(act.items())) for act in request["TransactItems"]]
        try:
            for kind, act in acts:
                self._check(act, act["Item"] if kind == "Put" else act["Key"])
        except Refused as refused:
            reasons = {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}]}
            raise Refused("TransactionCanceledException", "[ConditionalCheckFailed]", **reasons) from refused
        for kind, act in acts:
            if kind != "ConditionCheck":
                self.operations[f"{kind}Item"](act)
        return {}

    def _check(self, request: Request, key: Item) -> Item | None:
        before = self._found(key)
        values, names = request.get("ExpressionAttributeValues", {}), request.get("ExpressionAttributeNames", {})
        if not holds(request.get("ConditionExpression"), before or {}, values, names):
            shown: dict[str, Any] = {"Item": before} if before and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else {}
            raise Refused("ConditionalCheckFailedException", "the condition does not hold", **shown)
        return before

    def _write(self, item: Item) -> None:
        before = self._found(item)
        self._partitions.setdefault(item["pk"]["S"], {})[item["sk"]["S"]] = item
        self._index(before, item)

    def _index(self, before: Item | None, after: Item | None) -> None:
        for item in (before, after):
            if item and "owner" in item:
                place = f"{item['pk']['S']} {item['sk']['S']}"
                owned = self._owners.setdefault(item["owner"]["S"], {})
                owned.pop(place, None)
                if item is after:
                    owned[place] = {name: item[name] for name in INDEXED if name in item}


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


class QuickQueue:
    """SQS: a FIFO queue that accepts everything and that nobody receives from. `bodies` are in order, each event once, with its time."""

    def __init__(self) -> None:
        self.bodies: list[tuple[float, str]] = []
        self._ids: set[str] = set()
        self.operations: dict[str, Callable[[Request], Answer]] = {"SendMessageBatch": self._send}

    def _send(self, request: Request) -> Answer:
        now = time.monotonic()
        for entry in request["Entries"]:
            if entry["MessageDeduplicationId"] not in self._ids:
                self._ids.add(entry["MessageDeduplicationId"])
                self.bodies.append((now, entry["MessageBody"]))
        accepted = [{"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": ""} for entry in request["Entries"]]
        return {"Successful": accepted, "Failed": []}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
