"""One run of the sweeper: who it is, until when it may act, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from shared.clock import Clock

LAST_START_S = 61.0
"""No attempt starts later in a run: one takes 8 s at most, and the function's time is up after 75. The next run begins before."""
LEASE = timedelta(seconds=90)
"""Longer than a run can be: when a lease has ended its drainer is gone, so two never post to one chat."""


@dataclass
class Tally:
    """What a run did, for the metrics."""

    probes: int = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    dropped: int = 0
    opened: int = 0
    disabled: int = 0


@dataclass
class Shift:
    """`me` is another in each run."""

    me: str
    started_s: float
    clock: Clock
    tally: Tally = field(default_factory=Tally)

    @property
    def over(self) -> bool:
        """Whether no attempt may start any more."""
        return self.left_s <= 0

    @property
    def left_s(self) -> float:
        """For how long attempts may still start."""
        return self.started_s + LAST_START_S - self.clock.boottime()
