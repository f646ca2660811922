"""Stores on the emulator."""

from __future__ import annotations

import pytest

from local.aws_account import Account
from shared.store.table import Table
from tests.support.clock import FakeClock


@pytest.fixture
def table(account: Account) -> Table:
    """Table `avio`, empty."""
    return Table(account.client("dynamodb"), account.table_name)


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()
