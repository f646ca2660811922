"""The ledger: what is durable, what may be in flight, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from listener.core.event_ledger import BATCH, Ledger, LedgerEntry, Writer
from listener.telegram.updates.update_state import ChannelState, UpdateState
from tests.support.captured_log import CapturedLog
from tests.support.events import message_of
from tests.support.ledger_events import event, marks
from tests.support.listener_harness import PATIENCE_S


def ledger(bound: int = 100) -> tuple[Ledger[UpdateState], list[str]]:
    ready: list[str] = []
    return Ledger(marks(0), lambda _, group: ready.append(group), lambda _: None, bound), ready


def test_a_batch_without_events_is_durable_at_once() -> None:
    """Marks that nothing has to be waited for move."""
    book, _ = ledger()
    book.append([], marks(5))
    assert book.durable.pts == 5


def test_marks_wait_for_the_longest_prefix_that_was_wholly_accepted() -> None:
    """A later batch that is in first moves nothing."""
    book, ready = ledger()
    book.append([event(1, 1), event(2, 2)], marks(7))
    book.append([event(3, 3)], marks(8))
    one, two, three = (book.head(group) for group in ready)
    book.accepted(three)
    book.accepted(one)
    assert book.durable.pts == 0
    book.accepted(two)
    assert book.durable.pts == 8


def test_channel_marks_add_up() -> None:
    """A batch names only the channels it concerns; the others stay where they were."""
    book, _ = ledger()
    book.append([], marks(1, c5=10))
    book.append([], marks(2, c6=20))
    assert {channel: marks.pts for channel, marks in book.durable.channels.items()} == {5: 10, 6: 20}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
def test_marks_never_go_backwards(steps: list[tuple[int, int, int]]) -> None:
    """Message ids and channels' pts are the highest ever taken, whatever a batch says; an access hash that is not named stays."""
    book, _ = ledger()
    book.append([], UpdateState(pts=1, qts=0, date=0, seq=0, channels={5: ChannelState(0, 0, 77)}))
    for own, pts, message_id in steps:
        book.append([], UpdateState(pts=1, qts=0, date=0, seq=0, message_id=own, channels={5: ChannelState(pts, message_id)}))
    highest = [max(numbers) for numbers in zip(*steps, strict=True)]
    assert (book.durable.message_id, book.durable.channels[5]) == (highest[0], ChannelState(highest[1], highest[2], 77))


def test_marks_are_stored_compactly_and_read_as_they_were() -> None:
    """A list per channel: an account may be in hundreds."""
    kept = UpdateState(pts=1, qts=2, date=3, seq=4, message_id=5, seeded=6, channels={7: ChannelState(8, 9, -(2**62))})
    assert '"channels":{"7":[8,9,-4611686018427387904]}' in kept.written()
    assert UpdateState.read(kept.written()) == kept


async def test_who_was_refused_may_wait_for_room() -> None:
    """Until half of it is there."""
    book, ready = ledger(bound=4)
    assert book.append([event(chat, 1) for chat in range(4)], marks(1))
    assert not book.append([event(9, 1), event(9, 2)], marks(2))
    waiting = asyncio.create_task(book.room())
    book.accepted(book.head(ready[0]))
    await asyncio.sleep(0)
    assert not waiting.done()
    book.accepted(book.head(ready[1]))
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert book.append([event(9, 1), event(9, 2)], marks(2))


def test_only_the_head_of_a_chat_is_ready() -> None:
    """SQS refuses entries one by one, so a second one in flight could overtake."""
    book, ready = ledger()
    book.append([event(1, 1), event(1, 2), event(2, 3)], marks(1))
    assert len(ready) == 2
    book.accepted(book.head(ready[0]))
    assert [message_of(book.head(group).event).message_id for group in ready[1:]] == ["3", "2"]


def test_a_full_ledger_refuses_and_takes_nothing() -> None:
    """What does not fit is fetched again from behind the marks, so neither events nor marks of it may be kept."""
    book, _ = ledger(bound=2)
    assert book.append([event(1, 1), event(1, 2)], marks(1))
    assert not book.append([event(2, 3)], marks(2))
    assert book.latest.pts == 1


