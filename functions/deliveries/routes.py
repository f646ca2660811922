"""The log of a tenant's deliveries, replays, and how its callback is doing (contract C4, C5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.convertors import StringConvertor, register_url_convertor

from functions.deliveries.callback_test import CallbackTestClient, attempt_fields
from functions.deliveries.callback_wake import CallbackWakeClient
from functions.deliveries.cursor import FORM, cursor_of, position_of
from functions.deliveries.health import CallbackView, Health, health_of, next_attempt_at, view_of
from functions.deliveries.history import DeliveryHistory
from functions.http.callers import Managing, Reading
from functions.http.describe import errors, paged
from functions.http.parameters import Limit, Since
from shared.errors import AvioError, Code
from shared.model.delivery import DeliveryRecord, DeliveryStatus, DeliverySummary
from shared.store.tenants import NOT_DISABLED

router = APIRouter(tags=["deliveries"])
PAGE = 50


class EventConvertor(StringConvertor):
    """What is no event's id is another address: `replay`, which has a route of its own, or none at all."""

    regex = "evt_[A-Za-z0-9_-]{1,96}"


EventName = Annotated[
    str, Path(description="The event's `id`, which is the `webhook-id` too.", json_schema_extra={"pattern": f"^{EventConvertor.regex}$"})
]
register_url_convertor("event", EventConvertor())


class Replayable(StrEnum):
    """What can be delivered again: what has come to its end."""

    DEAD = "dead"
    DROPPED = "dropped"
    DELIVERED = "delivered"


Cursor = Annotated[str, AfterValidator(position_of), Field(json_schema_extra={"pattern": f"^{FORM}$"})]


class DeliveryView(BaseModel):
    """What became of an event. `attempts` counts the POSTs, `last` is the last one's outcome in few words, `reason` why there is no other.

    `pending`: quick attempts are under way. `parked`: its chat waits for a callback that does not answer, and is delivered in order once it
    does. `delivered`. `dead`: given up, or it came while the callback was disabled. `dropped`: nobody wanted it any more. The last three
    can be replayed.
    """

    event_id: str
    status: DeliveryStatus
    chat: Annotated[str, Field(description="Channel and chat id.")]
    received_at: Annotated[datetime, Field(description="When Avio had the event.")]
    updated_at: datetime
    attempts: int
    last: str | None
    reason: str | None


class AttemptView(BaseModel):
    """One POST: what the callback answered (`status`, and how its body began), or why there was no answer (`fault`)."""

    at: datetime
    duration_ms: int
    status: int | None
    fault: str | None
    answer: str


class DeliveryDetail(DeliveryView):
    """A delivery with its latest attempts, the oldest first."""

    made: list[AttemptView]


class Queued(BaseModel):
    """What is on its way. `next`: call again with it as `cursor`, there is more."""

    ok: bool = True
    queued: int
    next: str | None = None


class ReplayMany(BaseModel):
    """Which deliveries are to be made again: those of one status whose events came at `since` or later."""

    model_config = ConfigDict(extra="forbid")

    since: Since
    status: Annotated[Replayable, Field(description="`dead` where it is left out.")] = Replayable.DEAD
    cursor: Annotated[Cursor | None, Field(description="`next` of the answer before: where to go on.")] = None


class Replayed(Queued):
    """An event that is on its way: `queued` is 0 where it was parked, and so waits in its place already; then its callback is tried now.

    `callback_state` and `next_attempt_at` are as in the callback's status: where it is paused, the event waits behind what is parked.
    """

    callback_state: Health
    next_attempt_at: datetime | None


class Tested(BaseModel):
    """What the callback answered to a test event. `woken`: it was paused or disabled, or events waited for it, and they are tried now."""

    ok: bool = True
    woken: bool
    status: int
    fault: str | None
    duration_ms: int
    answer: str


def log_of(request: Request) -> DeliveryHistory:
    """Return the log that the app was composed with."""
    log = request.app.state.log
    assert isinstance(log, DeliveryHistory)
    return log


def trial_of(request: Request) -> CallbackTestClient:
    """Return what makes tests."""
    trial = request.app.state.trial
    assert isinstance(trial, CallbackTestClient)
    return trial


def waking_of(request: Request) -> CallbackWakeClient:
    """Return what wakes callbacks."""
    waking = request.app.state.waking
    assert isinstance(waking, CallbackWakeClient)
    return waking


