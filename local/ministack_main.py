"""What runs in the emulator's own environment: ministack 1.5.33 behind our guard, its state kept, its FIFO queues made faster.

Before each entry it builds the queue's table of deduplication ids anew, to leave the expired ones out: at 100 messages a second that
table has 30,000 ids, and soon the emulator does nothing else. All ids live for the same time, so the oldest are at the front: it is enough
to look there.
"""

from __future__ import annotations

import os
import runpy
import time
from importlib import import_module
from typing import Any

from local.emulator_guard import EmulatorGuard, seal_roles
from local.emulator_persistence import keep_state

SECRET = "AVIO_EMULATOR_SECRET"  # noqa: S105  a name


def forget_expired(queue: dict[str, Any]) -> None:
    """Remove the deduplication ids of a queue whose five minutes are over."""
    ids, now = queue["dedup_cache"], time.time()
    while ids and ids[oldest := next(iter(ids))]["expire"] <= now:
        del ids[oldest]


if __name__ == "__main__":
    if os.environ["PERSIST_STATE"] == "1":
        keep_state()  # before anything that reads state is imported
    sqs: Any = import_module("ministack.services.sqs")
    assert callable(sqs._prune_dedup), "ministack does it otherwise now: look again whether this is still needed"
    sqs._prune_dedup = forget_expired
    secret = os.environ.pop(SECRET)  # functions inherit the rest
    seal_roles(secret)
    served: Any = import_module("ministack.app")
    served.app = EmulatorGuard(served.app, secret)
    runpy.run_module("ministack", run_name="__main__", alter_sys=True)
