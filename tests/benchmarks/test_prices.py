"""What deliveries cost, by arithmetic that can be done by hand."""

from __future__ import annotations

import pytest

from benchmarks.prices import UsagePerEvents, per_million


def test_a_million_events_cost_what_the_price_lists_say() -> None:
    """A thousand events in a hundred runs of 100 ms, two units of writes and one of reads each."""
    used = UsagePerEvents(events=1000, runs=100, billed_ms=10_000, queue_requests=200, read_units=1000, write_units=2000, log_bytes=400_000)
    cost = per_million(used)
    assert cost == pytest.approx(
        {"Lambda runs": 0.02, "Lambda time": 0.133334, "SQS": 0.10, "DynamoDB writes": 1.25, "DynamoDB reads": 0.125, "logs": 0.215}
    )
