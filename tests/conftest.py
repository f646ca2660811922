"""Fixtures for every test folder (see tests/support/system.py for what they start), and how property tests are run."""

from __future__ import annotations

from hypothesis import settings

from tests.support.system import account, emulator, system

__all__ = ["account", "emulator", "system"]

# By default an example has 200 ms, which a machine that is busy with something else misses.
settings.register_profile("avio", deadline=None)
settings.load_profile("avio")
