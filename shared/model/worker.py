"""A worker's row: the one fact that its peers and the functions know it by."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import SecretStr

from shared.model.frozen import Stored
from shared.model.ids import TenantId, WorkerId

SILENT_AFTER = timedelta(seconds=16)
"""A live worker beats every 3 s. After this long without a beat its peers take it for dead, and its own lease is over."""


class WorkerState(StrEnum):
    """live: beats. ended: handed over by itself. dead: killed by a peer that saw no beat. The last two are final."""

    LIVE = "live"
    ENDED = "ended"
    DEAD = "dead"


class Worker(Stored):
    """A running (or past) listener process.

    `address` is host:port of its private interface, `certificate` the PEM its TLS shows, `rpc_key` what it asks of callers, `accounts`
    how many it held at its last beat, `nudges` (`<tenant>/<nonce>`) the tenants whose account row says something new to it.
    A `draining` one takes nothing more and is about to end. `started_at` and `beat_at` are by its own clock, and for people only: nothing
    is decided by them.
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

    def silent_for(self, now: datetime) -> timedelta | None:
        """Return how long ago it beat last, where it calls itself live and that is too long; for people, as `beat_at` is."""
        if self.state is not WorkerState.LIVE or self.beat_at is None or now - self.beat_at < SILENT_AFTER:
            return None
        return now - self.beat_at


def nudged_tenant(nudge: str) -> TenantId:
    """Return the tenant that a nudge is about."""
    return TenantId(nudge.split("/")[0])
