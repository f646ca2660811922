"""The routes of a tenant's deliveries: the log, replays, and its callback's health (contract C4, C5)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.convertors import StringConvertor, register_url_convertor

from functions.deliveries.callback_choice import ChosenCallback, chosen
from functions.deliveries.callback_test import CallbackTestClient, attempt_fields
from functions.deliveries.callback_wake import CallbackWakeClient
from functions.deliveries.cursor import FORM, cursor_of, position_of
from functions.deliveries.health import CallbackView, Health, health_of, next_attempt_at, view_of
from functions.deliveries.history import DeliveryHistory
from functions.http.access import ManageAccess, ReadAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors, paged
from functions.http.parameters import Limit, Since
from shared.errors import AvioError, Code
from shared.model.callback_key import callback_of
from shared.model.delivery import DeliveryRecord, DeliveryStatus, DeliverySummary
from shared.store.tenants import NOT_DISABLED

router = APIRouter(tags=["deliveries"])
PAGE = 50


class EventConvertor(StringConvertor):
    """Matches event ids only: `replay` is a route of its own."""

    regex = "evt_[A-Za-z0-9_-]{1,96}"


EventName = Annotated[
    str, Path(description="The event's `id`, which is the `webhook-id` too.", json_schema_extra={"pattern": f"^{EventConvertor.regex}$"})
]
register_url_convertor("event", EventConvertor())


class Replayable(StrEnum):
    """The statuses that can be replayed: the final ones."""

    DEAD = "dead"
    DROPPED = "dropped"
    DELIVERED = "delivered"


Cursor = Annotated[str, AfterValidator(position_of), Field(json_schema_extra={"pattern": f"^{FORM}$"})]


class DeliveryView(BaseModel):
    """An event's delivery. `attempts`: the number of POSTs. `last`: the last outcome in a few words. `reason`: why no attempt follows.

    `pending`: quick attempts are under way. `parked`: it waits, with its chat, until the callback accepts events again, and is then
    delivered in order. `delivered`. `dead`: given up, or it came while the callback was disabled. `dropped`: the tenant no longer accepted
    it. The last three can be replayed.
    """

    event_id: str
    callback: Annotated[str, Field(description="The callback's `id`.")]
    status: DeliveryStatus
    chat: Annotated[str, Field(description="Channel and chat id.")]
    received_at: Annotated[datetime, Field(description="When Avio had the event.")]
    updated_at: datetime
    attempts: int
    last: str | None
    reason: str | None


class AttemptView(BaseModel):
    """One POST: the callback's answer (`status`, and the beginning of its body), or why there was none (`fault`)."""

    at: datetime
    duration_ms: int
    status: int | None
    fault: str | None
    answer: str


class DeliveryDetail(DeliveryView):
    """A delivery with its latest attempts, the oldest first."""

    made: list[AttemptView]


class Queued(BaseModel):
    """The number of events that are queued. `next`: there are more; call again with it as `cursor`."""

    ok: Literal[True] = True
    queued: int
    next: str | None = None


class ReplayMany(BaseModel):
    """Selects deliveries to replay: those of one status whose events came at `since` or later."""

    model_config = ConfigDict(extra="forbid")

    since: Since
    status: Annotated[Replayable, Field(description="Default: `dead`.")] = Replayable.DEAD
    cursor: Annotated[Cursor | None, Field(description="`next` of the answer before: where to continue.")] = None


class Replayed(Queued):
    """A replayed event. `queued` is 0 if the event is parked, and so waits already; then its callback is tried now.

    `callback_state` and `next_attempt_at` are as in the callback's status. While it is paused, the event waits behind the parked ones.
    """

    callback_state: Health
    next_attempt_at: datetime | None


class Tested(BaseModel):
    """The callback's answer to a test event. `woken`: it was paused or disabled, or events waited for it, and they are tried now."""

    ok: Literal[True] = True
    woken: bool
    status: int
    fault: str | None
    duration_ms: int
    answer: str


InHistory = Annotated[DeliveryHistory, provided(DeliveryHistory)]
InTest = Annotated[CallbackTestClient, provided(CallbackTestClient)]
InWake = Annotated[CallbackWakeClient, provided(CallbackWakeClient)]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


@router.get("/tenants/{tenant}/deliveries", responses={**errors(*_caller, Code.NOT_FOUND), **paged()})
def list_deliveries(
    request: Request,
    response: Response,
    access: ReadAccess,
    history: InHistory,
    status: Annotated[DeliveryStatus | None, Query(description="Only this status. Default: all.")] = None,
    since: Annotated[Since | None, Query(description="Only events that came at this time or later.")] = None,
    cursor: Annotated[Cursor | None, Query(description="Where the page begins, from the `Link` header of the page before.")] = None,
    limit: Limit = PAGE,
    callback: ChosenCallback = None,
) -> list[DeliveryView]:
    """List a callback's deliveries, the newest event first. The `Link` header has the next page, if there is one.

    The list may lag by a second.
    """
    seen = chosen(access.tenant, callback)
    found, before = history.page(seen, status, since, cursor, limit)
    if before is not None:
        asked = {"status": status, "since": since and since.isoformat(), "cursor": cursor_of(before), "limit": limit, "callback": callback}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'
    return [_view(summary, callback_of(seen.id)) for summary in found]


