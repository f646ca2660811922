"""How long to wait before the next try, and writes that are repeated until they succeed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from shared.crypto import KeysUnavailable
from shared.store.table import StoreUnavailable

_BACK_OFF_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
AWS_AWAY = (StoreUnavailable, KeysUnavailable, TimeoutError)
"""What a call to AWS raises when AWS, and not the call, is at fault."""


def back_off_s(failures: int) -> float:
    """Return the seconds to wait after that many failures in a row, with jitter, a minute at most."""
    return _BACK_OFF_S[min(failures, len(_BACK_OFF_S)) - 1] * random.uniform(0.7, 1.0)  # noqa: S311  jitter


async def retry_forever(write: Callable[[], Awaitable[None]]) -> None:
    """Write until the write succeeds: AWS may be away for any time, and what is written so must not be forgotten."""
    failures = 0
    while True:
        try:
            return await write()
        except AWS_AWAY:
            failures += 1
            await asyncio.sleep(back_off_s(failures))
