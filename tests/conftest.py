"""Fixtures for every test folder (see tests/support/system.py for what they start), how property tests are run, and what runs side by side.

The same examples in each run, so that a run says something of the change it was made for; `--hypothesis-profile=others` looks for others.
Time is not judged: by default one example has 200 ms, which a machine that stalls misses.

Side by side (`make test`), the tests of a module run in one process, in order. Those of the running system run first: it starts
once for each top folder of tests that uses it, so that two processes share what takes longest.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.support.system import account, emulator, system

__all__ = ["account", "emulator", "system"]

_UNJUDGED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("avio", deadline=None, derandomize=True, suppress_health_check=_UNJUDGED)
settings.register_profile("others", settings.get_profile("avio"), derandomize=False)
settings.load_profile("avio")


@pytest.hookimpl(tryfirst=True)  # after pytest-randomly has shuffled, and before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by what they share, and begin with the running system: it takes longest."""
    for item in items:
        module = item.nodeid.partition("::")[0]
        shared = f"system of {module.split('/')[1]}" if _needs_system(item) else module
        item.add_marker(pytest.mark.xdist_group(shared))
    items.sort(key=lambda item: not _needs_system(item))


def _needs_system(item: pytest.Item) -> bool:
    return "system" in getattr(item, "fixturenames", ())
