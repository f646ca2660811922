"""The mapping that feeds a function from a FIFO queue, as Lambda does it, on a clock that a test moves.

N pollers hand batches to the function, one chat to one run at a time, and delete what it does not name; a poller whose function dies
deletes nothing. Lambda adds pollers while messages wait; these stay N, which is harder on a chat behind a slow neighbour.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from functions.callback_delivery.queue import QueueEntry, entries_of
from shared.clock import Clock
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.fifo_queue import QUEUE, FakeFifoQueue
from tests.support.fault_injection import Killed

BATCH = 10
Run = Callable[[Sequence[QueueEntry]], Awaitable[list[str]]]


class EventSource:
    """Hands over what can be received of a queue. `changed` is set when more may have become visible."""

    def __init__(self, clock: Clock) -> None:
        self.changed = asyncio.Event()
        self.queue = FakeFifoQueue(clock, self.changed.set, oldest_first=True)
        self.sqs: Any = InProcessClient(self.queue.answer)

    def receive(self) -> dict[str, Any]:
        """Return up to ten messages as the mapping hands them over."""
        messages = self.sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=BATCH).get("Messages", [])
        return {"Records": [_record(message) for message in messages]}

    def delete(self, records: Iterable[dict[str, Any]]) -> None:
        """Take messages out."""
        if entries := [{"Id": record["messageId"], "ReceiptHandle": record["receiptHandle"]} for record in records]:
            self.sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries)


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
                async with asyncio.timeout(source.queue.next_visible_s if idle else None):
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
    source.delete(record for record in batch["Records"] if record["messageId"] not in failed)
    return True


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }
