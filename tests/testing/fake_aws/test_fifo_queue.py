"""Requests to a FIFO queue, each with the same answer of the fake and of the emulator; and time, which only the fake can be told."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.model.event import Event
from shared.model.ids import TenantId
from shared.queues import accepted, body_of, entry_of
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.fifo_queue import QUEUE, FakeFifoQueue
from tests.support.aws_variants import AwsVariant
from tests.support.clock import FakeClock
from tests.support.events import event_of

ANN = TenantId("ann")
FIRST, SECOND, OTHER = (event_of(ANN, chat_id=chat, message_id=message) for chat, message in ((1, 1), (1, 2), (2, 3)))


class Sqs:
    """A client for one queue."""

    def __init__(self, client: Any, url: str) -> None:
        self.client = client
        self.url = url

    def send(self, *events: Event) -> None:
        """Send events in one request."""
        entries = [entry_of(str(number), event, body_of(event)) for number, event in enumerate(events)]
        assert all(accepted(self.client.send_message_batch(QueueUrl=self.url, Entries=entries), len(events)))

    def receive(self, most: int = 10, **more: Any) -> list[dict[str, Any]]:
        """Return what can be received now."""
        answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=most, AttributeNames=["All"], **more)
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def hide(self, messages: list[dict[str, Any]], seconds: int) -> list[bool]:
        """Change how long messages are hidden; tell of each whether it was taken."""
        entries = [{**entry, "VisibilityTimeout": seconds} for entry in _entries(messages)]
        return accepted(self.client.change_message_visibility_batch(QueueUrl=self.url, Entries=entries), len(entries))

    def delete(self, messages: list[dict[str, Any]]) -> list[bool]:
        """Delete messages; tell of each whether it was taken."""
        return accepted(self.client.delete_message_batch(QueueUrl=self.url, Entries=_entries(messages)), len(messages))


def _entries(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]} for number, message in enumerate(messages)]


def ids(messages: list[dict[str, Any]]) -> list[str]:
    """Return the deduplication ids, in order."""
    return [message["Attributes"]["MessageDeduplicationId"] for message in messages]


@pytest.fixture
def sqs(variant: AwsVariant) -> Sqs:
    """The queue of each side."""
    return Sqs(variant.client("sqs"), variant.events_queue_url)


def test_a_group_is_locked_until_it_is_deleted_or_visible_again(sqs: Sqs) -> None:
    """A later message of it waits; other groups do not."""
    sqs.send(FIRST)
    received = sqs.receive()
    assert received[0]["Attributes"]["MessageGroupId"] == FIRST.group
    sqs.send(SECOND, OTHER)
    assert ids(sqs.receive()) == [OTHER.id]
    assert sqs.hide(received, 0) == [True]
    again = sqs.receive()
    assert ids(again) == [FIRST.id, SECOND.id]
    assert sqs.delete(again) == [True, True]
    assert sqs.receive() == []


def test_a_receive_takes_no_more_than_asked_for(sqs: Sqs) -> None:
    """The rest of a group waits for what was taken of it."""
    sqs.send(FIRST, SECOND, OTHER)
    one = sqs.receive(1)
    assert ids(one) == [FIRST.id]
    assert ids(sqs.receive()) == [OTHER.id]
    sqs.delete(one)
    assert ids(sqs.receive()) == [SECOND.id]


def test_receives_are_counted_and_each_has_a_receipt_of_its_own(sqs: Sqs) -> None:
    """A receipt of an earlier receive takes nothing out and hides nothing."""
    sqs.send(FIRST)
    first = sqs.receive(VisibilityTimeout=0)
    second = sqs.receive()
    counts = [message["Attributes"]["ApproximateReceiveCount"] for message in (*first, *second)]
    assert counts == ["1", "2"]
    assert (sqs.delete(first), sqs.hide(first, 0)) == ([False], [False])
    assert sqs.receive() == []
    assert (sqs.delete(second), sqs.delete(second)) == ([True], [False])


def test_a_message_sent_twice_is_one_even_after_it_was_deleted(sqs: Sqs) -> None:
    """The second is accepted and dropped."""
    sqs.send(FIRST)
    sqs.send(FIRST)
    received = sqs.receive()
    assert ids(received) == [FIRST.id]
    sqs.delete(received)
    sqs.send(FIRST)
    assert sqs.receive() == []


def test_one_id_in_two_groups_is_two_messages(sqs: Sqs) -> None:
    """The template has ids deduplicated within their group."""
    entries = [{"Id": group, "MessageBody": group, "MessageGroupId": group, "MessageDeduplicationId": "same"} for group in "ab"]
    sqs.client.send_message_batch(QueueUrl=sqs.url, Entries=entries)
    assert sorted(message["Body"] for message in sqs.receive()) == ["a", "b"]


@pytest.mark.parametrize(
    ("names", "code"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest"),
        ([str(number) for number in range(11)], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        (["same", "same"], "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
    ],
)
def test_a_batch_that_makes_no_sense_is_refused_as_a_whole(sqs: Sqs, names: list[str], code: str) -> None:
    """Nothing of it is in the queue."""
    entries = [
        {"Id": name, "MessageBody": "x", "MessageGroupId": str(number), "MessageDeduplicationId": str(number)}
        for number, name in enumerate(names)
    ]
    with pytest.raises(ClientError) as refused:
        sqs.client.send_message_batch(QueueUrl=sqs.url, Entries=entries)
    assert refused.value.response["Error"]["Code"] == code
    assert sqs.receive() == []


def test_another_queue_is_not_there(sqs: Sqs) -> None:
    """A wrong URL is told at once."""
    with pytest.raises(ClientError) as refused:
        sqs.client.receive_message(QueueUrl=sqs.url.replace(QUEUE, "other.fifo"))
    assert refused.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_time_ends_what_hides_a_group_and_what_deduplicates() -> None:
    """Ninety seconds and five minutes, by the clock that the queue was given."""
    clock = FakeClock()
    queue = FakeFifoQueue(clock)
    sqs = Sqs(InProcessClient(queue.answer), QUEUE)
    sqs.send(FIRST)
    sqs.receive()
    assert queue.next_visible_s == 90
    clock.advance(89.9)
    assert sqs.receive() == []
    clock.advance(0.2)
    assert ids(sqs.receive()) == [FIRST.id]
    clock.advance(300 - 90.1)
    sqs.send(FIRST)
    assert ids(sqs.receive()) == [FIRST.id, FIRST.id]


def test_groups_take_turns() -> None:
    """One that was received and is visible again comes behind the others."""
    sqs = Sqs(InProcessClient(FakeFifoQueue(FakeClock()).answer), QUEUE)
    sqs.send(FIRST, OTHER)
    taken = [ids(sqs.receive(1, VisibilityTimeout=0)) for _ in range(4)]
    assert taken == [[FIRST.id], [OTHER.id], [FIRST.id], [OTHER.id]]


def test_the_oldest_group_may_come_first_again_and_again() -> None:
    """Each group in one piece, whatever came between its messages."""
    queue = FakeFifoQueue(FakeClock(), oldest_first=True)
    sqs = Sqs(InProcessClient(queue.answer), QUEUE)
    sqs.send(FIRST, OTHER, SECOND)
    for _ in range(2):
        assert ids(sqs.receive(VisibilityTimeout=0)) == [FIRST.id, SECOND.id, OTHER.id]
    assert (queue.left, queue.groups, len(queue.sent)) == (3, {FIRST.group, OTHER.group}, 3)
