"""Time as it is read: wall time for records, boot time for leases. Injected everywhere, so that tests can move it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a component gets its time from."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""

    def boottime(self) -> float:
        """Return seconds since boot, suspended time included: `time.monotonic` stands still in a suspended VM."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        """Return the wall time, aware, UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """Return seconds since boot; falls back to the monotonic clock where the system has no CLOCK_BOOTTIME (macOS)."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
