"""Several simulated listener processes over one table, and the rules of ownership that hold at every moment."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable

from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.worker import WorkerState
from shared.store import keys
from tests.support.fake_stores import OwnershipStores
from tests.support.rows import put_tenant
from tests.support.simulated_listener import DriftingClock, ListenerProcess, TrueTime

TENANTS = [TenantId(f"{n}{n}{n}{n}") for n in range(5)]


TG = Channel.TELEGRAM


RECOVERY_S = 90.0
"""A call without an answer (20 s), the silence after which a worker is dead (16 s), accounts that no worker took (30 s), looks between, a
reclaim; by the slowest clock."""


SHARING_S = 120.0
"""A surplus is looked at four times (3 s apart) before it is given away, a beat later it is taken; twice, by the slowest clock."""


class Fleet:
    """Processes over one table, the true time, and the invariants, which are checked at every step."""

    def __init__(self, stores: OwnershipStores) -> None:
        self.stores = stores
        put_tenant(stores.table, *TENANTS)
        self.true_time = TrueTime()
        self.held: list[Callable[[], None]] = []
        self.processes: list[ListenerProcess] = []
        self._names = itertools.count()
        self._epochs: Counter[tuple[str, str]] = Counter()
        self._over: dict[WorkerId, WorkerState] = {}

    def start(self, rate: float = 1.0, offset: float = 0.0) -> ListenerProcess:
        """Start a process."""
        process = ListenerProcess(self.stores, DriftingClock(self.true_time, rate, offset), self.held, self._names)
        self.processes.append(process)
        self.settle()
        return process

    def settle(self) -> None:
        """Let every running process do the work that is ready, and check the invariants."""
        for process in self.processes:
            if process.runs:
                process.loop.run_due()
            self.check()

    def advance(self, seconds: float) -> None:
        """Let true time pass, from timer to timer of all processes."""
        end = self.true_time.now + seconds
        while (at := min(map(self._next, self.processes), default=end)) < end:
            self.true_time.now = max(at, self.true_time.now + 1e-6)
            self.settle()
        self.true_time.now = end
        self.settle()

    def _next(self, process: ListenerProcess) -> float:
        due = process.loop.idle_until
        return process.clock.true_time(due) if process.runs and due is not None else float("inf")

    def holders(self) -> Counter[TenantId]:
        """Return the number of workers that could send for each account now."""
        return Counter(holding.tenant_id for process in self.processes for holding in process.could_send())

    def check(self) -> None:
        """Check the invariants."""
        for tenant, holders in self.holders().items():
            assert holders <= 1, f"{holders} can send for {tenant} at {self.true_time.now}"
        self._check_epochs()
        self._check_workers()

    def _check_epochs(self) -> None:
        for tenant, key_of in itertools.product(TENANTS, (keys.account, keys.session, keys.update_state)):
            key = key_of(tenant, TG)
            row = self.stores.table.get(key) or {}
            known, address = row.get("epoch", 0), (key["pk"], key["sk"])
            assert known >= self._epochs[address], f"the epoch of {key} went back"
            assert row.get("by", known) <= known
            self._epochs[address] = known

    def _check_workers(self) -> None:
        for worker_id, state in self.states().items():
            assert self._over.get(worker_id, state) is state, f"{worker_id} was over"
            if state is not WorkerState.LIVE:
                self._over[worker_id] = state
        for process in self.processes:
            for holding in process.could_send():
                assert holding._me not in self._over, f"{holding._me} is over and could send at {self.true_time.now}"

    def states(self) -> dict[WorkerId, WorkerState]:
        """Return every worker's state by its row."""
        rows = self.stores.table.query("pk = :pk", {":pk": keys.WORKERS})
        return {WorkerId(row["sk"]): WorkerState(row["state"]) for row in rows}

    def recover(self) -> None:
        """End every fault, and let enough time pass."""
        self.stores.fake_table.lagging = False
        self.stores.fake_table.catch_up()
        for process in self.processes:
            process.paused = False
            for line in process.lines:
                line.fates.clear()
                line.cut = False
        self.settle()  # those that had been paused go on
        self.deliver(len(self.held))
        if not any(process.runs and not process.stopping and not self._drained(process) for process in self.processes):
            self.start()
        self.advance(RECOVERY_S)

    def _drained(self, process: ListenerProcess) -> bool:
        row = self.stores.workers.get(process.worker.me.id)
        return bool(row and row.draining)

    def is_fair(self) -> bool:
        """Tell whether no live worker holds more than its share of the owned accounts."""
        held = Counter(holding._me for process in self.processes for holding in process.could_send())
        live = [row for row in self.stores.workers.all() if row.state is WorkerState.LIVE and not row.draining]
        share = -(-sum(held.values()) // max(len(live), 1))
        return all(held[row.id] <= share for row in live) and sum(held[row.id] for row in live) == sum(held.values())

    def share_out(self) -> None:
        """Let time pass until `is_fair`."""
        end = self.true_time.now + SHARING_S
        while not self.is_fair() and self.true_time.now < end:
            self.advance(3)

    def deliver(self, count: int) -> None:
        """Let held calls continue."""
        for _ in range(count):
            self.held.pop(0)()
            self.settle()

    def close(self) -> None:
        """Clear everything away."""
        for process in self.processes:
            process.close()
