"""Telegram's answers to requests that read, of one account: one request of a method at a time, and answers kept for a moment.

Telegram makes an account wait that asks too much, and a wait holds up its other requests of that method too. So whoever asks for the same
again gets the answer there is, and requests of one method go one after the other. An answer goes by as soon as it may be wrong:

    CHATS    chats and messages: as soon as anything comes that changes one, or the account itself does anything
    PEOPLE   users, members, contacts: as soon as the account changes anything; what others change shows a minute later
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from telethon.tl import functions, types

from listener.telegram.requests.flood_waits import Invoke
from shared.errors import AvioError, Code

CHATS_FRESH_S = 30.0
PEOPLE_FRESH_S = 60.0
BOUND = 16
"""Answers that are kept for an account. A page of a hundred messages is about half a megabyte."""
MOST_KEPT = 200
"""Answers that a worker keeps for all its accounts: 100 MB where each is a page of a hundred messages."""
MOST_WAITING = 20
"""Requests of one method that wait for their turn; more are refused."""
CHATS = (
    functions.messages.GetDialogsRequest,
    functions.messages.GetPinnedDialogsRequest,
    functions.messages.GetPeerDialogsRequest,
    functions.messages.GetHistoryRequest,
    functions.messages.SearchRequest,
    functions.messages.GetMessagesRequest,
    functions.channels.GetMessagesRequest,
)
PEOPLE = (
    functions.messages.GetFullChatRequest,
    functions.channels.GetFullChannelRequest,
    functions.channels.GetParticipantsRequest,
    functions.users.GetFullUserRequest,
    functions.contacts.GetContactsRequest,
)


_PASSING = (types.UpdateUserStatus, types.UpdateUserTyping, types.UpdateChatUserTyping, types.UpdateChannelUserTyping)
_HEADS_OF_CHATS = tuple(request.CONSTRUCTOR_ID.to_bytes(4, "little") for request in CHATS)


class Invoker(Protocol):
    """Whatever sends a request to Telegram and returns the answer, and raises what a client raises."""

    async def invoke(self, request: Any) -> Any:
        """Return Telegram's answer."""


@dataclass(slots=True)
class _Turn:
    lock: asyncio.Lock
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Any
    until: float
    timer: asyncio.TimerHandle


class AnswerRoom:
    """What a worker has room for, for all its accounts together: the oldest answer goes when there are too many."""

    def __init__(self, bound: int = MOST_KEPT) -> None:
        self._bound = bound
        self._kept: dict[tuple[Answers, bytes], None] = {}

    def take(self, answers: Answers, name: bytes) -> None:
        """Note an answer that is kept."""
        self._kept[answers, name] = None
        if len(self._kept) > self._bound:
            oldest, its_name = next(iter(self._kept))
            oldest.drop(its_name)

    def free(self, answers: Answers, name: bytes) -> None:
        """Note that an answer is gone."""
        self._kept.pop((answers, name), None)


class Answers:
    """One account's answers. They outlast its connections. `clock` returns the seconds since boot."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, room: AnswerRoom | None = None) -> None:
        self._clock = clock
        self._room = room or AnswerRoom()
        self._kept: dict[bytes, _Kept] = {}
        self._turns: dict[type, _Turn] = {}
        self._changes = 0

    async def ask(self, invoke: Invoke, request: Any) -> Any:
        """Return a fresh answer to a request, or else Telegram's; raises what `invoke` raises, and `rate_limited` where too many wait."""
        turn = self._turns.setdefault(type(request), _Turn(asyncio.Lock()))
        if turn.waiting >= MOST_WAITING:
            raise AvioError(Code.RATE_LIMITED, "Too many such requests of this account come at once. Try again.", retry_after_s=1)
        turn.waiting += 1
        try:
            async with turn.lock:
                return await self._answer(invoke, request)
        finally:
            turn.waiting -= 1

    async def _answer(self, invoke: Invoke, request: Any) -> Any:
        name, fresh_s = bytes(request), _fresh_s(type(request))
        found = self._kept.get(name)
        if found and self._clock() < found.until:
            return found.answer
        before = self._changes
        answer = await invoke(request)
        if fresh_s and before == self._changes:  # else it may be from before what has happened meanwhile
            self._keep(name, answer, fresh_s)
        return answer

    def notice(self, updates: Iterable[Any]) -> None:
        """Note what has come from Telegram: unless it is only who is online or writes, something has happened in a chat."""
        if not all(isinstance(update, _PASSING) for update in updates):
            self.forget_chats()

    def forget_chats(self) -> None:
        """Ask for chats and messages anew: something has happened in one."""
        self._changes += 1
        for name in [name for name in self._kept if name.startswith(_HEADS_OF_CHATS)]:
            self.drop(name)

    def forget(self) -> None:
        """Ask for everything anew: the account has changed something, or may have missed something."""
        self._changes += 1
        for name in list(self._kept):
            self.drop(name)

    def _keep(self, name: bytes, answer: Any, fresh_s: float) -> None:
        """Keep an answer. The timer lets go of it: an account that reads once would hold it for ever."""
        self.drop(name)
        timer = asyncio.get_running_loop().call_later(fresh_s, self.drop, name)
        self._kept[name] = _Kept(answer, self._clock() + fresh_s, timer)
        self._room.take(self, name)
        if len(self._kept) > BOUND:
            self.drop(next(iter(self._kept)))

    def drop(self, name: bytes) -> None:
        """Let go of an answer, if it is kept."""
        if kept := self._kept.pop(name, None):
            kept.timer.cancel()
            self._room.free(self, name)


class AskingClient:
    """A client whose answers may be those there are."""

    def __init__(self, client: Invoker, answers: Answers) -> None:
        self._client = client
        self._answers = answers

    async def invoke(self, request: Any) -> Any:
        """Return the answer."""
        return await self._answers.ask(self._client.invoke, request)


def _fresh_s(request: type) -> float:
    return CHATS_FRESH_S if request in CHATS else PEOPLE_FRESH_S if request in PEOPLE else 0.0
