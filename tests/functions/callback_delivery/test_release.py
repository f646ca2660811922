"""When the messages of chats that have ended leave the queue."""

from __future__ import annotations

import asyncio

from functions.callback_delivery.queue import Entry, Messages, entries_of
from functions.callback_delivery.release import Release
from shared.queues import body_of, entry_of
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.fifo_queue import QUEUE
from testing.fake_aws.service import Answer, Request
from tests.support.clock import FakeClock
from tests.support.event_source import EventSource
from tests.support.events import event_of


class Counted(EventSource):
    """A source that counts the requests that take messages out."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.deletions = 0
        self.sqs = InProcessClient(self._answer)

    def _answer(self, operation: str, request: Request) -> Answer:
        self.deletions += operation == "DeleteMessageBatch"
        return self.queue.answer(operation, request)


def received(source: Counted, chats: int) -> tuple[Messages, list[Entry]]:
    """Return what one receives of a queue with an event for each of so many chats."""
    for event in (event_of(chat_id=number) for number in range(1, chats + 1)):
        source.sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry_of("0", event, body_of(event))])
    return Messages(source.sqs, QUEUE), entries_of(source.receive())


async def test_chats_that_end_with_their_batch_are_left_to_the_mapping() -> None:
    """It takes them out anyway: no request is made for them, and nobody waits longer than for the last one."""
    source = Counted()
    messages, entries = received(source, 3)
    release = Release(3)
    await asyncio.gather(*(release.ended(messages, [entry]) for entry in entries))
    assert (source.deletions, source.queue.left) == (0, 3)


async def test_chats_that_end_before_the_others_leave_the_queue_in_one_request() -> None:
    """While one chat still runs, those that have ended wait for it for a moment only."""
    source = Counted()
    messages, entries = received(source, 3)
    release = Release(3)
    await asyncio.gather(*(release.ended(messages, [entry]) for entry in entries[:2]))
    assert (source.deletions, source.queue.left) == (1, 1)
    await release.ended(messages, entries[2:])
    assert (source.deletions, source.queue.left) == (1, 1)


async def test_a_chat_without_anything_done_takes_nothing_out() -> None:
    """What is put back stays in the queue."""
    source = Counted()
    messages, _ = received(source, 2)
    await Release(2).ended(messages, [])
    assert (source.deletions, source.queue.left) == (0, 2)
