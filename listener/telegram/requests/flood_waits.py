"""Telegram's flood waits: remembered per method until they end, and waited out where they are short.

Telegram counts by method (Telethon keeps its waits by method too), so a send that has to wait holds up no other request. A request
before the wait is over gets the same wait again or a longer one: https://core.telegram.org/api/errors#420-flood

Slow mode (SLOWMODE_WAIT) is a chat's: it is remembered by chat, for everything that sends a message there. An admin may end it earlier;
then a send waits for the rest of what Telegram said, an hour at most. https://core.telegram.org/method/channels.toggleSlowMode
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from telethon import errors
from telethon.tl import functions, types

from listener.core.metrics import ChannelMetrics
from listener.telegram.requests.errors import translate
from shared.errors import Code

_WRITES = {
    functions.messages.SendMessageRequest: "peer",
    functions.messages.SendMediaRequest: "peer",
    functions.messages.SendMultiMediaRequest: "peer",
    functions.messages.SendInlineBotResultRequest: "peer",
    functions.messages.ForwardMessagesRequest: "to_peer",
}
"""The requests that slow mode holds up, and where they name their chat."""
LONGEST_WAIT_S = 30
TRIES = 5
Invoke = Callable[[Any], Awaitable[Any]]
"""Sends a request to Telegram and returns the answer; raises Telethon's RPCError, ConnectionError or TimeoutError."""


class FloodWaits:
    """One account's waits. They outlast its connections; the next worker that owns the account starts without them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, metrics: ChannelMetrics | None = None) -> None:
        self._clock = clock
        self._metrics = metrics or ChannelMetrics()
        self._until: dict[type, float] = {}
        self._slow_until: dict[int, float] = {}

    def check(self, request: Any) -> None:
        """Raise Telethon's FloodWaitError or SlowModeWaitError, with the whole seconds that are left, while a request has to wait."""
        if left_s := self._left(self._until, type(request)):
            raise errors.FloodWaitError(request, capture=left_s)
        if left_s := self._left(self._slow_until, _chat_of(request)):
            raise errors.SlowModeWaitError(request, capture=left_s)

    def note(self, request: Any, error: BaseException | None) -> None:
        """Remember the wait if Telegram answered a request with one."""
        if not isinstance(error, errors.RPCError) or not (told := translate(error)).retry_after_s:
            return
        ends, chat = self._clock() + told.retry_after_s, _chat_of(request)
        if told.code is Code.FLOOD_WAIT:
            self._until[type(request)] = ends
            self._metrics.flood_wait_s += told.retry_after_s
        elif told.code is Code.SLOW_MODE and chat is not None:
            self._slow_until = {slow: until for slow, until in self._slow_until.items() if until > self._clock()}
            self._slow_until[chat] = ends

    def _left(self, until: dict[Any, float], waiting: Any) -> int:
        """Return the whole seconds that are left of a wait, 0 if it is over."""
        left_s = until.get(waiting, 0.0) - self._clock()
        if left_s > 0:
            return math.ceil(left_s)
        until.pop(waiting, None)
        return 0


def _chat_of(request: Any) -> int | None:
    """Return the supergroup that a request writes to, None if it writes to none: only they have a slow mode."""
    peer = getattr(request, _WRITES.get(type(request), ""), None)
    return int(peer.channel_id) if isinstance(peer, types.InputPeerChannel | types.InputPeerChannelFromMessage) else None


async def wait_out_floods(invoke: Invoke, request: Any) -> Any:
    """Invoke a request, wait as long as a flood wait asks, and invoke it again; return Telegram's answer.

    Raises what `invoke` raises, and FloodWaitError if a wait is longer than 30 s or the fifth in a row.
    """
    for _ in range(TRIES - 1):
        try:
            return await invoke(request)
        except (errors.FloodWaitError, errors.FloodPremiumWaitError) as wait:
            if wait.seconds > LONGEST_WAIT_S:
                raise
            await asyncio.sleep(wait.seconds)
    return await invoke(request)
