"""What follows from an attempt: the record is written, the callback's health is counted, and the entry gets its next step."""

from __future__ import annotations

from dataclasses import dataclass

from functions.callback_delivery import retry
from functions.callback_delivery.attempt import AttemptResult
from functions.callback_delivery.callback_health import HealthCounter
from functions.callback_delivery.entry_outcome import STORAGE_DELAY_S, Finished, Park, PutBack, Step
from functions.callback_delivery.recipient_cache import RecipientCache
from functions.callback_delivery.recipients import Recipient
from functions.callback_delivery.recorder import Recorder
from functions.callback_delivery.run_state import RunState
from functions.callback_delivery.services import DeliveryServices
from shared.model.delivery import Delivery, DeliveryStatus
from shared.model.event import Event
from shared.store.table import StoreUnavailable


@dataclass(frozen=True)
class PostedEvent:
    """An event, its record before the attempt, and the attempt's result.

    `counted`: the attempt was so slow that it was counted as a failure of its callback before it ended.
    """

    event: Event
    before: Delivery
    recipient: Recipient
    result: AttemptResult
    counted: bool

    def record(self, status: DeliveryStatus, reason: str | None = None) -> Delivery:
        """Return the record after the attempt."""
        return self.before.after(self.result.attempt, status, reason)

    @property
    def log_fields(self) -> dict[str, object]:
        """The fields of a log line about the attempt."""
        return {
            "event_id": self.event.id,
            "tenant_id": self.event.tenant_id,
            "attempts": self.before.made + 1,
            "outcome": self.result.attempt.outcome,
            "duration_ms": self.result.attempt.duration_ms,
        }


class AttemptOutcomes:
    """Applies the outcomes of one run's attempts."""

    def __init__(
        self, services: DeliveryServices, state: RunState, recipients: RecipientCache, health: HealthCounter, recorder: Recorder
    ) -> None:
        self._services = services
        self._state = state
        self._recipients = recipients
        self._health = health
        self._recorder = recorder

    async def apply(self, posted: PostedEvent) -> Step:
        """Record an attempt; return the next step for its event."""
        match retry.decide(posted.result.outcome, posted.before.quick + 1):
            case retry.Delivered():
                return await self._delivered(posted)
            case retry.Again(delay_s):
                await self._failed(posted, again_in_s=delay_s)
                return PutBack(delay_s)
            case retry.Exhausted():
                await self._failed(posted)
                return Park(posted.event.id)
            case retry.Dead(gone=True):
                return await self._gone(posted)
            case retry.Dead():
                return await self._dead(posted)

    async def _delivered(self, posted: PostedEvent) -> Step:
        event = posted.event
        self._state.counts.delivered += 1
        if posted.before.made == 0:  # a replay, or an attempt after others failed, is late for reasons that are not ours
            lag = self._services.clock.now() - event.received_at
            self._state.counts.lags_ms.append(round(lag.total_seconds() * 1000))
        self._services.logger.info("event delivered", extra=posted.log_fields)
        await self._record(event, posted.record(DeliveryStatus.DELIVERED))
        if not posted.counted:
            await self._health.succeeded(event.tenant_id)
        return Finished()

    async def _failed(self, posted: PostedEvent, **log_fields: object) -> None:
        self._services.logger.warning("attempt failed", extra={**posted.log_fields, **log_fields})
        await self._record_failure(posted)
        if not posted.counted:
            await self._health.failed(posted.recipient)

    async def _gone(self, posted: PostedEvent) -> Step:
        """Disable the callback that answered 410. If it was set or woken meanwhile, it stays enabled and the event is tried again."""
        tenant_id = posted.recipient.tenant.id
        try:
            disabled = await self._recipients.disable(posted.recipient)
        except StoreUnavailable as error:
            self._services.logger.error("callback cannot be disabled", extra={"tenant_id": tenant_id, "fault": str(error)})
            return PutBack(STORAGE_DELAY_S)
        if disabled:
            return await self._dead(posted)
        await self._recipients.reload(tenant_id)
        await self._record_failure(posted)
        return PutBack(retry.DELAYS_S[0])

    async def _dead(self, posted: PostedEvent) -> Step:
        """Give an event up. If that cannot be recorded, the event stays in the queue: no event is lost without a trace."""
        if not await self._record(posted.event, posted.record(DeliveryStatus.DEAD, posted.result.attempt.outcome)):
            return PutBack(STORAGE_DELAY_S)
        self._state.counts.dead += 1
        self._services.logger.error("event dead", extra=posted.log_fields)
        return Finished()

    async def _record_failure(self, posted: PostedEvent) -> None:
        self._state.counts.failed += 1
        await self._record(posted.event, posted.record(DeliveryStatus.PENDING))

    async def _record(self, event: Event, delivery: Delivery) -> bool:
        self._state.records[event.tenant_id, event.id] = delivery
        return await self._recorder.put(event, delivery)
