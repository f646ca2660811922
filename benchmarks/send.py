"""Sending: the time that the listener's private interface adds to Telethon, near and far, and the AWS requests of its sends.

Both sides send to the same person over the same test server, in turns within each round; which side begins alternates.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.listener_client import MeasuredListener, WorkerClient
from benchmarks.plain_telethon import PlainTelethon
from benchmarks.row import Goal, Row
from benchmarks.suite import Suite
from listener.core.checkpoint import CHECKPOINT_EVERY_S
from listener.core.ownership.lease import BEAT_EVERY_S
from listener.core.ownership.ownership import WATCH_EVERY_S

NEAR, FAR, EACH, MANY, CALLS = (
    "send_listener_0ms",
    "send_listener_50ms",
    "send_connect_each_50ms",
    "send_throughput",
    "aws_calls_on_send_path",
)
RAW = "raw warm Telethon send"
ROUND_TRIP_S = 0.050
RECIPIENT = "benchmark_friend"
NEAR_ROUNDS, NEAR_SENDS = 30, 40
FAR_ROUNDS, FAR_SENDS = 8, 6
EACH_ROUNDS, EACH_SENDS = 6, 3
MANY_ROUNDS, MANY_SENDS, IN_FLIGHT = 8, 400, 8
WARM_UP = 100

BY_THE_CLOCK: Mapping[str, float] = {
    "UpdateItem WORKERS": BEAT_EVERY_S,
    "Query WORKERS": WATCH_EVERY_S,
    "Query by_owner": WATCH_EVERY_S,
    "PutItem MARKS": CHECKPOINT_EVERY_S,
}
"""A worker's periodic calls, which do not depend on sends: beats, looks at its peers, and saves of an active account's update state."""


@dataclass(frozen=True)
class SendMedians:
    """The medians of a round."""

    plain: float
    own: float


@dataclass
class SendEnvironment:
    """A warm plain client and a warm listener at the same distance from the test server, and the AWS calls while they were measured."""

    plain: PlainTelethon
    listener: MeasuredListener
    sent: int = 0
    beyond_the_clock: Counter[str] = field(default_factory=Counter)

    def compare(self, rounds: int, sends: int, plain: Callable[[int], list[float]]) -> list[SendMedians]:
        """Send one by one, in turns within each round; `plain` returns the milliseconds of so many of the other side's sends."""
        with self._counted(rounds * sends):
            return [self._round(sends, plain, own_first=number % 2 == 0) for number in range(rounds)]

    def _round(self, sends: int, plain: Callable[[int], list[float]], *, own_first: bool) -> SendMedians:
        if own_first:
            own, other = self._own(sends), plain(sends)
        else:
            other, own = plain(sends), self._own(sends)
        return SendMedians(median(other), median(own))

    def _own(self, count: int) -> list[float]:
        return [self.listener.send(f"@{RECIPIENT}") for _ in range(count)]

    def compare_many(self, rounds: int, sends: int, in_flight: int) -> list[SendMedians]:
        """Send many at once, in turns within each round; the pairs are sends per second."""
        callers = self.plain.run(_callers(self.listener, in_flight))
        with self._counted(rounds * sends):
            found = [
                SendMedians(self.plain.sends_at_once(sends, in_flight), self.plain.run(_sends_at_once(callers, sends)))
                for _ in range(rounds)
            ]
        self.plain.run(_close(callers))
        return found

    @contextmanager
    def _counted(self, sent: int) -> Iterator[None]:
        before, began = Counter(self.listener.aws.calls), time.monotonic()
        yield
        self.sent += sent
        self.beyond_the_clock += beyond_the_clock(self.listener.aws.calls - before, time.monotonic() - began)


