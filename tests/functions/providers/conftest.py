"""The API on an account of its own, and the deliverer beside it: what a provider posts goes all the way to a callback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from functions.callback_delivery.post import Poster
from local.emulator import Emulator
from local.emulator_account import EmulatorAccount, open_account
from local.stand_in_template import template
from tests.functions.api import Api
from tests.functions.providers.provider import ProviderScenario
from tests.support.callback_network import ANYWHERE, PATIENT_S, loopback, machine_trust
from tests.support.callback_server import CallbackServer
from tests.support.emulated_delivery import EmulatedDelivery


@pytest.fixture(scope="module")
def provider_account(emulator: Emulator) -> EmulatorAccount:
    """An account whose queue no other module looks into."""
    return open_account(emulator, template("local"))


@pytest.fixture(scope="module")
def provider_api(provider_account: EmulatorAccount) -> Api:
    """The API on it."""
    return Api(provider_account)


@pytest_asyncio.fixture
async def scenario(provider_account: EmulatorAccount, provider_api: Api) -> AsyncIterator[ProviderScenario]:
    """A provider, a receiver, and the deliverer between them."""
    receiver, clock = CallbackServer(), provider_api.clock
    await receiver.start()
    poster = Poster(allowed=ANYWHERE, resolve=loopback, trust=machine_trust(), clock=clock, attempt_s=PATIENT_S, body_s=PATIENT_S)
    yield ProviderScenario(provider_api, EmulatedDelivery(provider_account, clock, receiver, poster))
    await poster.close()
    await receiver.stop()
