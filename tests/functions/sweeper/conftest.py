"""A tenant, an endpoint, and time to pass."""

from __future__ import annotations

import pytest

from tests.functions.sweeper.scene import Scene


@pytest.fixture
def scene() -> Scene:
    """A tenant whose endpoint takes everything."""
    return Scene()
