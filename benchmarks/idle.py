"""Accounts at rest: what each costs in memory and in AWS requests.

Memory is the growth of a process's resident memory from some accounts to many, so that neither the interpreter nor modules are in it;
the other side is a process of plain Telethon clients with the same keys, connected in the same steps.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.raw_clients import RawClients
from benchmarks.row import Goal, Row
from benchmarks.stored_accounts import CONNECT_S, LoggedIn, log_in, phones, store, wait_connected, wait_disconnected
from benchmarks.suite import Suite
from benchmarks.worker_process import WorkerProcess, wait_until_quiet
from shared.model.ids import NOBODY
from testing.fake_aws.aws import FakeAws

MEMORY, MANY, REQUESTS = "idle_account_memory", "idle_5000_accounts", "requests_idle_account_hour"
ROUNDS = 2
STEPS = (100, 600)
MANY_ACCOUNTS = 5000
AT_ONCE = 16
SETTLE_S = 1.0
STRETCH_S = 20.0
OF_THE_WORKER = {"PutItem WORKERS", "UpdateItem WORKERS", "Query WORKERS", "Query by_owner"}
"""A worker's beats and looks around, whatever it holds: not an account's."""


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows, the large one last."""
    if wanted & {MEMORY, REQUESTS}:
        yield from _few(wanted, environment)
    if MANY in wanted:
        accounts = log_in(environment, phones(640, MANY_ACCOUNTS))
        yield many_row(environment, accounts)


def _few(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    accounts = log_in(environment, phones(641, STEPS[-1]))
    rounds = ROUNDS if MEMORY in wanted else 1
    pairs, requests = [], 0.0
    for number in range(rounds):
        with environment.progress(f"{STEPS[-1]} idle accounts, round {number + 1} of {rounds}"):
            raw = raw_growth(environment, accounts, STEPS) if MEMORY in wanted else 1.0
            own, requests = own_growth(environment, accounts, STEPS, STRETCH_S if REQUESTS in wanted and number == rounds - 1 else 0.0)
            pairs.append((raw, own))
    if MEMORY in wanted:
        own_kb, ratio = median(own for _, own in pairs), median(own / raw for raw, own in pairs)
        yield Row(MEMORY, own_kb, "kB per account", ratio, "raw Telethon client, connected and idle", Goal("ratio", "<=", 1.5))
    if REQUESTS in wanted:
        against = f"{STEPS[-1]} accounts for {STRETCH_S:.0f} s, times {3600 / STRETCH_S:.0f}"
        yield Row(REQUESTS, requests, "requests", None, against, Goal("value", "<=", 0))


def many_row(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn]) -> Row:
    """Return the row of one worker that holds all of these accounts."""
    with environment.progress(f"one worker with {len(accounts)} idle accounts"):
        aws = environment.in_background(FakeAws(latency_s=0).running())
        with WorkerProcess(environment, aws, "listener-many") as worker:
            _hold(environment, aws, accounts)
            megabytes = worker.rss_kb / 1024
    wait_disconnected(environment, accounts)
    return Row(MANY, megabytes, "MB resident", None, f"one worker, {len(accounts)} accounts connected", Goal("value", "<=", 1024))


def raw_growth(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn], steps: Sequence[int]) -> float:
    """Return the kB by which a process of plain clients grows with each of them."""
    sizes = []
    with RawClients(environment, "raw-idle", list(accounts), AT_ONCE, steps=list(steps), pause_s=SETTLE_S) as raw:
        for number in range(len(steps)):
            sizes.append(raw.said(number + 1)[number]["rss_kb"])
    wait_disconnected(environment, accounts)
    return _slope(steps, sizes)


def own_growth(
    environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn], steps: Sequence[int], stretch_s: float
) -> tuple[float, float]:
    """Return the kB by which a listener grows with each account, and the AWS requests per account and hour, counted over a stretch."""
    aws = environment.in_background(FakeAws(latency_s=0).running())
    sizes, done = [], 0
    with WorkerProcess(environment, aws, "listener-idle") as worker:
        for step in steps:
            _hold(environment, aws, accounts[done:step])
            done = step
            sizes.append(worker.rss_kb)
        before = Counter(aws.calls)
        time.sleep(stretch_s)  # the stretch itself
        requests = of_accounts(aws.calls - before).total()
    wait_disconnected(environment, accounts)
    return _slope(steps, sizes), requests / done * 3600 / stretch_s if stretch_s else 0.0


def of_accounts(calls: Counter[str]) -> Counter[str]:
    """Return those calls that are not a worker's own."""
    return Counter({name: count for name, count in calls.items() if name not in OF_THE_WORKER})


def _hold(environment: BenchmarkEnvironment, aws: FakeAws, accounts: Sequence[LoggedIn]) -> None:
    """Store accounts that nobody holds, and wait until the worker has connected them and all is quiet."""
    store(environment, aws, accounts, NOBODY)
    wait_connected(environment, accounts)
    wait_until_quiet(lambda: of_accounts(aws.calls).total() + _answered(environment), SETTLE_S, CONNECT_S, "quiet")


def _answered(environment: BenchmarkEnvironment) -> int:
    return sum(environment.people.counters()["calls"].values())


def _slope(steps: Sequence[int], sizes: Sequence[int]) -> float:
    return (sizes[-1] - sizes[0]) / (steps[-1] - steps[0])


SUITE = Suite((MEMORY, REQUESTS, MANY), measure)
