"""How a callback is doing, in the words of the API."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel

from functions.deliveries.history import Overview
from shared.model.backlog import CallbackHealth, CallbackState
from shared.model.delivery import DeliveryStatus
from shared.model.tenant import Cause, Tenant


class Health(StrEnum):
    """The states of a callback."""

    NOT_SET = "not_set"
    HEALTHY = "healthy"
    PAUSED = "paused"
    RECOVERING = "recovering"
    DISABLED = "disabled"


OF_LANE = {CallbackHealth.HEALTHY: Health.HEALTHY, CallbackHealth.PAUSED: Health.PAUSED, CallbackHealth.RECOVERING: Health.RECOVERING}


class DroppedView(BaseModel):
    """Events that came while there was no callback_url: nothing but their number is kept. A crash of ours may count some of them twice."""

    count: int
    since: AwareDatetime
    last_at: AwareDatetime


class CallbackView(BaseModel):
    """How the callback is doing. A count of 1000 stands for 1000 or more; what has not been tried yet is in no count.

    `healthy`: events go to it as they come. `paused`: it failed five times in a row, events wait, and it is tried again at
    `next_attempt_at`; null while it is being tried. `recovering`: it answers again, and gets what waited, in order. `disabled`: nothing is
    posted to it any more, because it answered 410 (`disabled_cause`: `gone`) or took nothing for five days (`no_success`); what comes is
    kept as `dead`, to be replayed. `not_set`: there is no callback_url; what comes is counted in `dropped` and not kept. `since` is since
    when it is paused or disabled. A pause ends by itself once the endpoint takes an event; `POST .../callback/retry`, a test that succeeds
    or a new callback_url end it, and a disabled state, now.
    """

    state: Health
    since: datetime | None
    next_attempt_at: datetime | None
    disabled_cause: Cause | None
    disabled_reason: str | None
    failures_in_a_row: int
    pending: int
    parked: int
    dead: int
    oldest_waiting: datetime | None
    dropped: DroppedView | None


def health_of(tenant: Tenant, lane: CallbackState) -> Health:
    """Return the state of a tenant's callback."""
    if tenant.callback_url is None:
        return Health.NOT_SET
    return Health.DISABLED if tenant.callback_disabled else OF_LANE[lane.state]


def next_attempt_at(tenant: Tenant, lane: CallbackState, now: datetime) -> datetime | None:
    """Return when a callback is tried next; None where nothing waits for that, or it is being tried."""
    under_way = lane.leased_until is not None and lane.leased_until > now
    return lane.due_at if health_of(tenant, lane) is Health.PAUSED and not under_way else None


def view_of(tenant: Tenant, seen: Overview, now: datetime) -> CallbackView:
    """Return how a tenant's callback is doing as the outside sees it."""
    state = health_of(tenant, seen.lane)
    since = {Health.PAUSED: seen.lane.since, Health.DISABLED: tenant.callback_disabled_at}
    return CallbackView(
        state=state,
        since=since.get(state),
        next_attempt_at=next_attempt_at(tenant, seen.lane, now),
        disabled_cause=tenant.disabled_cause,
        disabled_reason=tenant.callback_disabled if state is Health.DISABLED else None,
        failures_in_a_row=seen.lane.failures,
        pending=seen.counts[DeliveryStatus.PENDING],
        parked=seen.counts[DeliveryStatus.PARKED],
        dead=seen.counts[DeliveryStatus.DEAD],
        oldest_waiting=seen.oldest_waiting,
        dropped=DroppedView(**seen.dropped.model_dump()) if seen.dropped else None,
    )