def beyond_the_clock(calls: Counter[str], elapsed_s: float) -> Counter[str]:
    """Return those calls that the clock does not account for."""
    allowed = {name: int(elapsed_s / every_s) + 1 for name, every_s in BY_THE_CLOCK.items()}
    return calls - Counter(allowed)


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows, those that are near first."""
    environment.people.create_person("+9996620000", first_name="Friend", username=RECIPIENT)
    measured = []
    if wanted & {NEAR, MANY, CALLS}:
        near = _sides(environment, 0.0, 1)
        measured.append(near)
        yield from _near(wanted, environment, near)
    if wanted & {FAR, EACH}:
        far = _sides(environment, ROUND_TRIP_S, 3)
        measured.append(far)
        yield from _far(wanted, environment, far)
    if CALLS in wanted:
        sent, calls = sum(sides.sent for sides in measured), sum((sides.beyond_the_clock for sides in measured), Counter[str]())
        said = ", ".join(f"{count} {name}" for name, count in calls.items())
        yield Row(CALLS, calls.total(), "calls", None, f"{sent} sends{': ' if said else ''}{said}", Goal("value", "<=", 0))


def _near(wanted: frozenset[str], environment: BenchmarkEnvironment, sides: SendEnvironment) -> Iterator[Row]:
    if wanted & {NEAR, CALLS}:
        with environment.progress("one by one, near"):
            pairs = sides.compare(NEAR_ROUNDS, NEAR_SENDS, sides.plain.sends)
        yield Row(NEAR, _added(pairs), "ms added", _ratio(pairs), RAW, Goal("value", "<=", 3))
    if MANY in wanted:
        with environment.progress(f"{IN_FLIGHT} at once, near"):
            pairs = sides.compare_many(MANY_ROUNDS, MANY_SENDS, IN_FLIGHT)
        yield Row(MANY, median(pair.own for pair in pairs), "sends/s", _ratio(pairs), f"raw Telethon, {IN_FLIGHT} in flight")


def _far(wanted: frozenset[str], environment: BenchmarkEnvironment, sides: SendEnvironment) -> Iterator[Row]:
    if FAR in wanted:
        with environment.progress("one by one, 50 ms away"):
            pairs = sides.compare(FAR_ROUNDS, FAR_SENDS, sides.plain.sends)
        yield Row(FAR, _added(pairs), "ms added", _ratio(pairs), RAW, Goal("ratio", "<=", 1.15))
    if EACH in wanted:
        sides.plain.leave()
        with environment.progress("a connect for each, 50 ms away"):
            pairs = sides.compare(EACH_ROUNDS, EACH_SENDS, sides.plain.connected_sends)
        taken, ratio = median(pair.plain for pair in pairs), median(pair.plain / pair.own for pair in pairs)
        yield Row(EACH, taken, "ms", ratio, "warm listener send", Goal("ratio", ">=", 5))


def _added(pairs: list[SendMedians]) -> float:
    return median(pair.own - pair.plain for pair in pairs)


def _ratio(pairs: list[SendMedians]) -> float:
    return median(pair.own / pair.plain for pair in pairs)


def _sides(environment: BenchmarkEnvironment, round_trip_s: float, number: int) -> SendEnvironment:
    ours, theirs = f"+999662000{number}", f"+999662000{number + 1}"
    for phone in (ours, theirs):
        environment.people.create_person(phone, first_name="Bench")
    address = environment.address(round_trip_s)
    account = environment.new_aws_account()
    with environment.progress(f"listener, {round_trip_s * 1000:.0f} ms away"):
        listener = MeasuredListener(environment, account, address, f"listener-{round_trip_s * 1000:.0f}ms")
        listener.log_in(environment, ours)
        plain = environment.keep(PlainTelethon(environment, address, theirs))
        plain.address_to(RECIPIENT)
        sides = SendEnvironment(plain, listener)
        warm_up = WARM_UP if not round_trip_s else 5
        plain.sends(warm_up)
        for _ in range(warm_up):
            listener.send(f"@{RECIPIENT}")
    return sides


async def _callers(listener: MeasuredListener, count: int) -> list[WorkerClient]:
    worker = listener.worker()
    return [await WorkerClient.open(worker) for _ in range(count)]


async def _sends_at_once(callers: list[WorkerClient], count: int) -> float:
    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for caller in callers:
            tasks.create_task(_sends(caller, count // len(callers)))
    return count / (time.perf_counter() - began)


async def _sends(caller: WorkerClient, count: int) -> None:
    for _ in range(count):
        await caller.send(f"@{RECIPIENT}")


async def _close(callers: list[WorkerClient]) -> None:
    for caller in callers:
        await caller.close()


SUITE = Suite((NEAR, FAR, EACH, MANY, CALLS), measure)
