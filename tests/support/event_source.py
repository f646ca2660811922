"""A FIFO queue and the mapping that feeds a function from it, as SQS and Lambda do it, on a clock that a test moves.

received   up to ten messages of several groups, the oldest first, each group's in order; a group is locked until all that was received
           of it is deleted or visible again, so one run at a time handles a chat
repeated   an id is taken once within five minutes
driven     N pollers, each handing batches to the function and deleting what it does not name; a poller whose function dies deletes nothing.
           Lambda adds pollers while messages wait; these stay N, which is harder on whoever waits behind a slow neighbour
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from functions.callback_delivery.queue import QueueEntry, entries_of
from shared.clock import Clock
from tests.support.fault_injection import Killed

VISIBILITY_S = 90.0
REMEMBERED_S = 300.0
BATCH = 10
Run = Callable[[Sequence[QueueEntry]], Awaitable[list[str]]]


@dataclass
class _Message:
    number: int
    group: str
    body: str
    queued_as: str
    sent_ms: int
    visible_s: float = 0.0
    receipt: str = ""


class EventSource:
    """The queue; it answers to the calls of an SQS client that we make."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: dict[str, list[_Message]] = {}
        self._by_receipt: dict[str, _Message] = {}
        self._seen: dict[tuple[str, str], float] = {}
        self._numbers = itertools.count(1)
        self.receives = 0
        self.changed = asyncio.Event()

    # what our code calls

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        """Take messages."""
        for entry in request["Entries"]:
            self.send_message(**entry)
        return {"Successful": [{"Id": entry["Id"]} for entry in request["Entries"]]}

    def send_message(self, **request: str) -> None:
        """Take a message, unless one of its id came within five minutes."""
        now, group, queued_as = self._clock.boottime(), request["MessageGroupId"], request["MessageDeduplicationId"]
        if now - self._seen.get((group, queued_as), -REMEMBERED_S) < REMEMBERED_S:
            return
        self._seen[group, queued_as] = now
        sent_ms = int(self._clock.now().timestamp() * 1000)
        message = _Message(next(self._numbers), group, request["MessageBody"], queued_as, sent_ms)
        self._groups.setdefault(group, []).append(message)
        self.changed.set()

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        """Delete messages."""
        for entry in request["Entries"]:
            message = self._by_receipt.pop(entry["ReceiptHandle"], None)
            if message and message.receipt == entry["ReceiptHandle"]:
                self._remove(message)
        self.changed.set()
        return {}

    def change_message_visibility_batch(self, **request: Any) -> dict[str, Any]:
        """Have messages come again after a while."""
        for entry in request["Entries"]:
            message = self._by_receipt.get(entry["ReceiptHandle"])
            if message and message.receipt == entry["ReceiptHandle"]:
                message.visible_s = self._clock.boottime() + entry["VisibilityTimeout"]
        self.changed.set()
        return {}

    # what the mapping does

    def receive(self) -> dict[str, Any]:
        """Return up to ten messages as the mapping hands them over."""
        self.receives += 1
        now = self._clock.boottime()
        found: list[_Message] = []
        free = [messages for messages in self._groups.values() if all(message.visible_s <= now for message in messages[:BATCH])]
        for messages in sorted(free, key=lambda messages: messages[0].number):
            found += messages[: BATCH - len(found)]
            if len(found) == BATCH:
                break
        for message in found:
            message.receipt = f"{message.number}/{self.receives}"
            message.visible_s = now + VISIBILITY_S
            self._by_receipt[message.receipt] = message
        return {"Records": [_record(message) for message in found]}

    @property
    def groups(self) -> set[str]:
        """The groups that have messages, hidden ones included."""
        return set(self._groups)

    @property
    def left(self) -> int:
        """Messages in the queue, hidden ones included."""
        return sum(map(len, self._groups.values()))

    @property
    def next_s(self) -> float | None:
        """How long until a message that is hidden now can be received; None where none is hidden."""
        now = self._clock.boottime()
        hidden = [message.visible_s - now for messages in self._groups.values() for message in messages if message.visible_s > now]
        return min(hidden, default=None)

    def _remove(self, message: _Message) -> None:
        group = self._groups[message.group]
        group.remove(message)
        if not group:
            del self._groups[message.group]


async def drive(source: EventSource, run: Run, pollers: int, idle_s: float = 0.001) -> None:
    """Have N pollers feed the function until nothing is visible and every run is over; Killed runs leave their batches to their time."""
    working = 0

    async def poll() -> None:
        nonlocal working
        while True:
            batch = source.receive()
            if not batch["Records"]:
                if not working:
                    return
                await asyncio.sleep(idle_s)  # the mapping's own polling: another run may end and unlock a chat
                continue
            working += 1
            try:
                await _hand_over(source, run, batch)
            finally:
                working -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(pollers):
            group.create_task(poll())


async def feed(source: EventSource, start: Callable[[], Run], pollers: int) -> None:
    """Have N pollers feed the function until cancelled, each a process of its own (`start`), replaced when it dies."""
    idle = [start() for _ in range(pollers)]

    async def work(run: Run, batch: dict[str, Any]) -> None:
        survived = await _hand_over(source, run, batch)
        idle.append(run if survived else start())
        source.changed.set()

    async with asyncio.TaskGroup() as group:
        while True:
            source.changed.clear()
            batch = source.receive() if idle else {"Records": []}
            if batch["Records"]:
                group.create_task(work(idle.pop(), batch))
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(source.next_s if idle else None):
                    await source.changed.wait()


async def _hand_over(source: EventSource, run: Run, batch: dict[str, Any]) -> bool:
    """Have a batch delivered; False where the function died."""
    try:
        failed = await run(entries_of(batch))
    except Killed:
        return False
    except BaseExceptionGroup as group:
        if not group.subgroup(Killed):
            raise
        return False
    done = [record for record in batch["Records"] if record["messageId"] not in failed]
    source.delete_message_batch(QueueUrl="", Entries=[{"Id": one["messageId"], "ReceiptHandle": one["receiptHandle"]} for one in done])
    return True


def _record(message: _Message) -> dict[str, Any]:
    return {
        "messageId": str(message.number),
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {
            "MessageGroupId": message.group,
            "MessageDeduplicationId": message.queued_as,
            "SentTimestamp": str(message.sent_ms),
        },
    }
