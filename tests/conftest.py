"""Fixtures for every test folder; see tests/support/system.py for what they start."""

from __future__ import annotations

from tests.support.system import account, emulator, system

__all__ = ["account", "emulator", "system"]