@router.get("/tenants/{tenant}/deliveries/{event_id:event}", responses=errors(*_caller, Code.NOT_FOUND, Code.DELIVERY_NOT_FOUND))
def get_delivery(event_id: EventName, access: ReadAccess, history: InHistory, callback: ChosenCallback = None) -> DeliveryDetail:
    """Return one delivery with its attempts."""
    seen = chosen(access.tenant, callback)
    return _detail(history.get(seen, event_id), callback_of(seen.id))


@router.post(
    "/tenants/{tenant}/deliveries/{event_id:event}/replay",
    status_code=202,
    responses=errors(
        *_caller, Code.NOT_FOUND, Code.DELIVERY_NOT_FOUND, Code.DELIVERY_UNDER_WAY, Code.NO_CALLBACK_URL, Code.CALLBACK_DISABLED
    ),
)
def replay_delivery(
    event_id: EventName, access: ManageAccess, history: InHistory, waker: InWake, callback: ChosenCallback = None
) -> Replayed:
    """Deliver an event again, with the same `webhook-id` and the same bytes, after the waiting events of its chat.

    If it is replayed several times before it is delivered again, it is delivered once. A parked event waits already: its callback is tried
    now.
    """
    seen = chosen(access.tenant, callback)
    queued = history.replay(seen, event_id)
    if not queued and not seen.fetches:
        waker.wake(seen.id)
    state, now = history.callbacks.get(seen.id), history.clock.now()
    return Replayed(queued=int(queued), callback_state=health_of(seen, state), next_attempt_at=next_attempt_at(seen, state, now))


@router.post(
    "/tenants/{tenant}/deliveries/replay",
    status_code=202,
    responses=errors(*_caller, Code.NOT_FOUND, Code.NO_CALLBACK_URL, Code.CALLBACK_DISABLED),
)
def replay_deliveries(body: ReplayMany, access: ManageAccess, history: InHistory, callback: ChosenCallback = None) -> Queued:
    """Deliver all events of one status since a time again, in order per chat: 500 in a request; `next` says where to continue."""
    queued, position = history.replay_all(chosen(access.tenant, callback), DeliveryStatus(body.status), body.since, body.cursor)
    return Queued(queued=queued, next=None if position is None else cursor_of(position))


@router.get("/tenants/{tenant}/callback/status", responses=errors(*_caller, Code.NOT_FOUND))
def get_callback_status(access: ReadAccess, history: InHistory, callback: ChosenCallback = None) -> CallbackView:
    """Return the callback's health, and how many events wait for it."""
    seen = chosen(access.tenant, callback)
    return view_of(seen, history.overview(seen), history.clock.now())


@router.post(
    "/tenants/{tenant}/callback/retry",
    status_code=202,
    responses=errors(*_caller, Code.NOT_FOUND, Code.NO_CALLBACK_URL, Code.CALLBACK_HEALTHY),
)
def retry_callback(access: ManageAccess, history: InHistory, waker: InWake, callback: ChosenCallback = None) -> CallbackView:
    """Try a paused callback now, enable a disabled callback, and try chats that wait alone. Return the callback's health after that."""
    seen = chosen(access.tenant, callback)
    if seen.callback_url is None:
        raise AvioError(Code.NO_CALLBACK_URL)
    if not waker.wake(seen.id):
        raise AvioError(Code.CALLBACK_HEALTHY)
    enabled = seen.model_copy(update=NOT_DISABLED)
    return view_of(enabled, history.overview(enabled), history.clock.now())


@router.post(
    "/tenants/{tenant}/callback/test",
    responses=errors(*_caller, Code.NOT_FOUND, Code.NO_CALLBACK_URL, Code.CALLBACK_FAILED, Code.RATE_LIMITED),
)
def test_callback(access: ManageAccess, tester: InTest, history: InHistory, waker: InWake, callback: ChosenCallback = None) -> Tested:  # noqa: PT028
    """Post a signed test event to the callback once, and return its answer. Any answer but 2xx is a 400.

    The body has the form of a message, and is marked as a test: `"event": "test"`, `"test": true`, and an id that begins with `evt_test_`.
    A callback can be tested ten times a minute. A success wakes a callback that is paused or disabled.
    """
    seen = chosen(access.tenant, callback)
    attempt = tester.test(seen)
    woken = history.needs_wake(seen) and waker.wake(seen.id)
    return Tested.model_validate({**attempt_fields(attempt), "woken": woken})


def _view(summary: DeliverySummary, callback_id: str) -> DeliveryView:
    return DeliveryView(callback=callback_id, **summary.model_dump(exclude={"at", "made"}), updated_at=summary.at, attempts=summary.made)


def _detail(record: DeliveryRecord, callback_id: str) -> DeliveryDetail:
    return DeliveryDetail(
        callback=callback_id,
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
