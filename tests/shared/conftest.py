"""Stores on the emulator."""

from __future__ import annotations

import pytest

from local.emulator_account import EmulatorAccount
from shared.store.deliveries import DeliveryStore
from shared.store.table import Table
from tests.support.clock import FakeClock


@pytest.fixture
def table(account: EmulatorAccount) -> Table:
    """Table `avio`, empty."""
    return Table(account.client("dynamodb"), account.table_name)


@pytest.fixture
def deliveries_table(account: EmulatorAccount) -> Table:
    """Table `deliveries`, empty."""
    return Table(account.client("dynamodb"), account.deliveries_table_name)


@pytest.fixture
def deliveries(deliveries_table: Table) -> DeliveryStore:
    """The log in it."""
    return DeliveryStore(deliveries_table)


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()
