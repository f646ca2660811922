"""When which fault begins, and where: drawn by the seed, or by the script of a short run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from testing.chaos.faults import KINDS, Kind, Scene
from testing.chaos.plan import Plan
from testing.chaos.worker_slot import Place


class Scheduler:
    """Runs faults until the scene is ending; then `run` returns once all is good again."""

    def __init__(self, plan: Plan, scene: Scene) -> None:
        self._plan = plan
        self._scene = scene
        self._journal = scene.takeovers.journal
        self.begun = 0

    async def run(self) -> None:
        """Begin one fault after another."""
        async with asyncio.TaskGroup() as faults:
            for wait_s, name in self._script() if self._plan.script else self._drawn():
                await self._scene.last(wait_s)
                if self._scene.ending.is_set():
                    return
                kind = KINDS[name]
                place = self._place_for(kind)
                if place:
                    self.begun += 1
                    faults.create_task(self._run(kind, place))

    async def _run(self, kind: Kind, place: Place) -> None:
        with self._journal.fault(kind.name, place.name if kind.on == "worker" else "") as entry:
            if kind.on != "worker":
                await kind.run(self._scene, place, entry)
                return
            async with place.lock:
                place.down = kind.fells
                try:
                    await kind.run(self._scene, place, entry)
                finally:
                    place.down = False

    def _place_for(self, kind: Kind) -> Place | None:
        """Return a place that nothing else has; None where this kind has to be left out for now."""
        places = self._scene.places
        if kind.on != "worker":
            return places[0]
        free = [place for place in places if not place.lock.locked()]
        if not free or (kind.fells and sum(not place.down for place in places) < 2):
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
