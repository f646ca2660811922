"""The API says when a paused callback is tried next, and that time is kept. In virtual time, with the sweeper's own schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from random import Random

import pytest

from functions.callback_delivery.retry import Answered
from shared.model.backlog import CallbackHealth
from tests.support.noisy_neighbours import CALL_S, EndpointBehaviour, Simulation
from tests.support.virtual_time import VirtualClock, run

REFUSES = EndpointBehaviour(0.05, Answered(500))
LATE_S = 2.0


def promised_and_tried(began_s: float) -> tuple[Sequence[datetime], Sequence[datetime]]:
    """Have an endpoint refuse for an hour, from some second of a minute; return the promised times, and the times of the attempts."""

    async def program(clock: VirtualClock) -> tuple[list[datetime], list[datetime]]:
        simulation, tried, promised = Simulation(clock), list[datetime](), list[datetime]()

        def refuse() -> EndpointBehaviour:
            tried.append(clock.now())
            return REFUSES

        tenant_id = simulation.tenant("away", refuse)
        async with simulation.at_work(2):
            await asyncio.sleep(began_s)
            simulation.system.send(tenant_id, 1, 1)
            for _ in range(3600):
                await asyncio.sleep(1)
                state = simulation.system.callbacks.get(tenant_id)
                told = state.state is CallbackHealth.PAUSED and not (state.leased_until and state.leased_until > clock.now())
                if told and state.due_at and state.due_at not in promised:
                    promised.append(state.due_at)
        return promised, tried

    return run(program, CALL_S)


@pytest.mark.parametrize("began_s", [Random(seed).uniform(0, 60) for seed in range(4)])
def test_a_paused_callback_is_tried_when_it_was_said(began_s: float) -> None:
    """At any second of the sweeper's minute: never before, and within two seconds."""
    promised, tried = promised_and_tried(began_s)
    assert len(promised) >= 7
    for at in promised[:-1]:
        assert any(0 <= (one - at).total_seconds() <= LATE_S for one in tried), at
    assert len(tried) - 5 in (len(promised) - 1, len(promised))
