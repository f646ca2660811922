"""Fixtures for every test folder (see tests/support/system.py for what they start), and how property tests are run.

The same examples in each run, so that a run says something of the change it was made for; `--hypothesis-profile=others` looks for others.
Time is not judged: by default one example has 200 ms, which a machine that stalls misses.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.support.system import account, emulator, system

__all__ = ["account", "emulator", "system"]

_UNJUDGED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("avio", deadline=None, derandomize=True, suppress_health_check=_UNJUDGED)
settings.register_profile("others", settings.get_profile("avio"), derandomize=False)
settings.load_profile("avio")