def test_a_batch_larger_than_the_bound_is_taken_by_an_empty_ledger() -> None:
    """Otherwise it could never be taken."""
    book, _ = ledger(bound=2)
    assert book.append([event(1, number) for number in range(5)], marks(1))


def test_latest_runs_ahead_of_durable() -> None:
    """After a reconnect this process goes on behind what it has taken, another one behind what was accepted."""
    book, _ = ledger()
    book.append([event(1, 1)], marks(9))
    assert (book.latest.pts, book.durable.pts) == (9, 0)


class ScriptedQueue:
    """A queue that accepts by a script, and checks that nothing overtakes."""

    def __init__(self, accepts: Sequence[bool]) -> None:
        self._accepts = list(accepts)
        self.got: dict[int, list[int]] = {}
        self.in_flight: set[str] = set()
        self.requests = 0

    async def __call__(self, entries: list[LedgerEntry]) -> list[bool]:
        groups = [entry.event.group for entry in entries]
        assert len(groups) == len(set(groups)) <= BATCH
        assert not self.in_flight & set(groups)
        self.in_flight |= set(groups)
        self.requests += 1
        await asyncio.sleep(0)
        self.in_flight -= set(groups)
        answers = [self._accepts.pop() if self._accepts else True for _ in entries]
        for entry, accepted in zip(entries, answers, strict=True):
            if accepted:
                message = message_of(entry.event)
                self.got.setdefault(int(message.chat_id), []).append(int(message.message_id))
        return answers


async def emptied(queue: ScriptedQueue, chats: list[int]) -> Ledger[UpdateState]:
    writer = Writer(queue, CapturedLog().logger, retry_s=0.0001)
    book = Ledger(marks(0), writer.ready, lambda _: None)
    task = asyncio.create_task(writer.run())
    for number, chat in enumerate(chats, 1):
        book.append([event(chat, number)], marks(number))
    await asyncio.wait_for(book.drained(), PATIENCE_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return book


@settings(max_examples=60)
@given(chats=st.lists(st.integers(1, 4), min_size=1, max_size=40), accepts=st.lists(st.booleans(), max_size=60))
def test_whatever_is_refused_everything_arrives_once_and_in_order(chats: list[int], accepts: list[bool]) -> None:
    """Any pattern of refused entries: each chat's events come once each, in order, and the marks end behind all of them."""
    queue = ScriptedQueue(accepts)
    book = asyncio.run(emptied(queue, chats))
    assert queue.got == {chat: [number for number, of in enumerate(chats, 1) if of == chat] for chat in set(chats)}
    assert book.durable.pts == len(chats)


async def test_many_chats_share_requests() -> None:
    """Ten events of ten chats are one request, not ten."""
    queue = ScriptedQueue([])
    await emptied(queue, list(range(1, 101)))
    assert queue.requests <= 20


class FailingQueue(ScriptedQueue):
    """A queue that fails outright before it works."""

    async def __call__(self, entries: list[LedgerEntry]) -> list[bool]:
        if self.requests < 3:
            self.requests += 1
            raise RuntimeError("not thought of")
        return await super().__call__(entries)


async def test_a_fault_that_nobody_thought_of_loses_nothing() -> None:
    """The batch counts as refused and comes again."""
    queue = FailingQueue([])
    await emptied(queue, [1, 1, 2])
    assert queue.got == {1: [1, 2], 2: [3]}


def test_a_later_date_alone_is_saved_once_a_day() -> None:
    """Each connect of an idle account brings one: that costs no write, and what is stored does not grow old all the same."""
    book, _ = ledger()
    moves: list[int] = []
    book.moved = lambda: moves.append(book.durable.date)
    day = 24 * 3600
    for date in (1, day - 1, day, day + 1, 2 * day):
        book.append([], replace(marks(0), date=date))
    assert moves == [day, 2 * day]
    book.append([], replace(marks(1), date=2 * day))
    assert len(moves) == 3
