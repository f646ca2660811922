"""Fetching events (contract C8): the delivery function shows and settles them, since it may read and write the backlog.

A request that finds nothing looks again until something waits: it looks at the index, which costs little and lags by about a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from shared.errors import AvioError, Code
from shared.model.callback_key import owner_of
from shared.model.delivery import DeliveryStatus
from shared.model.tenant import Tenant
from shared.store.delivery_log import DeliveryLog

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

MOST_WAIT_S = 20
LOOK_S = 0.5
RETRY_AFTER_S = 2


class EventPage(BaseModel):
    """Events, each as it would be posted, and the cursor that acknowledges them: null where nothing waits."""

    events: list[dict[str, Any]]
    cursor: str | None


class EventPullClient:
    """Asks the delivery function for events. `functions` returns the client on first use; `monotonic` and `sleep` are the clock."""

    def __init__(
        self,
        functions: Callable[[], LambdaClient],
        name: str,
        log: DeliveryLog,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._functions = functions
        self._name = name
        self._log = log
        self._monotonic = monotonic
        self._sleep = sleep

    def page(self, seen: Tenant, limit: int, wait_s: float) -> EventPage:
        """Return the events that wait, as soon as there are any, or none after `wait_s`; raises `unavailable`."""
        ends_s = self._monotonic() + min(wait_s, MOST_WAIT_S)
        while not self._log.oldest(seen.id, DeliveryStatus.PARKED, limit=1)[0]:
            if (left_s := ends_s - self._monotonic()) <= 0:
                return EventPage(events=[], cursor=None)
            self._sleep(min(LOOK_S, left_s))
        return EventPage.model_validate(self._invoke({"fetch": {"tenant_id": seen.id, "limit": limit}}))

    def acknowledge(self, seen: Tenant, cursor: str) -> None:
        """Settle what a page showed. Safe to repeat; raises `invalid_request` for what is no cursor, or `unavailable`."""
        answer = self._invoke({"acknowledge": {"tenant_id": seen.id, "cursor": cursor}})
        if answer.get("invalid"):
            raise AvioError(
                Code.INVALID_REQUEST,
                fields=[{"field": "body.cursor", "problem": "Invalid cursor. Take it unchanged from a page of events."}],
            )
        if not answer.get("settled"):
            raise _unavailable()

    def _invoke(self, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._functions().invoke(FunctionName=self._name, Payload=json.dumps(payload))
            if answer.get("FunctionError"):  # its storage did not answer; its log says more
                raise _unavailable()
            found: dict[str, Any] = json.loads(answer["Payload"].read())
        except (ClientError, BotoCoreError, ValueError) as error:
            raise _unavailable() from error
        return found


def fetching(tenant: Tenant, callback_id: str | None) -> Tenant:
    """Return the callback that fetches, as its tenant is seen by it; without an id, the only one. Raises `not_found`."""
    ids = [callback_id] if callback_id else list(tenant.callbacks)
    found = [seen for one in ids if (seen := tenant.seen_by(one)) and seen.fetches]
    if not found:
        raise AvioError(Code.NOT_FOUND, "There is no callback that fetches its events. Create one with `delivery: pull`.")
    if len(found) > 1:
        raise AvioError(Code.INVALID_REQUEST, f"Tenant {owner_of(tenant.id)} has several callbacks that fetch: name one with `callback`.")
    return found[0]


def _unavailable() -> AvioError:
    return AvioError(Code.UNAVAILABLE, "Events cannot be fetched right now. Try again in some seconds.", retry_after_s=RETRY_AFTER_S)
