"""An account of the emulator of a test's own; see local/aws_account.py."""

from __future__ import annotations

from local.aws_account import Account, open_account

__all__ = ["Account", "open_account"]
