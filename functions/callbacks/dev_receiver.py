"""A callback receiver for development: it stores what is posted to it and shows it (contract C6).

It has no authentication, so that any tenant's callback_url can name it, and shows all payloads to anybody. It is mounted only if
DEV_CALLBACK_RECEIVER=1. Never for production.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from functions.http.access import OPEN
from functions.http.dependencies import provided
from functions.http.json_body import parse
from functions.http.openapi_responses import errors
from functions.http.request_checks import check_body, check_request
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.store.dev_receiver import ReceiverStore

router = APIRouter(tags=["development"])
MAX_BODY_BYTES = 64 << 10
SHOWN = 100


class Stored(BaseModel):
    """The payload is stored."""

    ok: Literal["stored"] = "stored"


class Received(BaseModel):
    """A payload, and the time at which it came."""

    received_at: str
    payload: Any


class DevReceiver:
    """Stores payloads and shows them."""

    def __init__(self, store: ReceiverStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def keep(self, body: bytes) -> None:
        """Store a body; raises `request_too_large`, or `invalid_request` if it is not JSON."""
        if len(body) > MAX_BODY_BYTES:
            raise AvioError(Code.REQUEST_TOO_LARGE, f"A payload is at most {MAX_BODY_BYTES} bytes.")
        self._store.put(parse(body), self._clock.now())

    def shown(self) -> list[dict[str, Any]]:
        """Return the newest payloads, newest first."""
        return self._store.newest(SHOWN, self._clock.now())


InReceiver = Annotated[DevReceiver, provided(DevReceiver)]
_any_json = {"requestBody": {"required": True, "content": {"application/json": {"schema": {}}}}}


def body_of(request: Request) -> bytes:
    """Return the request's body as sent."""
    check_body(request)
    content: bytes = request.state.body.content
    return content


@router.post("/dev/callback-receiver", dependencies=[OPEN], responses=errors(Code.REQUEST_TOO_LARGE), openapi_extra=_any_json)
def receive_callback(body: Annotated[bytes, Depends(body_of)], receiver: InReceiver) -> Stored:
    """Store a JSON payload for a day. For development only: no authentication."""
    receiver.keep(body)
    return Stored()


@router.get("/dev/callback-receiver", dependencies=[OPEN, Depends(check_request)], response_model=list[Received], responses=errors())
def list_received(receiver: InReceiver) -> Response:
    """Return the newest payloads, newest first. For development only: no authentication."""
    return Response(json.dumps(receiver.shown()), media_type="application/json")  # ASCII: a payload may hold half of a surrogate pair
