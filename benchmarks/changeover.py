"""The time that an account has no connection when its worker ends: on request, or killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.environment import BenchmarkEnvironment
from benchmarks.row import Goal, Row
from benchmarks.stored_accounts import LoggedIn, connections, log_in, phones, store, wait_connected
from benchmarks.suite import Suite
from benchmarks.worker_process import WorkerProcess, wait_until, wait_until_quiet
from listener.core.ownership.ownership import WATCH_EVERY_S
from shared.model.event import read_event
from shared.model.ids import NOBODY, Channel, WorkerId
from shared.store.accounts import AccountStore
from shared.store.table import Table
from testing.fake_aws.aws import FakeAws
from testing.fake_aws.dynamodb import STATE
from tests.support.events import message_of

IDLE, CRASH = "handover_idle", "takeover_crash"
ACCOUNTS = 8
ROUNDS = 3
DEADLINE_S = 90.0
STEADY_S = WATCH_EVERY_S + 1
FRIEND = "+99966099999"


def measure(wanted: frozenset[str], environment: BenchmarkEnvironment) -> Iterator[Row]:
    """Yield the rows; two workers share some idle accounts, and a new one comes for each that goes."""
    stage = ChangeoverWorkers(environment, log_in(environment, phones(660, ACCOUNTS)), FRIEND)
    try:
        if IDLE in wanted:
            with environment.progress(f"{ROUNDS} hand-overs"):
                taken = median(stage.handed_over_s() for _ in range(ROUNDS))
            against = "SIGTERM until the other worker has the last of its accounts connected"
            yield Row(IDLE, taken, "s", None, against, Goal("value", "<=", 5))
        if CRASH in wanted:
            with environment.progress("a takeover after kill -9"):
                taken = stage.taken_over_s()
            against = "kill -9 until a message to each of its accounts is in the queue"
            yield Row(CRASH, taken, "s", None, against, Goal("value", "<=", 25))
    finally:
        stage.close()


class ChangeoverWorkers:
    """Two workers and their accounts."""

    def __init__(self, environment: BenchmarkEnvironment, accounts: Sequence[LoggedIn], friend: str) -> None:
        self._environment = environment
        self._friend = friend
        environment.people.create_person(friend, first_name="Friend")
        self._accounts = list(accounts)
        self._aws = environment.in_background(FakeAws().running())
        self._rows = AccountStore(Table(self._aws.client, STATE))
        self._started = 0
        store(environment, self._aws, accounts, NOBODY)
        self._workers = [self._new_worker()]
        wait_connected(environment, accounts)

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.__exit__(None, None, None)

    def handed_over_s(self) -> float:
        """Drain the worker with most accounts; return the seconds until the other worker has connected the last of them."""
        leaving, held = self._leaving()
        newest = max(connections(self._environment, self._accounts).values())
        began = time.monotonic()
        leaving.signal(signal.SIGTERM)
        wait_until(lambda: self._anew(held, newest), DEADLINE_S, "a hand-over")
        taken_s = time.monotonic() - began
        wait_until(lambda: not leaving.process.running, DEADLINE_S, "the worker's end")
        return taken_s

    def taken_over_s(self) -> float:
        """Kill the worker with most accounts; return the seconds until a message to each of them is in the queue."""
        leaving, held = self._leaving()
        began = time.monotonic()
        leaving.signal(signal.SIGKILL)
        text = f"after the kill {self._started}"
        self._environment.people.send_many([{"sender": self._friend, "to": one.phone, "text": text} for one in held])
        wanted = {one.tenant_id for one in held}
        wait_until(lambda: wanted <= self._tenants_told(text), DEADLINE_S, "a takeover")
        return time.monotonic() - began

    def _leaving(self) -> tuple[WorkerProcess, list[LoggedIn]]:
        """Add a worker, wait until nothing changes hands any more, and take the one that holds most off the stage: it and what it holds."""
        self._workers.append(self._new_worker())
        wait_until_quiet(lambda: hash(tuple(self._owners())), STEADY_S, DEADLINE_S, "accounts that stay where they are")
        most = max(self._workers, key=lambda worker: len(self._held_by(worker)))
        self._workers.remove(most)
        self._environment.keep(most)
        return most, self._held_by(most)

    def _held_by(self, worker: WorkerProcess) -> list[LoggedIn]:
        return [one for one, owner in zip(self._accounts, self._owners(), strict=True) if owner == worker.id]

    def _owners(self) -> list[WorkerId | None]:
        rows = [self._rows.get(one.tenant_id, Channel.TELEGRAM) for one in self._accounts]
        return [row.owner if row else None for row in rows]

    def _anew(self, held: Sequence[LoggedIn], newest: int) -> bool:
        """Tell whether each of these accounts has a connection that came after that one."""
        now = connections(self._environment, held)
        return len(now) == len(held) and all(number > newest for number in now.values())

    def _tenants_told(self, text: str) -> set[str]:
        events = (read_event(body) for _, body in self._aws.queue.sent)
        return {event.tenant_id for event in events if message_of(event).text == text}

    def _new_worker(self) -> WorkerProcess:
        self._started += 1
        return WorkerProcess(self._environment, self._aws, f"listener-change-{self._started}")


SUITE = Suite((IDLE, CRASH), measure)
