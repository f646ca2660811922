"""Telegram's flood waits: remembered per method until they end, and waited out where they are short.

Telegram counts by method (Telethon keeps its waits by method too), so a send that has to wait holds up no other request. A request
before the wait is over gets the same wait again or a longer one: https://core.telegram.org/api/errors#420-flood

Slow mode is not remembered here: it belongs to a chat, and the chat's admins may end it at any time.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

from telethon import errors

from listener.core.metrics import ChannelMetrics
from listener.telegram.requests.errors import translate
from shared.errors import Code

LONGEST_WAIT_S = 30
TRIES = 5
Invoke = Callable[[Any], Awaitable[Any]]
"""Sends a request to Telegram and returns the answer; raises Telethon's RPCError, ConnectionError or TimeoutError."""


class FloodWaits:
    """One account's flood waits. They outlast its connections; the next worker that owns the account starts without them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, metrics: ChannelMetrics | None = None) -> None:
        self._clock = clock
        self._metrics = metrics or ChannelMetrics()
        self._until: dict[type, float] = {}

    def check(self, request: Any) -> None:
        """Raise Telethon's FloodWaitError, with the whole seconds that are left, while this request's method has to wait."""
        left_s = self._until.get(type(request), 0.0) - self._clock()
        if left_s > 0:
            raise errors.FloodWaitError(request, capture=math.ceil(left_s))
        self._until.pop(type(request), None)

    def note(self, request: Any, error: BaseException | None) -> None:
        """Remember the wait if Telegram answered a request with a flood wait."""
        if isinstance(error, errors.RPCError) and (translated := translate(error)).code is Code.FLOOD_WAIT and translated.retry_after_s:
            self._until[type(request)] = self._clock() + translated.retry_after_s
            self._metrics.flood_wait_s += translated.retry_after_s


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
