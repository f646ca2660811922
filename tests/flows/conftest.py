"""A customer of the shared system, for each test of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.system import System
from tests.flows.customer import Customer, customer_of


@pytest.fixture
def customer(system: System) -> Iterator[Customer]:
    """A new customer."""
    with customer_of(system) as one:
        yield one
