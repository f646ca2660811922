"""Events that a callback fetches (contract C8): what waits in its backlog, in order per chat, until it is acknowledged.

A page names for each of its chats the last slot that it shows. Its cursor has these, and acknowledging it settles the slots up to there.
The row of a chat stays when its backlog is empty, so a slot's number is never used twice and an old cursor settles nothing new.
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from functions.callback_delivery.body import body_of
from shared.clock import Clock
from shared.model.callback_key import owner_of
from shared.model.delivery import DeliveryStatus
from shared.model.ids import TenantId
from shared.model.tenant import Tenant
from shared.observability import well_formed
from shared.store.backlog import BacklogStore, Slot
from shared.store.delivery_log import DeliveryLog
from shared.store.delivery_snapshot import as_seen
from shared.store.tenants import TenantStore

PAGE_BYTES = 1 << 20
"""A page ends behind the event that passes this size."""
LEASE = timedelta(seconds=30)
LEASE_TRIES, LEASE_PAUSE_S = 20, 0.25
SLOTS = 100

_cursor: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, int], config=ConfigDict(strict=True, hide_input_in_errors=True))


class FetchedPage(BaseModel):
    """Events as they would be posted, and the cursor that acknowledges them; None where there is none."""

    events: list[dict[str, Any]]
    cursor: str | None


class EventFetch:
    """Shows and settles what waits for callbacks that fetch."""

    def __init__(self, backlog: BacklogStore, log: DeliveryLog, clock: Clock, logger: Logger, base_url: str = "") -> None:
        self._backlog = backlog
        self._log = log
        self._clock = clock
        self._logger = logger
        self._base_url = base_url

    def page(self, seen: Tenant, limit: int) -> FetchedPage:
        """Return up to `limit` (at most 100) of the events that wait longest, each chat's in order. Changes nothing."""
        waiting, _ = self._log.oldest(seen.id, DeliveryStatus.PARKED, limit=limit)
        events: list[dict[str, Any]] = []
        shown: dict[str, int] = {}
        size = 0
        for chat in dict.fromkeys(line.chat for line in well_formed(waiting, self._logger)):
            for slot in self._backlog.slots(seen.id, chat, limit - len(events)):
                shown[chat] = slot.number
                if slot.record and not slot.record.status.final:
                    body = body_of(slot.record.event, seen.number, seen.body_format, self._base_url)
                    size += len(body)
                    events.append(json.loads(body))
                if size >= PAGE_BYTES:
                    break
            if size >= PAGE_BYTES or len(events) >= limit:
                break
        return FetchedPage(events=events, cursor=_written(shown) if shown else None)

    def acknowledge(self, key: TenantId, cursor: str) -> bool:
        """Settle what a page showed; False if another request holds one of its chats for long: then ask again. Safe to run twice.

        Raises ValueError for what is no cursor.
        """
        settled = [self._settle(key, chat, number) for chat, number in _read(cursor).items()]
        return all(settled)

    def _settle(self, key: TenantId, chat: str, number: int) -> bool:
        me = uuid.uuid4().hex
        for _ in range(LEASE_TRIES):
            now = self._clock.now()
            leased = self._backlog.lease_chat(key, chat, me, now, now + LEASE)
            if leased:
                self._settle_leased(key, chat, number)
                self._backlog.return_chat(key, chat, me)
                return True
            if not self._up_to(key, chat, number):
                return True
            time.sleep(LEASE_PAUSE_S)
        return False

    def _settle_leased(self, key: TenantId, chat: str, number: int) -> None:
        while slots := self._up_to(key, chat, number):
            for slot in slots:
                record = slot.record
                ended = record.ended(DeliveryStatus.DELIVERED, self._clock.now()) if record and not record.status.final else None
                self._backlog.settle(key, chat, slot, ended)

    def _up_to(self, key: TenantId, chat: str, number: int) -> list[Slot]:
        return [slot for slot in self._backlog.slots(key, chat, SLOTS) if slot.number <= number]


def fetch(fetcher: EventFetch, tenants: TenantStore, key: TenantId, limit: int) -> dict[str, Any]:
    """Return the events that wait for a callback, as JSON; none where it is gone."""
    seen = as_seen(tenants.get(owner_of(key)), key)
    return fetcher.page(seen, limit).model_dump() if seen else {"events": [], "cursor": None}


def acknowledge(fetcher: EventFetch, key: TenantId, cursor: str) -> dict[str, Any]:
    """Settle what a page showed; tell whether all of it is settled, or that the cursor is none."""
    try:
        return {"settled": fetcher.acknowledge(key, cursor)}
    except ValueError:
        return {"settled": False, "invalid": True}


def _written(shown: dict[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(shown, separators=(",", ":")).encode()).decode().rstrip("=")


def _read(cursor: str) -> dict[str, int]:
    """Return what a cursor shows; raises ValueError. It is no secret: any cursor names only the callback's own chats."""
    try:
        shown = _cursor.validate_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValidationError as error:
        raise ValueError("no cursor") from error
    if len(shown) > SLOTS or any(len(chat) > SLOTS for chat in shown):
        raise ValueError("no cursor")
    return shown
