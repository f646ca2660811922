"""The health of a callback, as the API shows it."""

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


SHOWN = {
    CallbackHealth.HEALTHY: Health.HEALTHY,
    CallbackHealth.PAUSED: Health.PAUSED,
    CallbackHealth.RECOVERING: Health.RECOVERING,
}


class DroppedView(BaseModel):
    """Events that came while there was no callback_url: only their number is kept. After a crash of ours some may be counted twice."""

    count: int
    since: AwareDatetime
    last_at: AwareDatetime


class CallbackView(BaseModel):
    """The health of a callback. A count of 1000 means 1000 or more. Events that have not been tried yet are not counted.

    `healthy`: events are posted as they come. `paused`: it failed five times in a row; events wait, and it is tried again at
    `next_attempt_at`, which is null while it is being tried. `recovering`: it accepts events again, and gets those that waited, in order.
    `disabled`: nothing is posted to it any more, because it answered 410 (`disabled_cause`: `gone`) or accepted nothing for five days
    (`no_success`); new events are kept as `dead`, and can be replayed. `not_set`: there is no callback_url; new events are counted in
    `dropped`, and not kept. `since`: when it was paused or disabled. A pause ends by itself once the endpoint accepts an event.
    `POST .../callback/retry`, a test that succeeds or a new callback_url end a pause, or enable a disabled callback, at once.
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


def health_of(tenant: Tenant, callback: CallbackState) -> Health:
    """Return the health of a tenant's callback."""
    if tenant.fetches:
        return Health.HEALTHY
    if tenant.callback_url is None:
        return Health.NOT_SET
    return Health.DISABLED if tenant.callback_disabled else SHOWN[callback.state]


def next_attempt_at(tenant: Tenant, callback: CallbackState, now: datetime) -> datetime | None:
    """Return when a paused callback is tried next; None if it is not paused, or is being tried."""
    under_way = callback.leased_until is not None and callback.leased_until > now
    return callback.due_at if health_of(tenant, callback) is Health.PAUSED and not under_way else None


def view_of(tenant: Tenant, overview: Overview, now: datetime) -> CallbackView:
    """Return the API's view of a tenant's callback."""
    callback, health = overview.callback, health_of(tenant, overview.callback)
    since = {Health.PAUSED: callback.since, Health.DISABLED: tenant.callback_disabled_at}
    return CallbackView(
        state=health,
        since=since.get(health),
        next_attempt_at=next_attempt_at(tenant, callback, now),
        disabled_cause=tenant.disabled_cause,
        disabled_reason=tenant.callback_disabled if health is Health.DISABLED else None,
        failures_in_a_row=callback.failures,
        pending=overview.counts[DeliveryStatus.PENDING],
        parked=overview.counts[DeliveryStatus.PARKED],
        dead=overview.counts[DeliveryStatus.DEAD],
        oldest_waiting=overview.oldest_waiting,
        dropped=DroppedView(**overview.dropped.model_dump()) if overview.dropped else None,
    )
