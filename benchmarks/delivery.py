"""Events on their way out: how fast one warm function delivers them, what of AWS that takes, and what it costs.

The other side posts the same bodies with the same headers to the same receiver by bare httpx, and does nothing else: no record, no look
at the tenant. Both get the same batches of ten, of many chats and tenants, in turns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.delivery_stage import BATCH, DeliveryEnvironment, SignedTenant, bare_posts, batches_of, handed_over
from benchmarks.environment import BenchmarkEnvironment
from benchmarks.prices import UsagePerEvents, per_million
from benchmarks.row import Goal, Row
from benchmarks.suite import Suite
from shared.model.event import Event

FAR, NEAR = "delivery_events", "delivery_events_0ms"
REQUESTS, FUNCTION_MS = "delivery_requests_per_1000", "delivery_function_ms_per_1000"
COST, COST_UNBATCHED = "delivery_cost_per_million", "delivery_cost_per_million_unbatched"
AWAY_MS = {FAR: 50, NEAR: 0}
TENANTS, CHATS = 8, 16
EVENTS, UNBATCHED, WARM_UP = 300, 150, 40
ROUNDS = 5
AGAINST = "bare httpx, the same posts"


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows; all on one warm function."""
    with DeliveryEnvironment(environment, "delivery") as stage:
        pair = DeliveryPair(stage)
        if NEAR in wanted:
            yield rate_row(environment, pair, NEAR, None)
        if wanted - {NEAR}:
            yield rate_row(environment, pair, FAR, Goal("ratio", ">=", 0.6))
        if wanted - {NEAR, FAR}:
            with environment.progress(f"{UNBATCHED} events, one a batch"):
                unbatched = pair.used(UNBATCHED, 1)
            yield from cost_rows(pair.batched, unbatched)


def rate_row(environment: BenchmarkEnvironment, pair: DeliveryPair, name: str, goal: Goal | None) -> Row:
    """Return events per second with a receiver so far away."""
    pair.receiver_is(AWAY_MS[name])
    found = []
    for number in range(ROUNDS):
        with environment.progress(f"{EVENTS} events, receiver {AWAY_MS[name]} ms away, round {number + 1} of {ROUNDS}"):
            found.append(pair.round(EVENTS, own_first=number % 2 == 0))
    return Row(name, median(own for _, own in found), "events/s", median(own / bare for bare, own in found), AGAINST, goal)


def cost_rows(batched: DeliveryUsage, unbatched: DeliveryUsage) -> list[Row]:
    """Return what events take, and what that costs, in batches and one by one."""
    costs = [per_million(one.used) for one in (batched, unbatched)]
    named = ", ".join(f"{number / batched.used.events * 1000:.0f} {name}" for name, number in batched.calls.most_common())
    ms = [one.used.billed_ms / one.used.events * 1000 for one in (batched, unbatched)]
    of_one = unbatched.calls.total() / unbatched.used.events * 1000
    return [
        Row(
            REQUESTS,
            batched.calls.total() / batched.used.events * 1000,
            "requests",
            None,
            f"batches of {BATCH}: {named}; unbatched {of_one:.0f}",
        ),
        Row(FUNCTION_MS, ms[0], "ms billed", None, f"batches of {BATCH}, receiver {AWAY_MS[FAR]} ms away; unbatched {ms[1]:.0f}"),
        Row(COST, sum(costs[0].values()), "USD", None, f"batches of {BATCH}, list prices: {_parts(costs[0])}"),
        Row(COST_UNBATCHED, sum(costs[1].values()), "USD", None, f"one event a batch: {_parts(costs[1])}"),
    ]


def _parts(cost: dict[str, float]) -> str:
    return ", ".join(f"{usd:.3f} {name}" for name, usd in cost.items())


@dataclass(frozen=True)
class DeliveryUsage:
    """The resources that events took, and the AWS requests for them, with those of the event source mapping."""

    used: UsagePerEvents
    calls: Counter[str]

    def __add__(self, other: DeliveryUsage) -> DeliveryUsage:
        mine, theirs = vars(self.used), vars(other.used)
        return DeliveryUsage(UsagePerEvents(**{name: mine[name] + theirs[name] for name in mine}), self.calls + other.calls)


class DeliveryPair:
    """A warm function and a bare client with the same receiver. `batched`: the usage of all rounds of batches."""

    def __init__(self, stage: DeliveryEnvironment) -> None:
        self._stage = stage
        self._function, self._bare = stage.function(), stage.bare()
        self._customers: list[SignedTenant] = []
        self.batched = DeliveryUsage(UsagePerEvents(0, 0, 0, 0, 0, 0, 0), Counter())

    def receiver_is(self, away_ms: int) -> None:
        """Have all tenants' callbacks so far away, and both sides warm."""
        self._customers = self._stage.new_customers(TENANTS, f"/after/{away_ms}")
        self.round(WARM_UP, own_first=True)
        self.batched = DeliveryUsage(UsagePerEvents(0, 0, 0, 0, 0, 0, 0), Counter())

    def round(self, events: int, *, own_first: bool) -> tuple[float, float]:
        """Have both deliver so many events; return events per second of the bare client and of the function."""
        batches = batches_of(self._stage.events(self._customers, CHATS, events), BATCH)
        bare = 0.0 if own_first else self._bare_rate(batches)
        spent, took_s = self._spent(batches)
        self.batched += spent
        return bare or self._bare_rate(batches), events / took_s

    def used(self, events: int, size: int) -> DeliveryUsage:
        """Return what so many events take in batches of this size."""
        return self._spent(batches_of(self._stage.events(self._customers, CHATS, events), size))[0]

    def _spent(self, batches: Sequence[Sequence[tuple[SignedTenant, Event]]]) -> tuple[DeliveryUsage, float]:
        aws, events = self._stage.aws, sum(map(len, batches))
        calls, units, logged = Counter(aws.calls), Counter(aws.dynamodb.units), self._function.logged_bytes
        answered = self._function.ask([handed_over(batch) for batch in batches])
        self._check(batches, answered["left"])
        calls = Counter(aws.calls) - calls
        units = Counter(aws.dynamodb.units) - units
        calls += Counter({"ReceiveMessage (mapping)": len(batches), "DeleteMessageBatch (mapping)": len(batches)})
        used = UsagePerEvents(
            events=events,
            runs=len(batches),
            billed_ms=sum(math.ceil(took_s * 1000) for took_s in answered["took_s"]),
            queue_requests=sum(number for name, number in calls.items() if "Message" in name),
            read_units=units["half read"] / 2,
            write_units=units["write"] + units["index write"],
            log_bytes=self._function.logged_bytes - logged,
        )
        return DeliveryUsage(used, calls), sum(answered["took_s"])

    def _bare_rate(self, batches: Sequence[Sequence[tuple[SignedTenant, Event]]]) -> float:
        answered = self._bare.ask([bare_posts(batch) for batch in batches])
        self._check(batches, [])
        return sum(map(len, batches)) / float(sum(answered["took_s"]))

    def _check(self, batches: Sequence[Sequence[tuple[SignedTenant, Event]]], left: Sequence[Sequence[str]]) -> None:
        """Raise RuntimeError unless each event was taken once, and none stayed in the queue."""
        taken = Counter(name for name, _ in self._stage.receiver.ask("taken"))
        if any(left) or taken != Counter(event.id for batch in batches for _, event in batch):
            raise RuntimeError(f"{taken.total()} posts of {sum(map(len, batches))} events, left: {[one for one in left if one]}")


SUITE = Suite((FAR, NEAR, REQUESTS, FUNCTION_MS, COST, COST_UNBATCHED), measure)
