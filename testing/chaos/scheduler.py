"""When which fault begins, and where: drawn by the seed, or by the script of a short run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from testing.chaos.faults import KINDS, FaultContext, FaultKind
from testing.chaos.plan import ChaosPlan
from testing.chaos.worker_slot import WorkerSlot


class Scheduler:
    """Runs faults until the scene is ending; then `run` returns once all is good again."""

    def __init__(self, plan: ChaosPlan, context: FaultContext) -> None:
        self._plan = plan
        self._scene = context
        self._journal = context.takeovers.fault_log
        self.begun = 0

    async def run(self) -> None:
        """Begin one fault after another."""
        async with asyncio.TaskGroup() as faults:
            for wait_s, name in self._script() if self._plan.script else self._drawn():
                await self._scene.last(wait_s)
                if self._scene.ending.is_set():
                    return
                kind = KINDS[name]
                slot = self._place_for(kind)
                if slot:
                    self.begun += 1
                    faults.create_task(self._run(kind, slot))

    async def _run(self, kind: FaultKind, slot: WorkerSlot) -> None:
        with self._journal.fault(kind.name, slot.name if kind.on == "worker" else "") as entry:
            if kind.on != "worker":
                await kind.run(self._scene, slot, entry)
                return
            async with slot.lock:
                slot.down = kind.fells
                try:
                    await kind.run(self._scene, slot, entry)
                finally:
                    slot.down = False

    def _place_for(self, kind: FaultKind) -> WorkerSlot | None:
        """Return a place that nothing else has; None where this kind has to be left out for now."""
        slots = self._scene.slots
        if kind.on != "worker":
            return slots[0]
        free = [slot for slot in slots if not slot.lock.locked()]
        if not free or (kind.fells and sum(not slot.down for slot in slots) < 2):
            return None
        return self._scene.rng.choice(free)

    def _script(self) -> Iterator[tuple[float, str]]:
        before_s = 0.0
        for at_s, name in self._plan.script:
            yield at_s - before_s, name
            before_s = at_s

    def _drawn(self) -> Iterator[tuple[float, str]]:
        rng, names = self._scene.rng, sorted(self._plan.faults)
        while names:
            yield rng.uniform(0.3, 1.7) * self._plan.fault_every_s, rng.choice(names)
