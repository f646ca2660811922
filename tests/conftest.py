"""Fixtures for every test folder (see tests/support/system.py for what they start), and how hypothesis judges time: not at all.

By default it fails a test of which one example takes more than 200 ms, or whose examples are made slowly: a machine that stalls does both.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.support.system import account, emulator, system

__all__ = ["account", "emulator", "system"]

settings.register_profile("avio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("avio")
