"""The delivery function as one warm execution environment runs it: batch after batch, nothing else in the process.

`python -m benchmarks.warm_function SOCKET`; asked with batches as the event source mapping hands them over, it answers what the handler
returned for each, and how long that took.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from benchmarks.child import answer_all
from functions.callback_delivery.handler import handler


def _run(batches: list[dict[str, Any]]) -> dict[str, Any]:
    took_s, left = [], []
    for batch in batches:
        began = time.perf_counter()
        returned = handler(batch, None)
        took_s.append(time.perf_counter() - began)
        left.append([one["itemIdentifier"] for one in returned["batchItemFailures"]])
    return {"took_s": took_s, "left": left}


if __name__ == "__main__":
    answer_all(sys.argv[1], _run)
