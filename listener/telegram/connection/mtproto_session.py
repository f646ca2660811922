"""Telethon's view of a session: it starts from our credentials and update state, in memory. It stores nothing.

`StringSession` would keep neither update states nor access hashes, and the base class's `process_entities`, on the hot path, keeps every
entity it ever sees.
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
    """A session that starts from stored credentials and an update state, and keeps only its key."""

    def __init__(self, session: Session, state: UpdateState | None) -> None:
        super().__init__()
        self.set_dc(session.dc_id, session.address, session.port)
        if session.auth_key:
            self.auth_key = AuthKey(data=session.auth_key)
        self._start = state

    def get_update_states(self) -> Iterable[tuple[int, State]]:
        """Return the states to catch up from: the account's under 0, each channel's under its id."""
        if self._start is None:
            return []
        date = datetime.fromtimestamp(self._start.date, UTC)
        account = State(self._start.pts, self._start.qts, date, self._start.seq, 0)
        return [(0, account), *((channel, State(state.pts, 0, date, 0, 0)) for channel, state in self._start.channels.items())]

    def set_update_state(self, entity_id: int, state: State) -> None:
        """Store nothing: the state that Telethon saves may run ahead of what is durable. The ledger saves it instead."""

    def process_entities(self, tlo: Any) -> None:
        """Keep nothing: the peer cache keeps peers."""

    def delete(self) -> None:
        """Store nothing."""

    def stored(self, session: Session) -> Session:
        """Return the present credentials: a log-in may have moved to another data centre or made a key."""
        key = self.auth_key.key if self.auth_key else None
        return replace(session, dc_id=self.dc_id, address=self.server_address, port=self.port, auth_key=key)
