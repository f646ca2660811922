"""What went wrong when: told at the end of every account of something lost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class FaultEntry:
    """A fault, or something that happened by itself. Seconds are those of the run."""

    name: str
    about: str
    began_s: float
    ended_s: float | None = None


@dataclass
class FaultLog:
    """All entries, oldest first; `now` are the seconds since the run began."""

    entries: list[FaultEntry] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    @property
    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self._began

    @contextmanager
    def fault(self, name: str, about: str = "") -> Iterator[FaultEntry]:
        """Note a fault for as long as it is in force."""
        entry = FaultEntry(name, about, self.now)
        self.entries.append(entry)
        try:
            yield entry
        finally:
            entry.ended_s = self.now

    def note(self, name: str, about: str = "") -> None:
        """Note something that happened at one moment."""
        self.entries.append(FaultEntry(name, about, self.now, self.now))

    def in_force(self, since_s: float | None = None, until_s: float | None = None) -> list[FaultEntry]:
        """Return what was in force at some time of a span; by default now."""
        since_s = self.now if since_s is None else since_s
        until_s = since_s if until_s is None else until_s
        return [one for one in self.entries if one.began_s <= until_s and (one.ended_s is None or one.ended_s >= since_s)]

    def as_json(self) -> list[dict[str, Any]]:
        """Return all entries."""
        return [
            {name: round(value, 1) if isinstance(value, float) else value for name, value in asdict(one).items()} for one in self.entries
        ]
