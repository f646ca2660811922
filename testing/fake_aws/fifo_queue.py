"""An SQS FIFO queue in memory, on a clock that is injected.

order            a group's messages in the order they were sent; SQS promises nothing of several groups: here they take turns, or, where a
                 test is to be hard on whoever waits behind a slow group, the group whose first message is the oldest comes first
lock             what is received hides its whole group, until all of it is deleted or visible again
deduplication    one id is taken once per group within five minutes; a message that was taken before is acknowledged and dropped
receipt          a new one with each receive; only the last one counts

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.clock import Clock, SystemClock
from testing.fake_aws.service import Answer, FakeService, NotSupported, Request, RequestRefused, operation

QUEUE = "events.fifo"
VISIBILITY_S = 90.0
DEDUPLICATION_S = 300.0
MOST_ENTRIES = 10
_CODE = "AWS.SimpleQueueService"
ENTRY = {"Id", "MessageBody", "MessageGroupId", "MessageDeduplicationId"}


@dataclass
class Message:
    """A message in the queue; times by the clock's boot time, unless they say otherwise."""

    number: int
    group: str
    body: str
    deduplication_id: str
    sent_ms: int
    visible_s: float = 0.0
    receipt: str = ""
    receive_count: int = 0

    @property
    def id(self) -> str:
        """Its message id."""
        return f"00000000-0000-4000-8000-{self.number:012d}"


class FakeFifoQueue(FakeService):
    """`sent` holds the body of every message that was ever taken, in order, each with its `time.monotonic`, whatever the clock.

    `on_change` is called when messages may have become visible. A receive answers at once, also where it asks for a wait; there is neither
    a dead-letter queue nor a retention period.
    """

    def __init__(self, clock: Clock | None = None, on_change: Callable[[], None] = lambda: None, *, oldest_first: bool = False) -> None:
        super().__init__(
            {
                "SendMessageBatch": operation(self._send, "QueueUrl Entries"),
                "ReceiveMessage": operation(
                    self._receive,
                    "QueueUrl MaxNumberOfMessages VisibilityTimeout AttributeNames MessageSystemAttributeNames WaitTimeSeconds",
                ),
                "DeleteMessageBatch": operation(lambda request: self._each(request, self._delete), "QueueUrl Entries"),
                "ChangeMessageVisibilityBatch": operation(lambda request: self._each(request, self._change_visibility), "QueueUrl Entries"),
            }
        )
        self.sent: list[tuple[float, str]] = []
        self._clock = clock or SystemClock()
        self._on_change = on_change
        self._oldest_first = oldest_first
        self._receives = itertools.count(1)
        self._accepted_s: dict[tuple[str, str], float] = {}
        self._groups: dict[str, list[Message]] = {}
        self._by_receipt: dict[str, Message] = {}

    @property
    def groups(self) -> set[str]:
        """The groups that have messages, hidden ones included."""
        with self._lock:
            return set(self._groups)

    @property
    def left(self) -> int:
        """Messages in the queue, hidden ones included."""
        with self._lock:
            return sum(map(len, self._groups.values()))

    @property
    def next_visible_s(self) -> float | None:
        """How long until a message that is hidden now becomes visible; None where none is hidden."""
        now = self._clock.boottime()
        with self._lock:
            hidden = [message.visible_s - now for messages in self._groups.values() for message in messages if message.visible_s > now]
        return min(hidden, default=None)

    def clear(self) -> None:
        """Drop all messages, hidden ones included."""
        with self._lock:
            self._groups.clear()
            self._by_receipt.clear()

    def answer(self, name: str, request: Request) -> Answer:
        """Answer a request; raises RequestRefused and NotSupported."""
        if request.get("QueueUrl", "").rpartition("/")[2] != QUEUE:
            raise RequestRefused(f"{_CODE}.NonExistentQueue", "The specified queue does not exist.")
        return super().answer(name, request)

    def _send(self, request: Request) -> Answer:
        entries = _entries(request)
        now, sent_ms = self._clock.boottime(), int(self._clock.now().timestamp() * 1000)
        for entry in entries:
            self._take(entry, now, sent_ms)
        self._on_change()
        return {"Successful": [{"Id": entry["Id"], "MessageId": entry["Id"], "MD5OfMessageBody": ""} for entry in entries], "Failed": []}

    def _take(self, entry: Request, now: float, sent_ms: int) -> None:
        if not entry.keys() <= ENTRY:
            raise NotSupported(f"an entry with {', '.join(sorted(entry.keys() - ENTRY))}")
        group, deduplication_id = entry["MessageGroupId"], entry["MessageDeduplicationId"]
        if now - self._accepted_s.get((group, deduplication_id), -DEDUPLICATION_S) < DEDUPLICATION_S:
            return
        self._accepted_s[group, deduplication_id] = now
        self.sent.append((time.monotonic(), entry["MessageBody"]))
        message = Message(len(self.sent), group, entry["MessageBody"], deduplication_id, sent_ms)
        self._groups.setdefault(group, []).append(message)

    def _receive(self, request: Request) -> Answer:
        now, most = self._clock.boottime(), request.get("MaxNumberOfMessages", 1)
        free = [messages for messages in self._groups.values() if all(message.visible_s <= now for message in messages[:MOST_ENTRIES])]
        if self._oldest_first:
            free.sort(key=lambda messages: messages[0].number)
        found = list(itertools.islice(itertools.chain.from_iterable(free), most))
        for message in found:
            self._by_receipt.pop(message.receipt, None)
            message.receipt = f"{message.number}/{next(self._receives)}"
            message.visible_s = now + request.get("VisibilityTimeout", VISIBILITY_S)
            message.receive_count += 1
            self._by_receipt[message.receipt] = message
        for group in dict.fromkeys(message.group for message in found):
            self._groups[group] = self._groups.pop(group)  # behind the others
        return {"Messages": [_shown(message) for message in found]} if found else {}

    def _each(self, request: Request, act: Callable[[Request], bool]) -> Answer:
        done = [(entry["Id"], act(entry)) for entry in _entries(request)]
        self._on_change()
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

    def _change_visibility(self, entry: Request) -> bool:
        message = self._by_receipt.get(entry["ReceiptHandle"])
        if message is None:
            return False
        message.visible_s = self._clock.boottime() + entry["VisibilityTimeout"]
        return True


def _entries(request: Request) -> list[Request]:
    """Return the entries of a batch; raises RequestRefused for a batch that SQS does not take as a whole."""
    entries: list[Request] = request["Entries"]
    if not entries:
        raise RequestRefused(f"{_CODE}.EmptyBatchRequest")
    if len(entries) > MOST_ENTRIES:
        raise RequestRefused(f"{_CODE}.TooManyEntriesInBatchRequest")
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise RequestRefused(f"{_CODE}.BatchEntryIdsNotDistinct")
    return entries


def _shown(message: Message) -> Answer:
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": "",
        "Attributes": {
            "ApproximateReceiveCount": str(message.receive_count),
            "SentTimestamp": str(message.sent_ms),
            "SequenceNumber": f"{message.number:020d}",
            "MessageGroupId": message.group,
            "MessageDeduplicationId": message.deduplication_id,
        },
    }
