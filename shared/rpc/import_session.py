"""The command that logs an account in with a session of another client."""

from __future__ import annotations

from pydantic import Base64Bytes, Field

from shared.rpc.command import Command
from shared.rpc.log_in import StateReached


class ImportSession(Command[StateReached]):
    """Log in with the key of a session that was begun elsewhere. Of `user_id` and `phone`, what is given must be the session's own."""

    name = "auth/import"
    since = 2
    repeatable = True

    dc_id: int
    auth_key: Base64Bytes = Field(repr=False)
    user_id: int | None = None
    phone: str | None = Field(default=None, repr=False)
