"""The log of a tenant's deliveries, replays, and how its callback is doing (contract C4, C5)."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from functions.deliveries.cursor import cursor_of, place_at
from functions.deliveries.log import Log
from functions.deliveries.trial import Trial, told
from functions.http.callers import Managing, Reading
from functions.http.describe import errors
from shared.errors import Code
from shared.model.delivery import DeliveryRecord, DeliveryStatus, DeliverySummary
from shared.model.parking import Lane

router = APIRouter(tags=["deliveries"])
PAGE = 50


class Replayable(StrEnum):
    """What can be delivered again: what has come to its end."""

    DEAD = "dead"
    DROPPED = "dropped"
    DELIVERED = "delivered"


def _in_utc(at: datetime) -> datetime:
    try:
        return max(at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC), datetime(2000, 1, 1, tzinfo=UTC))
    except OverflowError as error:
        raise ValueError("This time is none.") from error


Since = Annotated[datetime, AfterValidator(_in_utc)]
Cursor = Annotated[str, Field(max_length=200), AfterValidator(place_at)]
EventName = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9_.-]+$")]


class DeliveryView(BaseModel):
    """What became of an event. `attempts` counts the POSTs, `last` is the last one's outcome in few words, `reason` why there is no other.

    `pending`: quick attempts are under way. `parked`: its chat waits for a callback that does not answer, and is delivered in order once it
    does. `delivered`. `dead`: given up. `dropped`: nobody wanted it any more. The last three can be replayed.
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
    status: Replayable = Replayable.DEAD
    cursor: Cursor | None = None


class CallbackView(BaseModel):
    """How the callback is doing. A count of 1000 stands for 1000 or more; what has not been tried yet is in no count.

    `open`: events go to it as they come. `parked`: it failed five times in a row, events wait, and it is tried again at `next_attempt_at`.
    `draining`: it answers again, and gets what waited, in order.
    """

    state: Lane
    failures_in_a_row: int
    parked_since: datetime | None
    next_attempt_at: datetime | None
    pending: int
    parked: int
    dead: int
    oldest_waiting: datetime | None


class Tested(BaseModel):
    """What the callback answered to a test event."""

    ok: bool = True
    status: int
    fault: str | None
    duration_ms: int
    answer: str


def log_of(request: Request) -> Log:
    """Return the log that the app was composed with."""
    log = request.app.state.log
    assert isinstance(log, Log)
    return log


def trial_of(request: Request) -> Trial:
    """Return what makes tests."""
    trial = request.app.state.trial
    assert isinstance(trial, Trial)
    return trial


InLog = Annotated[Log, Depends(log_of)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.get("/tenants/{tenant}/deliveries", responses=errors(*_caller))
def list_deliveries(
    request: Request,
    response: Response,
    entry: Reading,
    log: InLog,
    status: DeliveryStatus | None = None,
    since: Since | None = None,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = PAGE,
) -> list[DeliveryView]:
    """List deliveries, the newest event first. The next page, where there is one, is in the `Link` header. The list may lag by a second."""
    found, before = log.page(entry.tenant, status, since, cursor, limit)
    if before is not None:
        asked = {"status": status, "since": since and since.isoformat(), "cursor": cursor_of(before), "limit": limit}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return [_view(one) for one in found]


@router.get("/tenants/{tenant}/deliveries/{event_id}", responses=errors(*_caller, Code.DELIVERY_NOT_FOUND))
def get_delivery(event_id: EventName, entry: Reading, log: InLog) -> DeliveryDetail:
    """Return one delivery with its attempts."""
    return _detail(log.get(entry.tenant, event_id))


@router.post(
    "/tenants/{tenant}/deliveries/{event_id}/replay",
    status_code=202,
    responses=errors(*_caller, Code.DELIVERY_NOT_FOUND, Code.DELIVERY_UNDER_WAY, Code.NO_CALLBACK_URL),
)
def replay_delivery(event_id: EventName, entry: Managing, log: InLog) -> Queued:
    """Deliver an event again, under the same `webhook-id` and with the same bytes, behind what waits in its chat."""
    log.replay(entry.tenant, event_id)
    return Queued(queued=1)


@router.post("/tenants/{tenant}/deliveries/replay", status_code=202, responses=errors(*_caller, Code.NO_CALLBACK_URL))
def replay_deliveries(body: ReplayMany, entry: Managing, log: InLog) -> Queued:
    """Deliver again all of one status since a time, in order per chat; 500 in one request, and `next` tells where to go on."""
    queued, place = log.replay_all(entry.tenant, DeliveryStatus(body.status), body.since, body.cursor)
    return Queued(queued=queued, next=None if place is None else cursor_of(place))


@router.get("/tenants/{tenant}/callback/status", responses=errors(*_caller))
def get_callback_status(entry: Reading, log: InLog) -> CallbackView:
    """Tell how the callback is doing, and how many events wait for it."""
    now = log.overview(entry.tenant)
    return CallbackView(
        state=now.lane.state,
        failures_in_a_row=now.lane.failures,
        parked_since=now.lane.since,
        next_attempt_at=now.lane.due_at,
        pending=now.counts[DeliveryStatus.PENDING],
        parked=now.counts[DeliveryStatus.PARKED],
        dead=now.counts[DeliveryStatus.DEAD],
        oldest_waiting=now.oldest_waiting,
    )


@router.post("/tenants/{tenant}/callback/test", responses=errors(*_caller, Code.NO_CALLBACK_URL, Code.CALLBACK_FAILED, Code.RATE_LIMITED))
def test_callback(entry: Managing, trial: Annotated[Trial, Depends(trial_of)]) -> Tested:
    """Post a signed test event to the callback, once, and answer what it said. Other answers than 2xx are 400.

    Its body has the form of a message, and says that it is none: `"event": "test"`, `"test": true`, and an id that begins with `evt_test_`.
    A callback can be tested ten times a minute.
    """
    return Tested.model_validate(told(trial.make(entry.tenant)))


def _view(one: DeliverySummary) -> DeliveryView:
    return DeliveryView(**one.model_dump(exclude={"at", "made"}), updated_at=one.at, attempts=one.made)


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
        made=[AttemptView(at=attempt.at, **told(attempt)) for attempt in record.attempts],
    )
