"""Requests wait in order for a place, for a bounded time and in bounded number."""

from __future__ import annotations

import asyncio

import pytest

from local.request_limit import RequestLimit, TooManyRequestsError


async def _hold(limit: RequestLimit, free: asyncio.Event, entered: list[int], number: int) -> None:
    async with limit.slot():
        entered.append(number)
        await free.wait()


async def _started(limit: RequestLimit, count: int) -> tuple[list[asyncio.Task[None]], asyncio.Event, list[int]]:
    free, entered = asyncio.Event(), list[int]()
    tasks = [asyncio.create_task(_hold(limit, free, entered, number)) for number in range(count)]
    await asyncio.sleep(0)
    return tasks, free, entered


async def test_no_more_are_inside_than_there_are_places_and_turns_come_in_order() -> None:
    """Those that wait enter when others leave."""
    tasks, free, entered = await _started(RequestLimit(in_flight=2), 5)
    assert entered == [0, 1]
    free.set()
    await asyncio.gather(*tasks)
    assert entered == [0, 1, 2, 3, 4]


async def test_who_waits_too_long_is_turned_away_and_takes_no_place() -> None:
    """Nothing was done for it."""
    limit = RequestLimit(in_flight=1, wait_s=0)
    tasks, free, entered = await _started(limit, 1)
    with pytest.raises(TooManyRequestsError):
        async with limit.slot():
            raise AssertionError
    free.set()
    await asyncio.gather(*tasks)
    async with limit.slot():
        entered.append(7)
    assert entered == [0, 7]


async def test_too_many_are_turned_away_at_once() -> None:
    """The line has an end."""
    limit = RequestLimit(in_flight=1, waiting=1)
    tasks, free, entered = await _started(limit, 2)
    with pytest.raises(TooManyRequestsError):
        async with limit.slot():
            raise AssertionError
    free.set()
    await asyncio.gather(*tasks)
    assert entered == [0, 1]


async def test_who_gives_up_leaves_its_turn_to_the_next() -> None:
    """A cancelled wait holds nothing."""
    limit = RequestLimit(in_flight=1)
    tasks, free, entered = await _started(limit, 3)
    tasks[1].cancel()
    await asyncio.sleep(0)
    free.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert entered == [0, 2]
