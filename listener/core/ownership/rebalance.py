"""How many accounts a worker hands back so that others get their share, and when: late, and exactly.

A worker that joins or leaves shows in everybody's counts only with the next beats, and often another follows (a deployment). So a surplus
counts only once it has been there for several looks in a row with the same takers; then so much is owed, and given a few at a time, while
nothing waits for an owner. What is owed is not computed anew in between, when the takers' counts lag behind what they take.
"""

from __future__ import annotations

from collections import deque

from listener.core.ownership.placement import Loads, share
from shared.model.ids import WorkerId

LOOKS = 4
GIVEN_AT_ONCE = 20
"""At one look: as many as another worker connects to the real Telegram within two seconds."""


class Rebalance:
    """What one worker has beyond its share."""

    def __init__(self, me: WorkerId) -> None:
        self._me = me
        self._takers: frozenset[WorkerId] = frozenset()
        self._seen: deque[int] = deque(maxlen=LOOKS)
        self._owed = 0

    def to_give(self, loads: Loads, left: int) -> int:
        """Return how many accounts to hand back now. `loads` are all takers', mine as it is this moment; `left` wait for an owner."""
        if self._takers != (takers := frozenset(loads)):
            self._takers, self._owed = takers, 0
            self._seen.clear()
        beyond = loads[self._me] - share(loads, left)
        if left:
            self._seen.clear()
            return 0
        if not self._owed:
            self._seen.append(beyond)
            if len(self._seen) == LOOKS and min(self._seen) > 0:
                self._owed = min(self._seen)
                self._seen.clear()
        given = min(self._owed, GIVEN_AT_ONCE)
        self._owed -= given
        return given
