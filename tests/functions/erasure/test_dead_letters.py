"""Looking through the dead letter queue: ended tenants' messages go, all others stay in order, whatever dies or runs beside."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import pytest

from functions.erasure.dead_letters import HIDDEN_S, LOOK_S, MOST_RECEIVES, PASSED_OVER_S, DeadLetters, Look
from shared.model.ids import EventId, TenantId
from shared.queues import body_of, pointer_to
from testing.fake_aws.client import InProcessClient
from testing.fake_aws.fifo_queue import QUEUE, FakeFifoQueue
from tests.support.clock import FakeClock
from tests.support.events import event_of
from tests.support.fault_injection import CrashingClient, Killed, SimulatedProcess

LIVING, GONE = TenantId("living"), TenantId("gone")
ENDED: Set[TenantId] = {GONE}


class DeadQueue:
    """The queue, and functions that look through it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.queue = FakeFifoQueue(self.clock, oldest_first=True)
        self.sqs: Any = InProcessClient(self.queue.answer)
        self._numbers = iter(range(1_000_000))

    def put(self, group: str, body: str) -> None:
        """Have a message arrive."""
        entry = {"Id": "0", "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": str(next(self._numbers))}
        self.sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry])

    def bury(self, tenant_id: TenantId, chat: int, *messages: int) -> None:
        """Have messages of one chat arrive."""
        for message in messages:
            event = event_of(tenant_id, chat_id=chat, message_id=message, text=f"{tenant_id} {message}")
            self.put(event.group, body_of(event))

    def look(self, process: SimulatedProcess | None = None) -> Look:
        """Have a function look through the queue."""
        sqs: Any = CrashingClient(self.sqs, process) if process else self.sqs
        return DeadLetters(sqs, QUEUE, self.clock).erase(ENDED)

    def visible(self) -> list[str]:
        """Return the bodies that a receive gets now, in order, and leave them visible."""
        messages = self.sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=10).get("Messages", [])
        receipts = [message["ReceiptHandle"] for message in messages]
        hidden = [{"Id": str(at), "ReceiptHandle": receipt, "VisibilityTimeout": 0} for at, receipt in enumerate(receipts)]
        if hidden:
            self.sqs.change_message_visibility_batch(QueueUrl=QUEUE, Entries=hidden)
        return [message["Body"] for message in messages]


@pytest.fixture
def dead() -> DeadQueue:
    """An empty queue."""
    return DeadQueue()


def bodies(tenant_id: TenantId, chat: int, *messages: int) -> list[str]:
    """Return the bodies of messages."""
    return [body_of(event_of(tenant_id, chat_id=chat, message_id=one, text=f"{tenant_id} {one}")) for one in messages]


def test_only_ended_tenants_lose_messages_and_the_others_are_visible_again_in_order(dead: DeadQueue) -> None:
    """Of a long chat of an ended tenant all goes, although a receive shows ten of them at most."""
    dead.bury(LIVING, 1, 1, 2, 3)
    dead.bury(GONE, 1, *range(25))
    dead.bury(LIVING, 2, 4)
    dead.bury(GONE, 2, 1)
    look = dead.look()
    assert (look.complete, look.deleted, look.ended) == (True, 26, {GONE})
    assert dead.visible() == [*bodies(LIVING, 1, 1, 2, 3), *bodies(LIVING, 2, 4)]
    again = dead.look()
    assert (again.deleted, again.shows_nothing_of(GONE)) == (0, True)


@pytest.mark.parametrize(
    ("group", "body"),
    [
        ("gone:telegram:1", "no JSON"),
        ("gone:telegram:1", '{"tenant_id": "gone", "event": "of a later version", "text": "words"}'),
        ("another form", '{"tenant_id": "gone", "event": "of a later version"}'),
        ("gone:telegram:1", pointer_to(GONE, EventId("evt_1"))),
    ],
)
def test_a_message_goes_where_its_group_or_its_body_names_an_ended_tenant(dead: DeadQueue, group: str, body: str) -> None:
    """Whatever else its body is: the text of an ended tenant may be in it."""
    dead.put(group, body)
    assert dead.look().deleted == 1
    assert dead.queue.left == 0


@pytest.mark.parametrize("body", ["no JSON", "[]", '"gone"', '{"tenant_id": ["gone"]}', '{"text": "gone"}', ""])
def test_a_message_that_names_no_ended_tenant_stays_whatever_it_is(dead: DeadQueue, body: str) -> None:
    """Nobody knows whose it is: operators look at it."""
    dead.put("gone-too:1", body or " ")
    look = dead.look()
    assert (look.complete, look.deleted) == (True, 0)
    assert dead.visible() == [body or " "]


@pytest.mark.parametrize("dies_at", range(1, 9))
def test_a_look_that_dies_is_made_up_for_by_the_next(dead: DeadQueue, dies_at: int) -> None:
    """Before or after each of its calls. What it had received comes again after a minute, the living tenant's in order."""
    dead.bury(LIVING, 1, 1, 2)
    dead.bury(GONE, 1, 1, 2)
    with pytest.raises(Killed):
        dead.look(SimulatedProcess(dies_at))
    dead.clock.advance(HIDDEN_S)
    assert dead.look().complete
    assert dead.visible() == bodies(LIVING, 1, 1, 2)
    assert dead.look().shows_nothing_of(GONE)


def test_two_looks_at_once_do_no_harm(dead: DeadQueue) -> None:
    """The second begins while the first has everything in hand: it finds nothing, and takes nothing from the first."""
    dead.bury(LIVING, 1, 1, 2)
    dead.bury(GONE, 1, 1)
    seconds: list[Look] = []

    class Interrupted:
        """Lets the second look run between a receive and what follows from it."""

        def __getattr__(self, name: str) -> Any:
            if name == "delete_message_batch":
                seconds.append(dead.look())
            return getattr(dead.sqs, name)

    sqs: Any = Interrupted()
    first = DeadLetters(sqs, QUEUE, dead.clock).erase(ENDED)
    assert (first.deleted, [look.deleted for look in seconds]) == (1, [0])
    assert dead.visible() == bodies(LIVING, 1, 1, 2)


def test_a_queue_that_one_look_cannot_see_through_is_seen_through_by_several(dead: DeadQueue) -> None:
    """Living tenants' chats fill a look: they wait for an hour, and the next looks see what is behind them."""
    for chat in range(MOST_RECEIVES * 10 + 5):
        dead.bury(LIVING, chat, 1)
    dead.bury(GONE, 1, 1)
    first = dead.look()
    assert (first.complete, first.deleted) == (False, 0)
    dead.clock.advance(300)
    second = dead.look()
    assert (second.complete, second.deleted) == (True, 1)
    dead.clock.advance(PASSED_OVER_S)
    assert dead.queue.next_visible_s is None
    assert dead.queue.left == MOST_RECEIVES * 10 + 5


def test_a_look_ends_in_time(dead: DeadQueue) -> None:
    """SQS is slow: what was received is put back, and a look that deleted something hides nothing from the next."""
    for chat in range(30):
        dead.bury(GONE if chat == 0 else LIVING, chat, 1)

    class Slow:
        """Takes its time for each call."""

        def __getattr__(self, name: str) -> Any:
            dead.clock.advance(LOOK_S / 4)
            return getattr(dead.sqs, name)

    sqs: Any = Slow()
    look = DeadLetters(sqs, QUEUE, dead.clock).erase(ENDED)
    assert (look.complete, look.deleted) == (False, 1)
    assert (dead.queue.next_visible_s, dead.queue.left) == (None, 29)
