"""Routes to fetch events instead of having them posted (contract C8)."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from functions.deliveries.callback_choice import ChosenCallback
from functions.deliveries.event_pull_client import MOST_WAIT_S, EventPage, EventPullClient, fetching
from functions.http.access import ManageAccess, ReadAccess
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from functions.http.parameters import Digits, Limit
from shared.errors import Code

router = APIRouter(tags=["events"])
InFetch = Annotated[EventPullClient, provided(EventPullClient)]
WaitS = Annotated[
    Annotated[int, Field(ge=0, le=MOST_WAIT_S)], Digits, Query(description="How many seconds to wait for events where none wait.")
]
_caller = (Code.INVALID_CREDENTIALS, Code.FORBIDDEN, Code.TENANT_NOT_FOUND)


class Acknowledged(BaseModel):
    """The events were settled."""

    ok: Literal[True] = True


class Acknowledgement(BaseModel):
    """Everything that a page showed has been dealt with."""

    model_config = ConfigDict(extra="forbid")

    cursor: Annotated[str, Field(min_length=1, max_length=16_384, description="The page's `cursor`, unchanged.")]


@router.get("/tenants/{tenant}/events", responses=errors(*_caller, Code.NOT_FOUND))
def fetch_events(access: ReadAccess, fetch: InFetch, callback: ChosenCallback = None, wait_s: WaitS = 0, limit: Limit = 100) -> EventPage:
    """Return the events that wait for a callback with `delivery: pull`: the bodies that would be posted, in order per chat.

    They come again until they are acknowledged, to whoever asks. They are kept for as long as the log of deliveries.
    """
    return fetch.page(fetching(access.tenant, callback), limit, wait_s)


@router.post("/tenants/{tenant}/events/ack", responses=errors(*_caller, Code.NOT_FOUND))
def acknowledge_events(body: Acknowledgement, access: ManageAccess, fetch: InFetch, callback: ChosenCallback = None) -> Acknowledged:
    """Say that all events of a page have been dealt with. Safe to repeat; the cursor of an earlier page does no harm."""
    fetch.acknowledge(fetching(access.tenant, callback), body.cursor)
    return Acknowledged()
