"""The webhook that providers' software posts to (contract P3)."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from functions.http.access import ProviderTenant
from functions.http.dependencies import provided
from functions.http.json_body import parse
from functions.http.openapi_responses import errors
from functions.providers.measured_route import MeasuredRoute
from functions.providers.posted_bodies import MessageIn, ProviderBody, QrIn, ReadyIn
from functions.providers.provider_events import ProviderEvents
from shared.errors import AvioError, Code

router = APIRouter(tags=["providers"], route_class=MeasuredRoute)


class EventQueued(BaseModel):
    """The event is stored and queued."""

    ok: Literal[True] = True
    queued: Literal[True] = True


class QrKept(BaseModel):
    """The QR code is stored. It is no event for callbacks."""

    ok: Literal[True] = True
    queued: Literal[False] = False
    event: Literal["qr"] = "qr"


def sent_body(request: Request) -> dict[str, Any]:
    """Return the body as it came; raises `invalid_request` for half of a surrogate pair anywhere in it: that is not valid text."""
    content: bytes = request.state.body.content
    if request.state.body.fault is not None:
        return {}
    found = parse(content or b"null")
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        problem = "This contains half of a surrogate pair, which is not valid text."
        raise AvioError(Code.INVALID_REQUEST, fields=[{"field": "body", "problem": problem}]) from None
    return found if isinstance(found, dict) else {}


SentBody = Annotated[dict[str, Any], Depends(sent_body)]
ProviderEventsDep = Annotated[ProviderEvents, provided(ProviderEvents)]


@router.post(
    "/webhook", responses=errors(Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND, Code.REQUEST_TOO_LARGE, Code.INVALID_QR)
)
def post_event(tenant: ProviderTenant, body: ProviderBody, sent: SentBody, events: ProviderEventsDep) -> EventQueued | QrKept:
    """Take an event of a provider's. The answer comes when it is stored and queued; post it again if none comes.

    A message is delivered to the tenant's callbacks like any other. One with the same `message_id` is stored and delivered once. Fields
    that are not named here are kept, and delivered too.
    """
    assert tenant is not None  # a body that names none is refused by its model
    match body:
        case QrIn():
            events.keep_qr(body, tenant)
            return QrKept()
        case ReadyIn():
            events.take_ready(body, tenant)
        case MessageIn():
            events.take_message(body, sent, tenant)
    return EventQueued()
