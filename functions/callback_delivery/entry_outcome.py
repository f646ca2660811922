"""What happens to a queue entry next."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.ids import EventId


@dataclass(frozen=True)
class Finished:
    """The entry is finished."""


@dataclass(frozen=True)
class PutBack:
    """The entry and the rest of its chat become visible again after `delay_s`."""

    delay_s: int


@dataclass(frozen=True)
class Park:
    """The entry and the rest of its chat are to be parked. `exhausted`: the event that has used its quick attempts, if that is why."""

    exhausted: EventId | None = None


Step = Finished | PutBack | Park
STORAGE_DELAY_S = 5
"""How long a chat waits when our own storage or keys do not answer. That is not an attempt."""
