"""Telethon's view of a session: the credentials and marks that it starts from, in memory. What is stored, and when, is not its business.

`StringSession` would keep neither marks nor access hashes, and the base class's `process_entities`, on a hot path, keeps every entity
ever seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from telethon.crypto import AuthKey
from telethon.sessions import MemorySession
from telethon.tl.types.updates import State

from listener.telegram.session import Session
from listener.telegram.updates.update_state import UpdateState


class MtprotoSession(MemorySession):  # type: ignore[misc]  # Telethon has no types
    """A session that starts from stored credentials and marks, and forgets everything but its key."""

    def __init__(self, session: Session, marks: UpdateState | None) -> None:
        super().__init__()
        self.set_dc(session.dc_id, session.address, session.port)
        if session.auth_key:
            self.auth_key = AuthKey(data=session.auth_key)
        self._marks = marks

    def get_update_states(self) -> Iterable[tuple[int, State]]:
        """Return the marks to catch up from: the account's under 0, each channel's under its id."""
        if self._marks is None:
            return []
        date = datetime.fromtimestamp(self._marks.date, UTC)
        account = State(self._marks.pts, self._marks.qts, date, self._marks.seq, 0)
        return [(0, account), *((channel, State(marks.pts, 0, date, 0, 0)) for channel, marks in self._marks.channels.items())]

    def set_update_state(self, entity_id: int, state: State) -> None:
        """Store nothing: Telethon saves states that may run ahead of what is durable. The ledger alone does."""

    def process_entities(self, tlo: Any) -> None:
        """Keep nothing: peers are kept by the peer book."""

    def delete(self) -> None:
        """Store nothing."""

    def stored(self, session: Session) -> Session:
        """Return the credentials as they are now: a log-in may have moved to another data centre or made a key."""
        key = self.auth_key.key if self.auth_key else None
        return replace(session, dc_id=self.dc_id, address=self.server_address, port=self.port, auth_key=key)
