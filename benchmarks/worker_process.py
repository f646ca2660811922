"""Listener processes over the fake AWS: starts them, reads what they hold, ends them by their id."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable

from benchmarks.environment import BenchmarkEnvironment
from local.child_process import ChildProcess, bare_environment, free_port
from local.listener_process import START_DEADLINE_S, STOP_TIMEOUT_S, answers_health
from shared.model.ids import WorkerId
from shared.store.accounts import AccountStore
from shared.store.table import Table
from shared.store.workers import WorkerStore
from testing.fake_aws.aws import FakeAws
from testing.fake_aws.dynamodb import STATE

POLL_S = 0.02
KILLED_S = 10


class WorkerProcess:
    """A listener process. A context manager: on exit the process is killed, because its accounts need no hand-over."""

    def __init__(self, environment: BenchmarkEnvironment, aws: FakeAws, name: str) -> None:
        port = free_port()
        self._address = f"127.0.0.1:{port}"
        variables = {
            **bare_environment(),
            **environment.telegram.listener_environment,
            **aws.environment,
            "LISTENER_HOST": "127.0.0.1",
            "LISTENER_PORT": str(port),
            "POWERTOOLS_SERVICE_NAME": "listener",
            "POWERTOOLS_LOG_LEVEL": "WARNING",
        }
        log = environment.folder / "logs" / f"{name}.log"
        self.process = ChildProcess(f"the {name}", [sys.executable, "-m", "listener"], variables, log, STOP_TIMEOUT_S)
        try:
            self.process.wait_until(lambda: answers_health(port), START_DEADLINE_S)
        except BaseException:
            self.process.stop()
            raise
        table = Table(aws.client, STATE)
        self._accounts, self._workers = AccountStore(table), WorkerStore(table)

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.running:
            self.signal(signal.SIGKILL)
        wait_until(lambda: not self.process.running, KILLED_S, "the kernel ends a killed process")

    @property
    def id(self) -> WorkerId:
        """The id under which it works now."""
        return [worker.id for worker in self._workers.all() if worker.address == self._address][-1]

    def held(self) -> int:
        """Return how many accounts its row's index shows as its own."""
        return sum(1 for _ in self._accounts.owned_by(self.id))

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        os.kill(self.process.pid, number)

    @property
    def rss_kb(self) -> int:
        """Its resident memory now, in kB of 1024 bytes."""
        return rss_kb(self.process.pid)


def rss_kb(pid: int) -> int:
    """Return a process's resident memory, in kB of 1024 bytes."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def wait_until(holds: Callable[[], bool], deadline_s: float, what: str, every_s: float = POLL_S) -> None:
    """Wait for a condition; raises TimeoutError that says what did not come to be."""
    ends = time.monotonic() + deadline_s
    while not holds():
        if time.monotonic() > ends:
            raise TimeoutError(f"{what}: not after {deadline_s:.0f} s")
        time.sleep(every_s)


def wait_until_quiet(count: Callable[[], int], quiet_s: float, deadline_s: float, what: str) -> None:
    """Wait until a count has stood still for so many seconds; raises TimeoutError."""
    seen, since = count(), time.monotonic()

    def still() -> bool:
        nonlocal seen, since
        if (now := count()) != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= quiet_s

    wait_until(still, deadline_s, what, every_s=0.1)
