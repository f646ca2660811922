"""A good tenant beside hostile ones: how long its events take to its callback, against how long they take when it is alone.

    events -> queue -> the mapping's pollers -> a warm function each -> receiver

Hostile endpoints never answer, drip their answer byte by byte, or break the connection. Their tenants are new in each round, so a round
has all of it: the first attempts, the quick retries, and parking.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from statistics import median
from typing import Any

from benchmarks.child import ChildModule
from benchmarks.delivery_stage import BATCH, DeliveryEnvironment, SignedTenant
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.row import Goal, Row
from benchmarks.suite import Suite
from benchmarks.worker_process import wait_until
from shared.queues import body_of, entry_of
from testing.fake_aws.aws import FakeAws
from testing.fake_aws.fifo_queue import QUEUE

P99, CROWDED = "delivery_neighbour_p99", "delivery_neighbour_p99_crowded"
FUNCTIONS = {P99: 12, CROWDED: 8}
"""Eight is as many as the slow tenants have chats: each of these can keep a function busy until its callback is parked."""
GOOD, HOSTILE = "/after/50", ("/silent", "/drips", "/breaks")
GOOD_CHATS, HOSTILE_CHATS = 32, 4
GOOD_PER_S, HOSTILE_PER_S = 25, 10
STRETCH_S = 12.0
ROUNDS = {P99: 3, CROWDED: 1}
POLL_S = 0.005
DEADLINE_S = 60


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows."""
    with DeliveryEnvironment(environment, "neighbours") as stage:
        names = [name for name in FUNCTIONS if name in wanted]
        neighbours = Neighbours(stage, max(FUNCTIONS[name] for name in names))
        for name in names:
            pairs = []
            for number in range(ROUNDS[name]):
                with environment.progress(f"a good tenant beside {len(HOSTILE)} others, {FUNCTIONS[name]} functions, {number + 1}"):
                    pairs.append(neighbours.round(FUNCTIONS[name], STRETCH_S, alone_first=number % 2 == 0))
            yield row(name, pairs)


def row(name: str, pairs: Sequence[tuple[float, float]]) -> Row:
    """Return the row of these rounds: seconds alone, seconds beside the others."""
    beside, ratio = median(one for _, one in pairs), median(one / alone for alone, one in pairs)
    others = f"{HOSTILE_PER_S}/s of {len(HOSTILE)} tenants that fail, {HOSTILE_CHATS} chats each"
    against = f"alone; {GOOD_PER_S} events/s beside {others}; {FUNCTIONS[name]} functions"
    return Row(name, beside * 1000, "ms", ratio, against, Goal("ratio", "<=", 1.5))


class Neighbours:
    """Warm functions and a good tenant."""

    def __init__(self, stage: DeliveryEnvironment, functions: int) -> None:
        self._stage = stage
        self._functions = [stage.function(number) for number in range(functions)]
        (self._good,) = stage.new_customers(1, GOOD)
        self._sqs = stage.aws.client
        with mapping(stage.aws, self._functions):
            self._wait_for(self._send([self._good], GOOD_CHATS) for _ in range(10 * functions))

    def round(self, functions: int, stretch_s: float, *, alone_first: bool) -> tuple[float, float]:
        """Return the good tenant's p99 in seconds, alone and beside one new tenant with each kind of hostile endpoint."""
        hostile = [customer for path in HOSTILE for customer in self._stage.new_customers(1, path)]
        alone_s = self._p99_s(functions, stretch_s, []) if alone_first else 0.0
        beside_s = self._p99_s(functions, stretch_s, hostile)
        return alone_s or self._p99_s(functions, stretch_s, []), beside_s

    def _p99_s(self, functions: int, stretch_s: float, hostile: Sequence[SignedTenant]) -> float:
        """Have events come for so long; return the 99th percentile of the good tenant's seconds from the queue to its callback."""
        sent: list[tuple[str, float]] = []
        due = [(GOOD_PER_S, [self._good], GOOD_CHATS), (HOSTILE_PER_S, hostile, HOSTILE_CHATS)]
        with mapping(self._stage.aws, self._functions[:functions]):
            for at_s, customers, chats in self._times(stretch_s, due):
                time.sleep(max(0.0, at_s - time.monotonic()))  # the traffic's own pause
                one = self._send(customers, chats)
                sent += [one] if customers == [self._good] else []
            latencies = sorted(self._wait_for(iter(sent)))
        self._stage.aws.queue.clear()  # what the others still have there is no part of the next stretch
        return latencies[int(len(latencies) * 0.99)]

    def _times(
        self, stretch_s: float, due: Sequence[tuple[int, Sequence[SignedTenant], int]]
    ) -> list[tuple[float, list[SignedTenant], int]]:
        began, times = time.monotonic(), []
        for per_s, customers, chats in due:
            at_s = 0.0
            while customers and (at_s := at_s + self._stage.chance.expovariate(per_s)) < stretch_s:
                times.append((began + at_s, list(customers), chats))
        return sorted(times, key=lambda one: one[0])

    def _send(self, customers: Sequence[SignedTenant], chats: int) -> tuple[str, float]:
        ((_, event),) = self._stage.events(customers, chats, 1)
        now = time.monotonic()
        self._sqs.send_message_batch(QueueUrl=QUEUE, Entries=[entry_of("0", event, body_of(event))])
        return event.id, now

    def _wait_for(self, sent: Iterator[tuple[str, float]]) -> list[float]:
        """Return how long each event took, once all are taken."""
        at, taken = dict(sent), dict[str, float]()

        def all_taken() -> bool:
            taken.update(self._stage.receiver.ask("taken"))
            return at.keys() <= taken.keys()

        wait_until(all_taken, DEADLINE_S, f"{len(at)} events at the good callback", every_s=0.1)
        return [taken[name] - began_s for name, began_s in at.items()]


@contextmanager
def mapping(aws: FakeAws, functions: Sequence[ChildModule]) -> Iterator[None]:
    """Hand the queue's messages to these functions while the block lasts; at its end every run is waited for."""
    over = threading.Event()
    with ThreadPoolExecutor(len(functions)) as pollers:
        polling = [pollers.submit(_poll, aws.client, function, over) for function in functions]
        try:
            yield
        finally:
            over.set()
    for one in polling:
        one.result()


def _poll(sqs: Any, function: ChildModule, over: threading.Event) -> None:
    while not over.is_set():
        messages = sqs.receive_message(QueueUrl=QUEUE, MaxNumberOfMessages=BATCH).get("Messages", [])
        if not messages:
            over.wait(POLL_S)
            continue
        (left,) = function.ask([{"Records": [_record(message) for message in messages]}])["left"]
        done = [message for message in messages if message["MessageId"] not in left]
        if done:  # SQS refuses an empty batch
            entries = [{"Id": one["MessageId"], "ReceiptHandle": one["ReceiptHandle"]} for one in done]
            sqs.delete_message_batch(QueueUrl=QUEUE, Entries=entries)


def _record(message: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
    }


SUITE = Suite(tuple(FUNCTIONS), measure)
