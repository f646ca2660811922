"""The API, and a worker that answers it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.emulator import Emulator
from local.emulator_account import open_account
from local.stand_in_template import template
from tests.functions.api import Api
from tests.support.stand_in_owner import StandInOwner


@pytest.fixture(scope="session")
def api(emulator: Emulator) -> Api:
    """The API, started once: each test makes tenants of its own."""
    return Api(open_account(emulator, template("local")))


@pytest.fixture
def owner(api: Api, tmp_path: Path) -> Iterator[StandInOwner]:
    """A live worker."""
    owner = StandInOwner(tmp_path)
    api.workers.register(owner.worker)
    yield owner
    api.table.delete({"pk": "WORKERS", "sk": owner.worker.id})
    owner.close()
