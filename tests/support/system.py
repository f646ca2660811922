"""The fixtures of the running parts, from the lightest to the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import emulator as local_emulator
from local.emulator import Emulator
from local.emulator_account import EmulatorAccount, open_account
from local.stand_in_template import template
from local.system import System, SystemPlan

WA_WEB_TOKEN = "token-of-the-tests-provider"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """A bare emulator, started once; it asks for no rights, and keeps nothing."""
    with local_emulator.running(tmp_path_factory.mktemp("emulator"), enforce_roles=False, persist=False) as running:
        yield running


@pytest.fixture
def account(emulator: Emulator) -> EmulatorAccount:
    """An account of one's own on that emulator, with the tables, the queue and the key of the template."""
    return open_account(emulator, template("local"))


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The whole system on free ports, started once: tests share it, so each makes tenants and people of its own."""
    state: Path = tmp_path_factory.mktemp("system")
    settings = {"DEV_CALLBACK_RECEIVER": "1", "ADMIN_TOKEN": "admin-token-of-the-tests", "WA_WEB_TOKEN": WA_WEB_TOKEN}
    with System(SystemPlan(state, settings=settings, persist=False)) as running:
        yield running
