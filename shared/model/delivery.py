"""An event's delivery to its tenant's callback, as it is recorded.

pending ---> delivered           parked: its chat waits for a callback that does not answer (`shared.model.backlog`)
   |  '----> dead    <---.       dead: given up; dropped: nobody wanted it any more. Both can be replayed, as delivered can
   '-------> parked -----+---> delivered, dropped
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from shared.model.event import Event
from shared.model.frozen import Stored
from shared.model.ids import EventId

KEPT_ATTEMPTS = 10
"""How many attempts a record shows, the latest; `made` counts them all."""
KEPT_TEXT = 1024


class DeliveryStatus(StrEnum):
    """pending: quick attempts are under way. parked: waits for its callback. The others are final until it is replayed."""

    PENDING = "pending"
    PARKED = "parked"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"

    @property
    def final(self) -> bool:
        """Whether no attempt will follow by itself."""
        return self in {DeliveryStatus.DELIVERED, DeliveryStatus.DEAD, DeliveryStatus.DROPPED}


class Attempt(Stored):
    """One POST: what the receiver answered (`status`, and the first `text` of it) or why there was no answer (`error`)."""

    at: AwareDatetime
    duration_ms: int
    status: int | None = None
    error: str | None = None
    text: str = ""

    @property
    def outcome(self) -> str:
        """The outcome in few words."""
        return self.error or f"status {self.status}"


class Delivery(Stored):
    """How far an event's delivery has come.

    `queued_as` is the deduplication id of the queue message that it stems from: the event's own id, or a replay's. `quick` counts the
    attempts made since then, `made` all there ever were. `at` is its last change; `reason` says why it is dead or dropped.
    """

    status: DeliveryStatus
    queued_as: str
    at: AwareDatetime
    attempts: tuple[Attempt, ...] = ()
    made: int = 0
    quick: int = 0
    reason: str | None = None

    def after(self, attempt: Attempt, status: DeliveryStatus, reason: str | None = None) -> Delivery:
        """Return the record as it is after one more attempt."""
        attempts = (*self.attempts, attempt)[-KEPT_ATTEMPTS:]
        changes = {"attempts": attempts, "made": self.made + 1, "quick": self.quick + 1}
        return self.model_copy(update={**changes, "status": status, "at": attempt.at, "reason": reason})

    def ended(self, status: DeliveryStatus, at: datetime, reason: str | None = None) -> Delivery:
        """Return the record with another status, without an attempt."""
        return self.model_copy(update={"status": status, "at": at, "reason": reason})


class DeliveryRecord(Delivery):
    """A delivery with its event: all that a replay needs."""

    event: Event


class DeliverySummary(Stored):
    """A line of the delivery log. `last` is the last attempt's outcome in few words."""

    event_id: EventId
    chat: str
    status: DeliveryStatus
    received_at: AwareDatetime
    at: AwareDatetime
    made: int
    last: str | None = None
    reason: str | None = None


class Dropped(Stored):
    """How many events were dropped because there was no callback, about: the first and the last of them when."""

    count: int
    since: AwareDatetime
    last_at: AwareDatetime
