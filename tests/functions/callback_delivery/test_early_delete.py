"""When the messages of chats that have ended leave the queue."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from functions.callback_delivery.early_delete import Release
from functions.callback_delivery.queue import Entry, Messages, entries_of
from shared.queues import body_of, entry_of
from tests.support.clock import FakeClock
from tests.support.event_source import EventSource
from tests.support.events import event_of


class Counted(EventSource):
    """A queue that counts the requests that take messages out."""

    deletions = 0

    def delete_message_batch(self, **request: Any) -> dict[str, Any]:
        """Take messages out."""
        self.deletions += 1
        return super().delete_message_batch(**request)


def received(queue: Counted, chats: int) -> tuple[Messages, list[Entry]]:
    """Return what one receives of a queue with an event for each of so many chats."""
    sqs = cast("Any", queue)
    for event in (event_of(chat_id=number) for number in range(1, chats + 1)):
        sqs.send_message_batch(Entries=[entry_of("0", event, body_of(event))])
    return Messages(sqs, ""), entries_of(queue.receive())


async def test_chats_that_end_with_their_batch_are_left_to_the_mapping() -> None:
    """It takes them out anyway: no request is made for them, and nobody waits longer than for the last one."""
    queue = Counted(FakeClock())
    messages, entries = received(queue, 3)
    release = Release(3)
    await asyncio.gather(*(release.ended(messages, [entry]) for entry in entries))
    assert (queue.deletions, queue.left) == (0, 3)


async def test_chats_that_end_before_the_others_leave_the_queue_in_one_request() -> None:
    """While one chat still runs, those that have ended wait for it for a moment only."""
    queue = Counted(FakeClock())
    messages, entries = received(queue, 3)
    release = Release(3)
    await asyncio.gather(*(release.ended(messages, [entry]) for entry in entries[:2]))
    assert (queue.deletions, queue.left) == (1, 1)
    await release.ended(messages, entries[2:])
    assert (queue.deletions, queue.left) == (1, 1)


async def test_a_chat_without_anything_done_takes_nothing_out() -> None:
    """What is put back stays in the queue."""
    queue = Counted(FakeClock())
    messages, _ = received(queue, 2)
    await Release(2).ended(messages, [])
    assert (queue.deletions, queue.left) == (0, 2)
