"""Counts idempotent requests (idempotent_request.py), and keeps their records: the requests to DynamoDB."""

from __future__ import annotations

import contextlib
import hmac
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from functions.http import rate_limit_headers
from functions.http.authenticator import Access
from functions.http.idempotency import HEADER
from functions.http.idempotency_record import earlier_answer, fingerprint_of, record_key
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.ids import TenantId
from shared.store import idempotency as records
from shared.store import keys, rate_limits
from shared.store.idempotency import IdempotencyRecord, RunRecord
from shared.store.rate_limits import LimitReached, Usage
from shared.store.table import ConditionFailed, Contended, Item, Put, StoreUnavailable, Table, Update

TRIES = 10
_PAUSE_S = 0.03


@dataclass(frozen=True)
class RequestAttempt:
    """A run of a request. `began_at` is when an earlier run began that may have done it, None if there was none."""

    salt: bytes
    began_at: datetime | None = None

    def random_id(self, part: int = 0) -> int:
        """Return the random id of a part of what the request sends, the same in each run: 63 bits, positive in Telegram's signed 64."""
        return int.from_bytes(hmac.digest(self.salt, b"random id %d" % part, "sha256")[:8], "big") >> 1


@dataclass(frozen=True)
class Run:
    """A run that has begun; `record` is None without an Idempotency-Key."""

    attempt: RequestAttempt
    record: RunRecord | None

    def end(self, change: Callable[[RunRecord], None]) -> None:
        """Change the record; where storage does not answer it stays leased, and the next request takes it over after the lease."""
        if self.record:
            with contextlib.suppress(StoreUnavailable):
                change(self.record)


@dataclass(frozen=True)
class EarlierAnswer:
    """The answer that an earlier run has got."""

    answer: str


class IdempotentRequestService:
    """Counts requests and keeps their records."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def rows(self, request: Request, tenant_id: TenantId) -> list[keys.Key]:
        """Return the keys of the rows that an idempotent request needs."""
        wanted = [keys.rate_limit(tenant_id)]
        if idempotency_key := request.headers.get(HEADER):
            wanted.append(record_key(request, tenant_id, idempotency_key))
        return wanted

    def show(self, request: Request, access: Access) -> None:
        """Have the answer to a request tell of the tenant's rate limit."""
        limit = access.rows.get(keys.rate_limit(access.tenant.id)["sk"], {})
        self._tell(request, access, rate_limits.usage(access.tenant.allowed_rate, limit, self._now_s()))

    def begin(self, request: Request, idempotency_key: str | None, ready: Callable[[], None]) -> Run | EarlierAnswer:
        """Count a request and lease its record, or return the answer of an earlier run."""
        access: Access = request.state.access
        counter = keys.rate_limit(access.tenant.id)
        key = record_key(request, access.tenant.id, idempotency_key) if idempotency_key else None
        seen, run, fingerprint = dict(access.rows), secrets.token_hex(8), fingerprint_of(request)
        for tried in range(TRIES):
            record = records.record_in(seen.get(key["sk"]), self._clock.now()) if key else None
            if record and (answer := earlier_answer(record, fingerprint, self._clock.now())):
                return EarlierAnswer(answer)
            ready()
            take = self._taking(request, access, seen.get(counter["sk"], {}))
            try:
                if key is None:
                    self._tell_taken(request, access, self._table.update(take.key, take.update, take.values, take.condition, take.names))
                    return Run(RequestAttempt(secrets.token_bytes(16)), None)
                attempt, lease = self._lease(key, record, fingerprint, run)
                self._table.transact([take, lease])
            except (ConditionFailed, Contended) as lost:
                seen = self._seen_anew(lost, counter, key, tried)
            else:
                self._tell_taken(request, access, {**seen.get(counter["sk"], {}), **_written(take)})
                return Run(attempt, RunRecord(self._table, key, run))
        raise AvioError(Code.UNAVAILABLE, "Too many requests of this tenant come at once. Nothing was done. Try again.", retry_after_s=1)

    def _lease(self, key: keys.Key, seen: IdempotencyRecord | None, fingerprint: str, run: str) -> tuple[RequestAttempt, Put]:
        now = self._clock.now()
        record = seen.begun(run, now) if seen else records.new_record(fingerprint, secrets.token_bytes(16), run, now)
        began_at = record.began_at if seen and seen.maybe_done else None
        return RequestAttempt(record.salt, began_at), records.beginning(key, record, seen, now)

    def _taking(self, request: Request, access: Access, limit: Item) -> Update:
        policy = access.tenant.allowed_rate
        try:
            return rate_limits.taking(policy, keys.rate_limit(access.tenant.id), limit, self._now_s(), random.choice)
        except LimitReached as exhausted:
            self._tell(request, access, exhausted.usage)
            wait_s = -(-(exhausted.usage.more_in_s or 1.0) // 1)
            detail = f"This tenant may make {policy.limit} such requests in {policy.window_s} s. Nothing was done. Wait, then try again."
            raise AvioError(Code.RATE_LIMITED, detail, retry_after_s=max(1, int(wait_s))) from None

    def _seen_anew(self, lost: Exception, counter: keys.Key, key: keys.Key | None, tried: int) -> dict[str, Item]:
        """Return the rows as they are now: another request was faster."""
        if key is None and isinstance(lost, ConditionFailed):
            return {counter["sk"]: lost.item or {}}
        if tried:
            time.sleep(random.uniform(0, _PAUSE_S * tried))  # noqa: S311  spreads those that collide
        found = self._table.get_many([counter, *([key] if key else [])])
        return {sk: row for (_, sk), row in found.items()}

    def _tell_taken(self, request: Request, access: Access, limit: Item) -> None:
        self._tell(request, access, rate_limits.usage(access.tenant.allowed_rate, limit, self._now_s()))

    def _tell(self, request: Request, access: Access, usage: Usage) -> None:
        add_headers(request, rate_limit_headers.headers(access.tenant.allowed_rate, usage))

    def _now_s(self) -> float:
        return self._clock.now().timestamp()


def _written(take: Update) -> Item:
    """Return what an update of the rate limit's item sets, as far as it tells of the usage."""
    values = take.values
    if ":at" in values:
        return {take.names["#slot"]: values[":at"]}
    return {"tat": values[":fresh"]} if ":fresh" in values else {}


def add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Add headers to the answer to a request, whatever it is."""
    request.scope["state"].setdefault("headers", {}).update(headers)