InLog = Annotated[DeliveryHistory, Depends(log_of)]
InWake = Annotated[CallbackWakeClient, Depends(waking_of)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.get("/tenants/{tenant}/deliveries", responses={**errors(*_caller), **paged()})
def list_deliveries(
    request: Request,
    response: Response,
    entry: Reading,
    log: InLog,
    status: Annotated[DeliveryStatus | None, Query(description="Those of one status; all without it.")] = None,
    since: Annotated[Since | None, Query(description="Those whose events came at this time or later.")] = None,
    cursor: Annotated[Cursor | None, Query(description="Where the page begins: from the `Link` header of the one before.")] = None,
    limit: Limit = PAGE,
) -> list[DeliveryView]:
    """List deliveries, the newest event first. The next page, where there is one, is in the `Link` header. The list may lag by a second."""
    found, before = log.page(entry.tenant, status, since, cursor, limit)
    if before is not None:
        asked = {"status": status, "since": since and since.isoformat(), "cursor": cursor_of(before), "limit": limit}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return [_view(summary) for summary in found]


@router.get("/tenants/{tenant}/deliveries/{event_id:event}", responses=errors(*_caller, Code.DELIVERY_NOT_FOUND))
def get_delivery(event_id: EventName, entry: Reading, log: InLog) -> DeliveryDetail:
    """Return one delivery with its attempts."""
    return _detail(log.get(entry.tenant, event_id))


@router.post(
    "/tenants/{tenant}/deliveries/{event_id:event}/replay",
    status_code=202,
    responses=errors(*_caller, Code.DELIVERY_NOT_FOUND, Code.DELIVERY_UNDER_WAY, Code.NO_CALLBACK_URL, Code.CALLBACK_DISABLED),
)
def replay_delivery(event_id: EventName, entry: Managing, log: InLog, waking: InWake) -> Replayed:
    """Deliver an event again, under the same `webhook-id` and with the same bytes, behind what waits in its chat.

    However often it is asked for before it was delivered again, it is delivered once. One that is parked waits in its place already: its
    callback is tried now.
    """
    tenant = entry.tenant
    queued = log.replay(tenant, event_id)
    if not queued:
        waking.wake(tenant.id)
    callback, now = log.callbacks.get(tenant.id), log.clock.now()
    return Replayed(queued=int(queued), callback_state=health_of(tenant, callback), next_attempt_at=next_attempt_at(tenant, callback, now))


@router.post(
    "/tenants/{tenant}/deliveries/replay", status_code=202, responses=errors(*_caller, Code.NO_CALLBACK_URL, Code.CALLBACK_DISABLED)
)
def replay_deliveries(body: ReplayMany, entry: Managing, log: InLog) -> Queued:
    """Deliver again all of one status since a time, in order per chat; 500 in one request, and `next` tells where to go on."""
    queued, position = log.replay_all(entry.tenant, DeliveryStatus(body.status), body.since, body.cursor)
    return Queued(queued=queued, next=None if position is None else cursor_of(position))


@router.get("/tenants/{tenant}/callback/status", responses=errors(*_caller))
def get_callback_status(entry: Reading, log: InLog) -> CallbackView:
    """Tell how the callback is doing, and how many events wait for it."""
    return view_of(entry.tenant, log.overview(entry.tenant), log.clock.now())


@router.post("/tenants/{tenant}/callback/retry", status_code=202, responses=errors(*_caller, Code.NO_CALLBACK_URL, Code.CALLBACK_HEALTHY))
def retry_callback(entry: Managing, log: InLog, waking: InWake) -> CallbackView:
    """Try a paused callback now, enable a disabled one, and try events that wait alone. Answers how the callback is doing then."""
    if entry.tenant.callback_url is None:
        raise AvioError(Code.NO_CALLBACK_URL)
    if not waking.wake(entry.tenant.id):
        raise AvioError(Code.CALLBACK_HEALTHY)
    enabled = entry.tenant.model_copy(update=NOT_DISABLED)
    return view_of(enabled, log.overview(enabled), log.clock.now())


@router.post("/tenants/{tenant}/callback/test", responses=errors(*_caller, Code.NO_CALLBACK_URL, Code.CALLBACK_FAILED, Code.RATE_LIMITED))
def test_callback(entry: Managing, trial: Annotated[CallbackTestClient, Depends(trial_of)], log: InLog, waking: InWake) -> Tested:
    """Post a signed test event to the callback, once, and answer what it said. Other answers than 2xx are 400.

    Its body has the form of a message, and says that it is none: `"event": "test"`, `"test": true`, and an id that begins with `evt_test_`.
    A callback can be tested ten times a minute. A success wakes a callback that is paused or disabled.
    """
    attempt = trial.test(entry.tenant)
    woken = log.needs_wake(entry.tenant) and waking.wake(entry.tenant.id)
    return Tested.model_validate({**attempt_fields(attempt), "woken": woken})


def _view(summary: DeliverySummary) -> DeliveryView:
    return DeliveryView(**summary.model_dump(exclude={"at", "made"}), updated_at=summary.at, attempts=summary.made)


def _detail(record: DeliveryRecord) -> DeliveryDetail:
    return DeliveryDetail(
        event_id=record.event.id,
        status=record.status,
        chat=record.event.chat,
        received_at=record.event.received_at,
        updated_at=record.at,
        attempts=record.made,
        last=record.attempts[-1].outcome if record.attempts else None,
        reason=record.reason,
        made=[AttemptView(at=attempt.at, **attempt_fields(attempt)) for attempt in record.attempts],
    )
