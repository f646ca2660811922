"""Marks: how far an account's updates are known, in Telegram's own numbers (https://core.telegram.org/api/updates)."""

from __future__ import annotations

from pydantic import Field

from shared.model.frozen import Frozen


class Marks(Frozen):
    """`pts`, `qts`, `date` (epoch seconds) and `seq` of the account, and a `pts` per channel that has one."""

    pts: int
    qts: int
    date: int
    seq: int
    channels: dict[int, int] = Field(default_factory=dict)

    def then(self, later: Marks) -> Marks:
        """Return these marks moved on to later ones, which name only the channels they concern."""
        return later.model_copy(update={"channels": {**self.channels, **later.channels}})
