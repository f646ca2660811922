"""What a run consists of: how large, how long, and what goes wrong in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

KINDS = ("private", "basic", "supergroup", "channel")


@dataclass(frozen=True)
class ChaosPlan:
    """One run.

    `rate` is messages delivered to accounts per second: one that goes to a group with five of them counts as five. `faults` are names of
    testing/chaos/faults.py; `script` says when which one begins (seconds from the start of the traffic), without it one is drawn every
    `fault_every_s` seconds on average. The same `seed` draws the same faults, as far as the run itself lets it.
    """

    folder: Path
    faults: tuple[str, ...]
    seconds: float = 600
    workers: int = 3
    accounts: int = 60
    rate: float = 100
    sends: float = 4
    seed: int = 1
    kinds: tuple[str, ...] = KINDS
    fault_every_s: float = 5
    script: tuple[tuple[float, str], ...] = ()
    settle_s: float = 180
    """How long everything may take to arrive after the last fault is over."""
