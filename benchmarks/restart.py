"""A worker that starts and takes the accounts of a worker that has ended: the time until all are connected, and the AWS requests.

The other side is what cannot be saved: plain Telethon connecting the same keys, so many at once, and the AWS calls that were made,
each as long as the stand-in makes it, as many at once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.idle import of_accounts
from benchmarks.raw_clients import RawClients
from benchmarks.row import Goal, Row
from benchmarks.stored_accounts import LoggedIn, log_in, phones, store, wait_connected, wait_disconnected
from benchmarks.suite import Suite
from benchmarks.worker_process import WorkerProcess, wait_until_quiet
from shared.clock import SystemClock
from shared.model.ids import WorkerId
from shared.model.worker import Worker, WorkerState
from shared.store.table import Table
from shared.store.workers import WorkerStore
from testing.fake_aws.aws import FakeAws
from testing.fake_aws.dynamodb import STATE

RESTART, CALLS = "restart_2000_accounts", "restart_aws_calls"
ACCOUNTS = 2000
AT_ONCE = 16
QUIET_S, DEADLINE_S = 1.0, 300.0
GONE = WorkerId("gone")
ALLOWED: Mapping[str, int] = {"UpdateItem ACCOUNT": 1, "UpdateItem SESSION": 1, "UpdateItem MARKS": 1, "Decrypt": 1}
"""The requests that the takeover of an account may cost: a claim, two loads that fence, one data key unwrapped."""


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield both rows: they are measured together."""
    accounts = log_in(environment, phones(650, ACCOUNTS))
    yield from restart_rows(environment, accounts)


def restart_rows(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn]) -> list[Row]:
    """Return the rows of a restart with these accounts."""
    count = len(accounts)
    with environment.progress(f"raw Telethon connects {count} saved keys"):
        raw_s = _raw_s(environment, accounts)
    aws = environment.in_background(FakeAws().running())
    store(environment, aws, accounts, GONE)
    _has_ended(aws, GONE)
    with environment.progress(f"a worker takes over {count} accounts"), WorkerProcess(environment, aws, "listener-restart"):
        wait_connected(environment, accounts)
        own_s = time.monotonic() - aws.first_at["PutItem WORKERS"]
        wait_until_quiet(lambda: of_accounts(aws.calls).total(), QUIET_S, DEADLINE_S, "quiet")
        calls = of_accounts(aws.calls)
    wait_disconnected(environment, accounts)
    least_s = raw_s + calls.total() * aws.latency_s / AT_ONCE
    against = f"raw connects and {calls.total() / count:.1f} AWS calls each, {AT_ONCE} at once"
    excess = beyond_allowed(calls, count)
    said = ", ".join(f"{number / count:.1f} {name}" for name, number in calls.most_common())
    return [
        Row(RESTART, own_s / count * 1000, "ms per account", own_s / least_s, against, Goal("ratio", "<=", 3)),
        Row(CALLS, excess.total() / count, "calls too many", None, f"of each account: {said}", Goal("value", "<=", 0)),
    ]


def beyond_allowed(calls: Counter[str], accounts: int) -> Counter[str]:
    """Return the calls beyond what so many accounts may cost."""
    return calls - Counter({name: number * accounts for name, number in ALLOWED.items()})


def _raw_s(environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn]) -> float:
    with RawClients(environment, "raw-restart", list(accounts), AT_ONCE) as raw:
        took_s = float(raw.said(1)[0]["took_s"])
    wait_disconnected(environment, accounts)
    return took_s


def _has_ended(aws: FakeAws, worker_id: WorkerId) -> None:
    workers = WorkerStore(Table(aws.client, STATE))
    workers.register(Worker(id=worker_id, state=WorkerState.LIVE, beat=1, address="127.0.0.1:1", certificate="", rpc_key="none"))
    workers.end(worker_id, SystemClock().now())


SUITE = Suite((RESTART, CALLS), measure)
