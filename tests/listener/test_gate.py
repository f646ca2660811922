"""The gate for connects: how many at once, at what pace, and who does not wait for it."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from listener.core.connect_limiter import ConnectLimiter, TurnedAway
from tests.support.listener_harness import until
from tests.support.virtual_time import VirtualClock, run


class Connects:
    """Connects that take as long as the test says."""

    def __init__(self) -> None:
        self.begun: list[float] = []
        self.under_way = 0
        self.done = asyncio.Event()

    async def one(self) -> None:
        """Connect."""
        self.begun.append(asyncio.get_running_loop().time())
        self.under_way += 1
        try:
            await self.done.wait()
        finally:
            self.under_way -= 1


async def through(gate: ConnectLimiter, connects: Connects, unless: asyncio.Event) -> None:
    async with gate.turn(unless):
        await connects.one()


async def test_only_so_many_connect_at_once_and_all_of_them_in_the_end() -> None:
    """Each that is done lets the next one in."""
    gate, connects = ConnectLimiter(at_once=3), Connects()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(through(gate, connects, asyncio.Event()))
        await until(lambda: connects.under_way == 3)
        assert len(connects.begun) == 3
        connects.done.set()
    assert len(connects.begun) == 8


async def test_a_connection_that_is_up_takes_no_place() -> None:
    """Serving goes on for days: the place is left with the connect."""
    gate, connects = ConnectLimiter(at_once=1), Connects()
    connects.done.set()
    await through(gate, connects, asyncio.Event())
    await through(gate, connects, asyncio.Event())
    assert len(connects.begun) == 2


async def test_whoever_is_handed_over_does_not_wait_for_its_turn() -> None:
    """It is turned away, its connect is never begun, and it takes no place with it."""
    gate, connects, leaving = ConnectLimiter(at_once=1), Connects(), asyncio.Event()
    first = asyncio.create_task(through(gate, connects, asyncio.Event()))
    await until(lambda: connects.under_way)
    waiting = asyncio.create_task(through(gate, connects, leaving))
    await asyncio.sleep(0)
    leaving.set()
    with pytest.raises(TurnedAway):
        await waiting
    connects.done.set()
    await first
    await through(gate, connects, asyncio.Event())
    assert len(connects.begun) == 2


async def test_cancelling_one_that_waits_loses_no_place() -> None:
    """Neither where it still waits nor where its turn comes at the same moment."""
    gate, connects = ConnectLimiter(at_once=1), Connects()
    first = asyncio.create_task(through(gate, connects, asyncio.Event()))
    await until(lambda: connects.under_way)
    waiting = [asyncio.create_task(through(gate, connects, asyncio.Event())) for _ in range(3)]
    await asyncio.sleep(0)
    connects.done.set()
    for task in (first, *waiting[:2]):
        task.cancel()
    await asyncio.gather(first, *waiting, return_exceptions=True)
    await through(gate, connects, asyncio.Event())


async def test_a_connect_that_fails_gives_its_place_back() -> None:
    """However it ends."""
    gate = ConnectLimiter(at_once=1)

    for _ in range(3):
        with pytest.raises(OSError):  # noqa: PT011
            async with gate.turn(asyncio.Event()):
                raise OSError


def test_connects_to_the_real_telegram_are_paced() -> None:
    """Between two of them lies the time that the gate was told."""

    async def program(_clock: VirtualClock) -> list[float]:
        gate, connects = ConnectLimiter(every_s=0.25), Connects()
        connects.done.set()
        async with asyncio.TaskGroup() as tasks:
            for _ in range(5):
                tasks.create_task(through(gate, connects, asyncio.Event()))
        return [later - earlier for earlier, later in itertools.pairwise(connects.begun)]

    assert run(program) == [0.25] * 4
