"""SQS in this process: a FIFO queue that accepts everything; what is received locks its group until it is deleted or visible again."""

from __future__ import annotations

import itertools
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]
VISIBILITY_S = 90


@dataclass
class _Message:
    number: int
    group: str
    body: str
    queued_as: str
    sent_ms: int
    visible_at: float = 0.0
    receipt: str = ""
    received: int = 0


class QuickQueue:
    """`bodies` are all there ever were, in order, each event once, with its time. Deduplication does not end."""

    def __init__(self) -> None:
        self.bodies: list[tuple[float, str]] = []
        self._ids: set[str] = set()
        self._groups: OrderedDict[str, list[_Message]] = OrderedDict()
        self._by_receipt: dict[str, _Message] = {}
        self._receives = itertools.count(1)
        self.operations: dict[str, Callable[[Request], Answer]] = {
            "SendMessageBatch": self._send,
            "ReceiveMessage": self._receive,
            "DeleteMessageBatch": lambda request: self._each(request, self._delete),
            "ChangeMessageVisibilityBatch": lambda request: self._each(request, self._hide),
        }

    def clear(self) -> None:
        """Forget what waits, hidden or not."""
        self._groups.clear()
        self._by_receipt.clear()

    def _send(self, request: Request) -> Answer:
        now, sent_ms = time.monotonic(), int(time.time() * 1000)
        for entry in request["Entries"]:
            queued_as = entry["MessageDeduplicationId"]
            if queued_as not in self._ids:
                self._ids.add(queued_as)
                self.bodies.append((now, entry["MessageBody"]))
                message = _Message(len(self.bodies), entry["MessageGroupId"], entry["MessageBody"], queued_as, sent_ms)
                self._groups.setdefault(message.group, []).append(message)
        accepted = [{"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": ""} for entry in request["Entries"]]
        return {"Successful": accepted, "Failed": []}

    def _receive(self, request: Request) -> Answer:
        now, most = time.monotonic(), request.get("MaxNumberOfMessages", 1)
        found: list[_Message] = []
        for group, messages in list(self._groups.items()):
            if len(found) < most and all(message.visible_at <= now for message in messages[:10]):
                found += messages[: most - len(found)]
                self._groups.move_to_end(group)
        for message in found:
            self._by_receipt.pop(message.receipt, None)
            message.receipt = f"{message.number}/{next(self._receives)}"
            message.visible_at = now + request.get("VisibilityTimeout", VISIBILITY_S)
            message.received += 1
            self._by_receipt[message.receipt] = message
        return {"Messages": [_shown(message) for message in found]} if found else {}

    def _each(self, request: Request, act: Callable[[Request], bool]) -> Answer:
        done = [(entry["Id"], act(entry)) for entry in request["Entries"]]
        failed = [{"Id": name, "SenderFault": True, "Code": "ReceiptHandleIsInvalid"} for name, worked in done if not worked]
        return {"Successful": [{"Id": name} for name, worked in done if worked], "Failed": failed}

    def _delete(self, entry: Request) -> bool:
        message = self._by_receipt.pop(entry["ReceiptHandle"], None)
        if message is None:
            return False
        self._groups[message.group].remove(message)
        if not self._groups[message.group]:
            del self._groups[message.group]
        return True

    def _hide(self, entry: Request) -> bool:
        message = self._by_receipt.get(entry["ReceiptHandle"])
        if message is None:
            return False
        message.visible_at = time.monotonic() + entry["VisibilityTimeout"]
        return True


def _shown(message: _Message) -> Answer:
    return {
        "MessageId": f"00000000-0000-4000-8000-{message.number:012d}",
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": "",
        "Attributes": {
            "ApproximateReceiveCount": str(message.received),
            "SentTimestamp": str(message.sent_ms),
            "SequenceNumber": f"{message.number:020d}",
            "MessageGroupId": message.group,
            "MessageDeduplicationId": message.queued_as,
        },
    }
