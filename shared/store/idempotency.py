"""What remembers a request by its Idempotency-Key: for 24 hours, in the tenant's partition (contract G7).

    begun      leased to one run for 60 s; it may have done it          -> answered | released | interrupted | (the run dies)
    answered   the answer, which each repeat gets
    released   nothing was done: the next request begins it again
    interrupted, or its lease is over: the next request takes it over, with the same random ids

`salt` is what the random ids of a request's messages are derived from, so each run of the request has the same ones. A run changes the
record only while the record is its own; the run that was taken over loses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.model.frozen import StoredModel
from shared.store.keys import Key
from shared.store.table import ConditionFailed, Item, Put, Table

KEPT = timedelta(hours=24)
LEASE_S = 60


class IdempotencyRecord(StoredModel):
    """A request as it is remembered. `began_at` is when its first run began that may have done it; `leased_until` and `expires_at` are
    epoch seconds. `maybe_done` is false where it is certain that no run has done anything.
    """

    fingerprint: str
    salt: bytes
    run: str
    began_at: datetime
    leased_until: int
    kept_until: int
    maybe_done: bool = True
    answer: str | None = None

    def begun(self, run: str, now: datetime) -> IdempotencyRecord:
        """Return the record as another run begins it, or takes it over."""
        began_at = self.began_at if self.maybe_done else now
        return self.model_copy(
            update={"run": run, "began_at": began_at, "leased_until": int(now.timestamp()) + LEASE_S, "maybe_done": True}
        )


def new_record(fingerprint: str, salt: bytes, run: str, now: datetime) -> IdempotencyRecord:
    """Return the record of a request's first run."""
    now_s = int(now.timestamp())
    kept_until = now_s + int(KEPT.total_seconds())
    return IdempotencyRecord(fingerprint=fingerprint, salt=salt, run=run, began_at=now, leased_until=now_s + LEASE_S, kept_until=kept_until)


def record_in(row: Item | None, now: datetime) -> IdempotencyRecord | None:
    """Return the record in an item, None where it is no longer kept: items outlive their time by up to two days."""
    if row is None or row["expires_at"] <= now.timestamp():
        return None
    return IdempotencyRecord.model_validate({**row, "kept_until": row["expires_at"]})


def beginning(key: Key, record: IdempotencyRecord, seen: IdempotencyRecord | None, now: datetime) -> Put:
    """Return the write that begins a run; it fails where another run has begun since the record was `seen`."""
    if seen is None:
        return Put(_row(key, record), "attribute_not_exists(pk) OR expires_at <= :now", {":now": int(now.timestamp())})
    return Put(_row(key, record), "run = :seen AND attribute_not_exists(answer)", {":seen": seen.run})


@dataclass(frozen=True)
class RunRecord:
    """The record that a run has begun. Each change is of no effect once another run has taken it over."""

    table: Table
    key: Key
    run: str

    def answered(self, answer: str) -> None:
        """Keep the answer."""
        self._change("SET answer = :answer", {":answer": answer})

    def released(self) -> None:
        """Say that nothing was done: the next request begins the run again, at once."""
        self._change("SET maybe_done = :no, leased_until = :zero", {":no": False, ":zero": 0})

    def interrupted(self) -> None:
        """Say that this run is over without a known outcome: the next request takes it over, at once."""
        self._change("SET leased_until = :zero", {":zero": 0})

    def forgotten(self) -> None:
        """Forget the request: nothing was done, and another may come under its key."""
        self._own(lambda mine: self.table.delete(self.key, mine, {":run": self.run}))

    def _change(self, update: str, values: Item) -> None:
        self._own(lambda mine: self.table.update(self.key, update, {**values, ":run": self.run}, mine))

    def _own(self, write: Callable[[str], object]) -> None:
        with contextlib.suppress(ConditionFailed):
            write("run = :run")


def _row(key: Key, record: IdempotencyRecord) -> Item:
    fields = record.model_dump(exclude={"kept_until", "began_at"})
    return {**key, **fields, "began_at": record.began_at.isoformat(), "expires_at": record.kept_until}
