"""The server's clock: real time plus an offset, so that a test can let a log-in code expire without waiting.

Only what people and stored things see follows this clock. MTProto message ids follow real time, since a client refuses
server messages that are more than 300 s old or 30 s ahead (https://core.telegram.org/mtproto/security_guidelines).
"""

from __future__ import annotations

import time


class Clock:
    """Tell the time in Unix seconds; it can be moved forward, never back."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> int:
        return int(time.time() + self.offset_s)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("a clock goes forward only")
        self.offset_s += seconds
