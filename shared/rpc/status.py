"""How an account is doing this moment."""

from __future__ import annotations

from shared.model.live import Live
from shared.rpc.command import Command


class GetStatus(Command[Live]):
    """Ask what the owner knows without asking the messenger."""

    name = "status"
    deadline_s = 2.0
    repeatable = True
    from_memory = True
