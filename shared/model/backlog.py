"""The parking lot: where events wait whose callback does not take them.

            5 failures in a row                  a probe is taken               nothing is parked any more
    open -----------------------> parked -------------------------> draining ----------------------------> open
                                    ^                                  |
                                    '----------------------------------'  5 failures in a row

A callback (one per tenant) goes through all of it. A chat has a row only while it is parked: with its callback, or alone, when its
first event has used its quick attempts while others go through. An open chat is one without a row.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime

from shared.model.frozen import Stored


class CallbackHealth(StrEnum):
    """How a callback is being delivered to. What is parked is delivered in order, once the callback takes it."""

    HEALTHY = "open"
    PAUSED = "parked"
    RECOVERING = "draining"


class CallbackState(Stored):
    """How a tenant's callback is doing.

    `failures` in a row, by whomever. `seq` rises with each chat that is parked with it. `since`: parked since; `probes` made since then;
    `due_at`: when it is looked at next. `drainer` may act until `leased_until`. `callback` tells one URL from another (`digest_of`).
    `slow_at`: when an attempt in the hot lane was last seen to be slow; for a while after that one run at a time goes there, which holds
    the callback until `held_until`.
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


class ParkedChat(Stored):
    """A parked chat: `seq` is the last place given in its lot.

    With `due_at` it is parked alone, and looked at then; without, it is drained with its callback. `failing_since` and `strikes` are about
    its first event: since when, and how often, it was refused while the callback took others.
    """

    chat: str
    seq: int
    due_at: AwareDatetime | None = None
    failing_since: AwareDatetime | None = None
    strikes: int = 0
    drainer: str | None = None
    leased_until: AwareDatetime | None = None
