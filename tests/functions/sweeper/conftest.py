"""A tenant, an endpoint, and time to pass."""

from __future__ import annotations

import pytest

from tests.support.delivery_scenario import DeliveryScenario


@pytest.fixture
def scenario() -> DeliveryScenario:
    """A tenant whose endpoint takes everything."""
    return DeliveryScenario()
