"""A receiver, and everything around the deliverer on the emulator."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from functions.callback_delivery.post import Poster
from local.emulator_account import EmulatorAccount
from tests.support.callback_network import ANYWHERE, PATIENT_S, loopback, machine_trust
from tests.support.callback_server import CallbackServer
from tests.support.clock import FakeClock
from tests.support.emulated_delivery import EmulatedDelivery


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[CallbackServer]:
    """A callback's other end."""
    receiver = CallbackServer()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest_asyncio.fixture
async def poster(clock: FakeClock) -> AsyncIterator[Poster]:
    """What posts to it, with time for a busy machine."""
    poster = Poster(allowed=ANYWHERE, resolve=loopback, trust=machine_trust(), clock=clock, attempt_s=PATIENT_S, body_s=PATIENT_S)
    yield poster
    await poster.close()


@pytest.fixture
def delivery(account: EmulatorAccount, clock: FakeClock, receiver: CallbackServer, poster: Poster) -> EmulatedDelivery:
    """The deliverer among real parts."""
    return EmulatedDelivery(account, clock, receiver, poster)
