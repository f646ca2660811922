"""Server message ids (https://core.telegram.org/mtproto/description#message-identifier-msg-id).

Rising, roughly Unix time * 2^32; 1 mod 4 for an answer, 3 mod 4 for what the server says by itself.
"""

from __future__ import annotations

import time

TOO_OLD_S, TOO_NEW_S = 300, 30


class MessageIds:
    """Give out ids that only rise, whatever the machine's clock does."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, *, answer: bool) -> int:
        self._last = max(int(time.time() * (1 << 32)) & ~3, self._last + 4)
        return self._last | (1 if answer else 3)


def fault_of(msg_id: int) -> int | None:
    """Return the error code of bad_msg_notification for a client's message id, or None when it is good."""
    if msg_id % 4:
        return 18
    age = time.time() - (msg_id >> 32)
    if age > TOO_OLD_S:
        return 16
    return 17 if -age > TOO_NEW_S else None
