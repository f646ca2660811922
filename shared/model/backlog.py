"""The backlog: where events wait while their callback does not take them.

               5 failures in a row              a probe is accepted              nothing is parked any more
    healthy -----------------------> paused -----------------------> recovering ----------------------------> healthy
                                        ^                                 |
                                        '---------------------------------'  5 failures in a row

A callback (one per tenant) goes through all of these states. A chat has a row only while it is parked: with its callback, or alone, if its
first event has used its quick attempts while the callback takes others. A chat without a row is delivered as its events come.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from shared.model.frozen import StoredModel


class CallbackHealth(StrEnum):
    """How events are delivered to a callback. The values are those that table `deliveries` stores.

    Healthy: as they come. Paused: they are parked. Recovering: parked events are delivered in order, new ones as they come.
    """

    HEALTHY = "open"
    PAUSED = "parked"
    RECOVERING = "draining"


class CallbackState(StoredModel):
    """The state of a tenant's callback.

    `failures`: in a row. `seq` rises with each chat that is parked with the callback. `since`: when it was paused. `probes`: since then.
    `due_at`: when it is tried next. `drainer`: the sweeper run that may act until `leased_until`. `callback`:
    the digest of the URL that failed (`url_digest`). `slow_at`: when the delivery function last saw a slow attempt; for a while after that
    one run at a time makes attempts, and holds the callback until `held_until`.
    """

    state: CallbackHealth = CallbackHealth.HEALTHY
    failures: int = 0
    seq: int = 0
    since: AwareDatetime | None = None
    due_at: AwareDatetime | None = None
    probes: int = 0
    callback: str | None = None
    slow_at: AwareDatetime | None = None
    held_until: AwareDatetime | None = None
    drainer: str | None = None
    leased_until: AwareDatetime | None = None


class ParkedChat(StoredModel):
    """A parked chat. `seq`: the number of the last slot that was used in its backlog.

    With `due_at` it is parked alone, and tried then; without, it is drained with its callback. `failing_since` and `strikes`: since when,
    and how often, its first event was refused while the callback took others.
    """

    chat: str
    seq: int
    due_at: AwareDatetime | None = None
    failing_since: AwareDatetime | None = None
    strikes: int = 0
    drainer: str | None = None
    leased_until: AwareDatetime | None = None
