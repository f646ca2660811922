"""Clocks: wall time for records, boot time for leases. They are injected everywhere, so that tests can move them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The source of a component's time."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""

    def boottime(self) -> float:
        """Return seconds since boot, with the time that the machine was suspended: `time.monotonic` stops in a suspended VM."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Return seconds since boot. On systems without CLOCK_BOOTTIME (macOS) it is the monotonic clock."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
