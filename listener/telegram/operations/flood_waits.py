"""The waits that Telegram has asked one account for, each until it ends.

Telegram counts by method (Telethon keeps its own waits by method too), so that a send that has to wait holds up no other request. Asking
before a wait is over is answered by the same or a longer one: https://core.telegram.org/api/errors#420-flood

Slow mode is no such wait: it is a chat's, and its admins may end it at any time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

from telethon import errors

from listener.core.metrics import ChannelMetrics
from listener.telegram.operations.errors import translate
from shared.errors import Code


class FloodWaits:
    """One account's waits. They outlast its connections, but not its stay at this worker: the next one asks once more."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, metrics: ChannelMetrics | None = None) -> None:
        self._clock = clock
        self._metrics = metrics or ChannelMetrics()
        self._until: dict[type, float] = {}

    def check(self, request: Any) -> None:
        """Raise Telethon's FloodWaitError, with the whole seconds that are left, where this method still has to wait."""
        left_s = self._until.get(type(request), 0.0) - self._clock()
        if left_s > 0:
            raise errors.FloodWaitError(request, capture=math.ceil(left_s))
        self._until.pop(type(request), None)

    def note(self, request: Any, error: BaseException | None) -> None:
        """Remember the wait that a request was answered with, if it was."""
        if isinstance(error, errors.RPCError) and (told := translate(error)).code is Code.FLOOD_WAIT and told.retry_after_s:
            self._until[type(request)] = self._clock() + told.retry_after_s
            self._metrics.flood_wait_s += told.retry_after_s
