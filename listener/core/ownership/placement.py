"""Which worker gets which account: pure arithmetic over what every worker reads.

    share = the accounts of all takers and those without an owner, divided by the takers, rounded up
    a taker below its share has room; what is without an owner is dealt out along the takers' ids, to each as much as it has room for

A draining worker is no taker. All workers read nearly the same rows and so deal nearly alike: few claim in vain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from shared.model.ids import WorkerId

T = TypeVar("T")
Loads = Mapping[WorkerId, int]
"""How many accounts each taker holds."""


def share(loads: Loads, left: int) -> int:
    """Return how many accounts a taker may hold, so that all are held; 0 where there is no taker."""
    return -(-(sum(loads.values()) + left) // len(loads)) if loads else 0


def dealt(left: Sequence[T], loads: Loads) -> dict[WorkerId, Sequence[T]]:
    """Deal what is without an owner out among the takers: all of it, where there is a taker."""
    fair, dealt_out, begin = share(loads, len(left)), dict[WorkerId, Sequence[T]](), 0
    for worker in sorted(loads):
        end = begin + max(fair - loads[worker], 0)
        dealt_out[worker] = left[begin:end]
        begin = end
    return dealt_out
