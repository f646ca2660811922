"""What the server counted since it started; tests assert on it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counters:
    """Plain numbers that only rise, and tables by name."""

    auth_key_duplicated: int = 0
    sends_deduplicated: int = 0
    connections_accepted: int = 0
    connections_dropped_slow: int = 0
    connections_broken: int = 0
    keys_created: int = 0
    unknown_keys: int = 0
    pushes: int = 0
    faults_applied: int = 0
    handler_crashes: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    unknown_methods: Counter[str] = field(default_factory=Counter)
    unknown_constructors: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON values."""
        return {name: dict(value) if isinstance(value := getattr(self, name), Counter) else value for name in self.__slots__}
