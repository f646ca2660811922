"""A recording, loaded into a fresh account of the emulator, at the time at which it was made."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from local.emulator_account import EmulatorAccount
from tests.compatibility import stored
from tests.support.clock import FakeClock

FOLDERS = sorted(path.parent for path in Path(__file__).parent.glob(f"*/{stored.TABLES}"))
"""The recordings that there are."""
CAST, ANSWERS, POSTED = "cast.json", "answers.json", "posted.json"


class Recording:
    """`cast` says whose ids, keys and secrets are in the rows, `clock` stands where the recording ended."""

    def __init__(self, aws: EmulatorAccount, folder: Path) -> None:
        self.aws, self.folder = aws, folder
        self.cast = self.read(CAST)
        self.clock = FakeClock()
        self.clock.advance((datetime.fromisoformat(self.cast["recorded_at"]) - self.clock.now()).total_seconds())
        stored.load(aws, folder)

    def read(self, name: str) -> Any:
        """Return one of the recording's files."""
        return json.loads((self.folder / name).read_text())

    @property
    def admin(self) -> dict[str, str]:
        """The header of the administrator's token."""
        return {"X-Admin-Token": self.cast["admin_token"]}

    def id(self, tenant: str) -> Any:
        """Return a tenant's id."""
        return self.cast["tenants"][tenant]["id"]

    def key(self, tenant: str, name: str = "key") -> dict[str, str]:
        """Return the header of a tenant's key."""
        return {"Authorization": f"Bearer {self.cast['tenants'][tenant][name]}"}
