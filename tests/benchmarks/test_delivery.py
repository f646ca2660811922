"""The rows of deliveries, measured small: real processes, a real handler."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import delivery, delivery_neighbours
from benchmarks.delivery_stage import DeliveryEnvironment, batches_of
from benchmarks.environment import BenchmarkEnvironment
from local.start_progress import silent
from tests.support.events import message_of


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[DeliveryEnvironment]:
    """A receiver and an AWS, no tenants yet."""
    with BenchmarkEnvironment(tmp_path, silent) as environment, DeliveryEnvironment(environment, "d") as stage:
        yield stage


def test_both_sides_deliver_the_same_events_and_what_it_takes_is_counted(stage: DeliveryEnvironment) -> None:
    """Every event is posted once by each side; all batches are read, recorded and billed."""
    pair = delivery.DeliveryPair(stage)
    pair.receiver_is(0)
    for own_first in (True, False):
        bare, own = pair.round(40, own_first=own_first)
        assert bare > 0
        assert own > 0
    spent = pair.batched
    assert (spent.used.events, spent.used.runs) == (80, 8)
    assert spent.calls["BatchGetItem"] == 8
    assert spent.used.write_units == 160  # each event's record, and its line in the log
    assert spent.used.read_units >= 80
    assert spent.used.log_bytes > 80 * 100
    rows = {row.name: row for row in delivery.cost_rows(spent, pair.used(5, 1))}
    assert rows[delivery.REQUESTS].value >= 400
    assert 0 < rows[delivery.COST].value < rows[delivery.COST_UNBATCHED].value


def test_events_of_one_chat_follow_each_other_in_a_batch(stage: DeliveryEnvironment) -> None:
    """In the order in which they were sent, as SQS hands them over."""
    batches = batches_of(stage.events(stage.new_customers(2, "/after/0"), 2, 25), 10)
    assert list(map(len, batches)) == [10, 10, 5]
    for batch in batches:
        groups = [event.group for _, event in batch]
        assert groups == sorted(groups)
        for group in groups:
            numbers = [int(message_of(event).message_id) for _, event in batch if event.group == group]
            assert numbers == sorted(numbers)


def test_a_good_tenants_events_arrive_beside_hostile_ones(stage: DeliveryEnvironment) -> None:
    """By the queue and several functions; each of its events is waited for."""
    neighbours = delivery_neighbours.Neighbours(stage, 2)
    alone_s, beside_s = neighbours.round(2, stretch_s=0.5, alone_first=True)
    assert 0 < alone_s < delivery_neighbours.DEADLINE_S
    assert 0 < beside_s < delivery_neighbours.DEADLINE_S
