"""How long accounts go without a worker after theirs was killed, frozen or cut off.

From the fault until the account's row names another worker and the server has a connection of it that is younger than the fault.
"""

from __future__ import annotations

import asyncio
import statistics
from dataclasses import dataclass, field
from typing import Any

from shared.model.ids import TenantId, WorkerId
from shared.model.worker import WorkerState
from shared.store.accounts import AccountStore
from shared.store.workers import WorkerStore
from testing.chaos.fault_log import FaultEntry, FaultLog
from testing.chaos.telegram_process import RestartingServer
from testing.chaos.worker_slot import WorkerSlot

LOOK_EVERY_S = 0.25
HARMLESS = {"sqs-away", "sqs-flaky", "sqs-refuses-entries", "pushes", "too-long-pushes", "sends-refused", "stall"}
"""Faults that do not delay a takeover by another worker."""


@dataclass
class Takeover:
    """One fault and the accounts that its worker held. `took_s` fills as they are taken over."""

    entry: FaultEntry
    began_s: float
    owners: frozenset[WorkerId]
    youngest: tuple[int, int]
    waiting: set[TenantId]
    took_s: dict[TenantId, float] = field(default_factory=dict)


class Takeovers:
    """Watches every takeover of a run."""

    def __init__(
        self, server: RestartingServer, accounts: AccountStore, workers: WorkerStore, people: dict[TenantId, int], fault_log: FaultLog
    ) -> None:
        self._server = server
        self._accounts = accounts
        self._workers = workers
        self._people = people
        self.fault_log = fault_log
        self.all: list[Takeover] = []

    async def begin(self, slot: WorkerSlot, entry: FaultEntry) -> None:
        """Note what a place's worker holds; call it right before the fault."""
        address = slot.current.address if slot.current else ""
        owners, held = await asyncio.to_thread(self._held_at, address)
        youngest = max(await self._connections(), default=(0, 0, 0))[:2]
        self.all.append(Takeover(entry, self.fault_log.now, owners, youngest, held))

    async def watch(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)  # nothing announces it
            if any(one.waiting for one in self.all):
                await self._look()

    async def _look(self) -> None:
        owner = await asyncio.to_thread(self._owners)
        connections = await self._connections()
        now = self.fault_log.now
        for one in self.all:
            served = {person for *number, person in connections if tuple(number) > one.youngest}
            for tenant_id in list(one.waiting):
                if self._people[tenant_id] in served and owner.get(tenant_id, next(iter(one.owners), None)) not in one.owners:
                    one.waiting.discard(tenant_id)
                    one.took_s[tenant_id] = now - one.began_s

    async def _connections(self) -> list[tuple[int, int, int]]:
        found = (await self._server.get("/connections"))["connections"]
        return [(self._server.starts, one["number"], one["person_id"]) for one in found if one["person_id"]]

    def _held_at(self, address: str) -> tuple[frozenset[WorkerId], set[TenantId]]:
        ids = frozenset(row.id for row in self._workers.all() if row.state is WorkerState.LIVE and row.address == address)
        return ids, {account.tenant_id for one in ids for account in self._accounts.owned_by(one)}

    def _owners(self) -> dict[TenantId, WorkerId]:
        live = [row.id for row in self._workers.all() if row.state is WorkerState.LIVE]
        return {account.tenant_id: one for one in live for account in self._accounts.owned_by(one)}

    def figures(self) -> dict[str, Any]:
        """Return seconds over all accounts, and over those takeovers that nothing else disturbed."""
        calm = [one for one in self.all if not self._disturbed(one)]
        return {**_figures(self.all), "undisturbed": _figures(calm)}

    def _disturbed(self, one: Takeover) -> bool:
        until = one.began_s + max(one.took_s.values(), default=0.0)
        return any(other is not one.entry and other.name not in HARMLESS for other in self.fault_log.in_force(one.began_s, until))


def _figures(takeovers: list[Takeover]) -> dict[str, Any]:
    took = [seconds for one in takeovers for seconds in one.took_s.values()]
    return {
        "faults": len(takeovers),
        "accounts": len(took),
        "never": sum(len(one.waiting) for one in takeovers),
        "p50": round(statistics.median(took), 1) if took else None,
        "max": round(max(took), 1) if took else None,
    }
