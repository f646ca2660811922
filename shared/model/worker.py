"""A worker's row: the one fact that its peers and the functions know it by."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr

from shared.model.frozen import StoredModel
from shared.model.ids import Channel, TenantId, WorkerId

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


def _known(channels: Any) -> Any:
    """Leave out the channels that only a later version knows."""
    names = set(Channel)
    if isinstance(channels, Mapping):
        return {channel: count for channel, count in channels.items() if channel in names}
    return [channel for channel in channels if channel in names]


class Worker(StoredModel):
    """A running (or past) listener process.

    It serves the accounts of its `channels`; a row that names none was written when there was Telegram alone. `address` is host:port of
    its private interface, `certificate` the PEM its TLS shows, `rpc_key` what it asks of callers, `accounts` how many it held at its last
    beat (`accounts_by_channel` on each channel), `nudges` (`<tenant>/<nonce>`) the tenants whose account row says something new to it.
    A `draining` one takes nothing more and is about to end. `started_at` and `beat_at` are by its own clock, and for people only: nothing
    is decided by them but what people are told.
    """

    id: WorkerId
    state: WorkerState
    beat: int
    address: str
    certificate: str
    rpc_key: SecretStr
    channels: Annotated[frozenset[Channel], BeforeValidator(_known)] = frozenset({Channel.TELEGRAM})
    accounts: int = 0
    accounts_by_channel: Annotated[dict[Channel, int], BeforeValidator(_known)] | None = None
    draining: bool = False
    started_at: datetime | None = None
    beat_at: datetime | None = None
    ended_at: datetime | None = None
    nudges: frozenset[str] = frozenset()

    def load(self, channel: Channel) -> int:
        """Return how many accounts of a channel it held at its last beat."""
        if self.accounts_by_channel is None:
            return self.accounts if channel is Channel.TELEGRAM else 0
        return self.accounts_by_channel.get(channel, 0)

    @property
    def takes_accounts(self) -> bool:
        """Whether it takes accounts of its channels: it lives, and is not on its way out."""
        return self.state is WorkerState.LIVE and not self.draining

    def silent(self, now: datetime) -> bool:
        """Tell people whether a worker that should beat every 3 s has not for 20 s: its peers take its accounts over by then."""
        return not self.state.over and self.beat_at is not None and now - self.beat_at > SILENT_AFTER


def nudged_tenant(nudge: str) -> TenantId:
    """Return the tenant that a nudge is about."""
    return TenantId(nudge.split("/")[0])
