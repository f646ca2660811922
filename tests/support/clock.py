"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Wall time and boot time, moving together unless the wall clock is set."""

    def __init__(self) -> None:
        self._now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        self._boottime = 1000.0

    def now(self) -> datetime:
        """Return the wall time."""
        return self._now

    def boottime(self) -> float:
        """Return seconds since boot."""
        return self._boottime

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._boottime += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock forwards or back."""
        self._now += timedelta(seconds=seconds)
