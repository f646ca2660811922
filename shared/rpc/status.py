"""The command for an account's live status."""

from __future__ import annotations

from shared.model.live_status import Live
from shared.rpc.command import Command


class GetStatus(Command[Live]):
    """Return the live status from the owner's memory. The messenger is not asked."""

    name = "status"
    deadline_s = 2.0
    repeatable = True
    from_memory = True
