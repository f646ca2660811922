"""Which kinds of events a tenant has chosen, as the listener knows it: what nobody wants goes no further than here.

The choice is read when an event asks for it and the last reading is older than CHOICE_S, so an idle account reads nothing. Delivery asks
again, of the row as it is then: here an event is left out only if the choice that was read does not have it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from listener.core.runtime.backoff import AWS_AWAY
from shared.model.event_kinds import EventKind, is_chosen
from shared.store.rows import Malformed

CHOICE_S = 25.0
"""A kind that is added comes within 30 seconds (docs/webhooks.md): this, and the time that the reading takes."""

ReadChoice = Callable[[], Awaitable[frozenset[EventKind] | None]]


class EventChoice:
    """One tenant's choice. `read` returns it, or None where the tenant is gone; `boottime` is the clock."""

    def __init__(self, read: ReadChoice, boottime: Callable[[], float]) -> None:
        self._read = read
        self._boottime = boottime
        self._chosen: frozenset[EventKind] | None = None
        self._read_s = float("-inf")

    async def wants(self, kind: str) -> bool:
        """Tell whether events of a kind may be wanted. Messages always are, and everything is while the choice cannot be read."""
        if kind == EventKind.MESSAGE:
            return True
        began_s = self._boottime()
        if began_s - self._read_s >= CHOICE_S:
            try:
                self._chosen, self._read_s = await self._read(), began_s
            except (*AWS_AWAY, Malformed):
                self._chosen, self._read_s = None, float("-inf")
        return self._chosen is None or is_chosen(kind, self._chosen)


async def everything() -> None:
    """Return the choice of a tenant whose choice is not known: every kind may be wanted."""
