"""An event's delivery to its tenant's callback, as it is recorded.

    pending ---> delivered           parked: its chat waits in the backlog (`shared.model.backlog`)
       |  '----> dead    <---.       dead: given up. dropped: its tenant no longer accepted it
       '-------> parked -----+---> delivered, dropped

The final states are delivered, dead and dropped. An event in any of them can be replayed.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime

from shared.model.event import Event
from shared.model.frozen import StoredModel
from shared.model.ids import EventId

KEPT_ATTEMPTS = 10
"""How many attempts a record keeps: the latest. `made` counts all attempts."""
KEPT_TEXT = 1024


class DeliveryStatus(StrEnum):
    """pending: quick attempts are under way. parked: waits in the backlog. The others are final, until the event is replayed."""

    PENDING = "pending"
    PARKED = "parked"
    DELIVERED = "delivered"
    DEAD = "dead"
    DROPPED = "dropped"

    @property
    def final(self) -> bool:
        """Whether no attempt follows without a replay."""
        return self in {DeliveryStatus.DELIVERED, DeliveryStatus.DEAD, DeliveryStatus.DROPPED}


class Attempt(StoredModel):
    """One POST: the receiver's answer (`status`, and the beginning of its body, `text`) or why there was none (`error`)."""

    at: AwareDatetime
    duration_ms: int
    status: int | None = None
    error: str | None = None
    text: str = ""

    @property
    def outcome(self) -> str:
        """The outcome in a few words."""
        return self.error or f"status {self.status}"


class Delivery(StoredModel):
    """The state of an event's delivery.

    `queued_as`: the deduplication id of the queue message that it comes from, which is the event's own id, or a replay's. `quick`: attempts
    since that message. `made`: all attempts. `at`: the last change. `reason`: why it is dead or dropped.
    """

    status: DeliveryStatus
    queued_as: str
    at: AwareDatetime
    attempts: tuple[Attempt, ...] = ()
    made: int = 0
    quick: int = 0
    reason: str | None = None

    def after(self, attempt: Attempt, status: DeliveryStatus, reason: str | None = None) -> Delivery:
        """Return the record after one more attempt."""
        attempts = (*self.attempts, attempt)[-KEPT_ATTEMPTS:]
        changes = {"attempts": attempts, "made": self.made + 1, "quick": self.quick + 1}
        return self.model_copy(update={**changes, "status": status, "at": attempt.at, "reason": reason})

    def ended(self, status: DeliveryStatus, at: datetime, reason: str | None = None) -> Delivery:
        """Return the record with another status, without an attempt."""
        return self.model_copy(update={"status": status, "at": at, "reason": reason})


class DeliveryRecord(Delivery):
    """A delivery with its event: everything that a replay needs."""

    event: Event


class DeliverySummary(StoredModel):
    """A line of the delivery log. `last`: the last attempt's outcome in a few words."""

    event_id: EventId
    chat: str
    status: DeliveryStatus
    received_at: AwareDatetime
    at: AwareDatetime
    made: int
    last: str | None = None
    reason: str | None = None


class Dropped(StoredModel):
    """The number of events that were dropped because there was no callback, and when the first and the last of them were."""

    count: int
    since: AwareDatetime
    last_at: AwareDatetime
