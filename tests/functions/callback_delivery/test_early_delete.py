"""Deleting the messages of finished chats before their batch ends."""

from __future__ import annotations

import asyncio

from functions.callback_delivery.early_delete import EarlyDelete
from functions.callback_delivery.queue import Messages, QueueEntry, entries_of
from shared.queues import body_of, entry_of
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.fifo_queue import QUEUE
from testing.fake_aws.service import Answer, Request
from tests.support.clock import FakeClock
from tests.support.event_source import EventSource
from tests.support.events import event_of


class CountingEventSource(EventSource):
    """A source that counts delete requests."""

    def __init__(self) -> None:
        super().__init__(FakeClock())
        self.deletions = 0
        self.sqs = InProcessClient(self._answer)

    def _answer(self, operation: str, request: Request) -> Answer:
        self.deletions += operation == "DeleteMessageBatch"
        return self.queue.answer(operation, request)


def received(source: CountingEventSource, chats: int) -> tuple[Messages, list[QueueEntry]]:
    """Queue an event for each of so many chats; return what is received."""
    for event in (event_of(chat_id=number) for number in range(1, chats + 1)):
        source.sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry_of("0", event, body_of(event))])
    return Messages(source.sqs, QUEUE), entries_of(source.receive())


async def test_chats_that_end_with_their_batch_are_left_to_the_mapping() -> None:
    """The mapping deletes them anyway: no request is made, and no chat waits longer than the last one takes."""
    source = CountingEventSource()
    messages, entries = received(source, 3)
    early_delete = EarlyDelete(messages, 3)
    await asyncio.gather(*(early_delete.chat_ended([entry]) for entry in entries))
    assert (source.deletions, source.queue.left) == (0, 3)


async def test_chats_that_end_before_the_others_leave_the_queue_in_one_request() -> None:
    """While one chat still runs, finished chats wait only a moment for it."""
    source = CountingEventSource()
    messages, entries = received(source, 3)
    early_delete = EarlyDelete(messages, 3)
    await asyncio.gather(*(early_delete.chat_ended([entry]) for entry in entries[:2]))
    assert (source.deletions, source.queue.left) == (1, 1)
    await early_delete.chat_ended(entries[2:])
    assert (source.deletions, source.queue.left) == (1, 1)


async def test_a_chat_without_anything_done_takes_nothing_out() -> None:
    """Messages that are put back stay in the queue."""
    source = CountingEventSource()
    messages, _ = received(source, 2)
    await EarlyDelete(messages, 2).chat_ended([])
    assert (source.deletions, source.queue.left) == (0, 2)
