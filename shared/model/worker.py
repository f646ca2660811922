"""A worker's row: the one fact that its peers and the functions know it by."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import SecretStr

from shared.model.frozen import Stored
from shared.model.ids import TenantId, WorkerId

SILENT_AFTER = timedelta(seconds=20)


class WorkerState(StrEnum):
    """live: beats. ended: handed over by itself. dead: killed by a peer that saw no beat. These two are final.

    unknown stands for what only a later version knows: alive, and takes nothing. Nobody writes it.
    """

    LIVE = "live"
    ENDED = "ended"
    DEAD = "dead"
    UNKNOWN = "unknown"

    @classmethod
    def _missing_(cls, value: object) -> WorkerState:
        return cls.UNKNOWN

    @property
    def over(self) -> bool:
        """Whether the worker holds nothing, for good."""
        return self in {WorkerState.ENDED, WorkerState.DEAD}


class Worker(Stored):
    """A running (or past) listener process.

    `address` is host:port of its private interface, `certificate` the PEM its TLS shows, `rpc_key` what it asks of callers, `accounts`
    how many it held at its last beat, `nudges` (`<tenant>/<nonce>`) the tenants whose account row says something new to it.
    A `draining` one takes nothing more and is about to end. `started_at` and `beat_at` are by its own clock, and for people only: nothing
    is decided by them but what people are told.
    """

    id: WorkerId
    state: WorkerState
    beat: int
    address: str
    certificate: str
    rpc_key: SecretStr
    accounts: int = 0
    draining: bool = False
    started_at: datetime | None = None
    beat_at: datetime | None = None
    ended_at: datetime | None = None
    nudges: frozenset[str] = frozenset()

    def silent(self, now: datetime) -> bool:
        """Tell people whether a worker that should beat every 3 s has not for 20 s: its peers take its accounts over by then."""
        return not self.state.over and self.beat_at is not None and now - self.beat_at > SILENT_AFTER


def nudged_tenant(nudge: str) -> TenantId:
    """Return the tenant that a nudge is about."""
    return TenantId(nudge.split("/")[0])
