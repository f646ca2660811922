"""A worker's row: all that its peers and the functions know of it."""

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
    """live: it beats. ended: it handed its accounts over. dead: a peer saw no beat and marked it. The last two are final.

    unknown is a state that only a later version knows: the worker counts as alive and takes no accounts. No code writes this value.
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
        """Whether the worker holds no accounts, and never will again."""
        return self in {WorkerState.ENDED, WorkerState.DEAD}


def _known(channels: Any) -> Any:
    """Remove the channels that only a later version knows."""
    names = set(Channel)
    if isinstance(channels, Mapping):
        return {channel: count for channel, count in channels.items() if channel in names}
    return [channel for channel in channels if channel in names]


class Worker(StoredModel):
    """A running (or past) listener process.

    `channels`: it serves the accounts of these channels. Rows without the field are from before other channels, and mean Telegram.
    `address`: host:port of its private interface. `certificate`: the PEM of its TLS certificate. `rpc_key`: the key that callers must send.
    `accounts`: the number of accounts at its last beat, `accounts_by_channel` the same per channel.
    `nudges` (`<tenant>/<nonce>`): tenants whose account row has changed for this worker.
    `draining`: it takes no more accounts and will end.
    `started_at` and `beat_at` are by its own clock. They are shown to people, and decide nothing else.
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
        """Return the number of a channel's accounts at its last beat."""
        if self.accounts_by_channel is None:
            return self.accounts if channel is Channel.TELEGRAM else 0
        return self.accounts_by_channel.get(channel, 0)

    @property
    def takes_accounts(self) -> bool:
        """Whether it takes accounts of its channels: it is live and does not drain."""
        return self.state is WorkerState.LIVE and not self.draining

    def silent(self, now: datetime) -> bool:
        """Tell whether the last beat is more than 20 s old. For display: a worker beats every 3 s, and peers take over within 20 s."""
        return not self.state.over and self.beat_at is not None and now - self.beat_at > SILENT_AFTER


def nudged_tenant(nudge: str) -> TenantId:
    """Return the tenant that a nudge is about."""
    return TenantId(nudge.split("/")[0])
