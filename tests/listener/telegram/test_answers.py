"""Answers of Telegram that are kept for a moment, and requests of one method that go one after the other."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from typing import Any

import pytest
from telethon.tl import functions, types

from listener.telegram.requests.answers import BOUND, CHATS_FRESH_S, MOST_WAITING, PEOPLE_FRESH_S, AnswerRoom, Answers
from shared.errors import AvioError, Code
from tests.support.clock import FakeClock
from tests.support.listener_harness import until

CONTACTS = functions.contacts.GetContactsRequest(0)


def history(limit: int = 1) -> Any:
    return functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, limit, 0, 0, 0)


class Answer:
    """What Telegram has answered."""


class Telegram:
    """Answers each request with an answer of its own, once the test lets it."""

    def __init__(self, *, held: bool = False) -> None:
        self.asked: Counter[str] = Counter()
        self.at_once = 0
        self.most_at_once = 0
        self.go = asyncio.Event()
        if not held:
            self.go.set()

    async def invoke(self, request: Any) -> Answer:
        """Answer."""
        self.asked[type(request).__name__] += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.go.wait()
        finally:
            self.at_once -= 1
        return Answer()


@pytest.mark.parametrize(("request_", "fresh_s"), [(history(), CHATS_FRESH_S), (CONTACTS, PEOPLE_FRESH_S)])
async def test_an_answer_is_given_again_while_it_is_fresh(request_: Any, fresh_s: float) -> None:
    """To the same request alone; what is not kept is asked each time."""
    clock, telegram = FakeClock(), Telegram()
    answers = Answers(clock.boottime)
    first = await answers.ask(telegram.invoke, request_)
    clock.advance(fresh_s - 1)
    assert await answers.ask(telegram.invoke, request_) is first
    assert await answers.ask(telegram.invoke, history(2)) is not first
    clock.advance(1)
    assert await answers.ask(telegram.invoke, request_) is not first
    state = functions.updates.GetStateRequest()
    assert await answers.ask(telegram.invoke, state) is not await answers.ask(telegram.invoke, state)


async def test_what_happens_in_a_chat_ends_answers_about_chats_alone() -> None:
    """A change by the account itself ends all."""
    telegram, answers = Telegram(), Answers(FakeClock().boottime)
    for forget, again in ((answers.forget_chats, 1), (answers.forget, 2)):
        before = [await answers.ask(telegram.invoke, request) for request in (history(), CONTACTS)]
        forget()
        after = [await answers.ask(telegram.invoke, request) for request in (history(), CONTACTS)]
        assert sum(new is not old for new, old in zip(after, before, strict=True)) == again


@pytest.mark.parametrize(
    ("updates", "again"),
    [
        ([], False),
        ([types.UpdateUserStatus(5, types.UserStatusRecently()), types.UpdateUserTyping(5, types.SendMessageTypingAction())], False),
        ([types.UpdateUserStatus(5, types.UserStatusRecently()), types.UpdateDialogUnreadMark(types.DialogPeer(types.PeerUser(5)))], True),
    ],
)
async def test_who_is_online_or_writes_ends_no_answer(updates: list[Any], again: bool) -> None:
    """Telegram tells of that all the time."""
    telegram, answers = Telegram(), Answers(FakeClock().boottime)
    first = await answers.ask(telegram.invoke, history())
    answers.notice(updates)
    assert (await answers.ask(telegram.invoke, history()) is not first) is again


async def test_an_answer_during_which_something_happened_is_not_kept() -> None:
    """It may be from before."""
    telegram = Telegram(held=True)
    answers = Answers(FakeClock().boottime)
    asking = asyncio.create_task(answers.ask(telegram.invoke, history()))
    await until(lambda: telegram.at_once)
    answers.forget_chats()
    telegram.go.set()
    first = await asking
    assert await answers.ask(telegram.invoke, history()) is not first


async def test_requests_of_one_method_go_one_after_the_other() -> None:
    """Those of another do not wait for them; too many are refused, and say when to come again."""
    telegram = Telegram(held=True)
    answers = Answers(FakeClock().boottime)
    waiting = [asyncio.create_task(answers.ask(telegram.invoke, history(limit))) for limit in range(1, MOST_WAITING + 1)]
    await until(lambda: telegram.at_once)
    with pytest.raises(AvioError) as refused:
        await answers.ask(telegram.invoke, history(100))
    assert (refused.value.code, refused.value.retry_after_s) == (Code.RATE_LIMITED, 1)
    other = asyncio.create_task(answers.ask(telegram.invoke, CONTACTS))
    await until(lambda: telegram.asked["GetContactsRequest"])
    assert telegram.asked["GetHistoryRequest"] == 1
    telegram.go.set()
    await asyncio.gather(*waiting, other)
    assert (telegram.asked["GetHistoryRequest"], telegram.most_at_once) == (MOST_WAITING, 2)


async def test_a_request_that_fails_or_is_cancelled_lets_the_next_go_on() -> None:
    """And keeps nothing."""
    telegram = Telegram(held=True)
    answers = Answers(FakeClock().boottime)

    async def fail(_: Any) -> Any:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await answers.ask(fail, history())
    cancelled = asyncio.create_task(answers.ask(telegram.invoke, history()))
    await until(lambda: telegram.at_once)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    telegram.go.set()
    assert isinstance(await answers.ask(telegram.invoke, history()), Answer)


async def test_a_bounded_number_is_kept_and_no_more() -> None:
    """The oldest goes, and nothing holds it."""
    telegram, answers = Telegram(), Answers(FakeClock().boottime)
    first = weakref.ref(await answers.ask(telegram.invoke, history(1)))
    for limit in range(2, BOUND + 2):
        await answers.ask(telegram.invoke, history(limit))
    gc.collect()
    assert first() is None
    second = await answers.ask(telegram.invoke, history(2))
    assert telegram.asked["GetHistoryRequest"] == BOUND + 1
    assert second


async def test_a_worker_keeps_a_bounded_number_for_all_its_accounts() -> None:
    """The oldest goes, whosever it is; what is forgotten makes room."""
    telegram, room = Telegram(), AnswerRoom(2)
    ann, bob = (Answers(FakeClock().boottime, room) for _ in range(2))
    first = await ann.ask(telegram.invoke, CONTACTS)
    await bob.ask(telegram.invoke, CONTACTS)
    bob.forget()
    await bob.ask(telegram.invoke, CONTACTS)
    assert await ann.ask(telegram.invoke, CONTACTS) is first
    await bob.ask(telegram.invoke, history())
    assert await ann.ask(telegram.invoke, CONTACTS) is not first
