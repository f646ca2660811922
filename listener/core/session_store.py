"""An account's session and position, stored in fenced items, the session sealed.

Their form is the channel's own: to the core both are text. `marks` is the stored name of a position.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.crypto import DataKey, Envelope, Purpose
from shared.model.ids import Channel, Epoch, TenantId
from shared.store import keys
from shared.store.fenced import FencedStore


@dataclass(frozen=True)
class Saved:
    """What is stored of an account: its session and position, as the channel wrote them, and when its last event came."""

    session: str | None = None
    position: str | None = None
    last_event_at: datetime | None = None


class SessionStore:
    """Loads and saves one account's session and position, fenced by the epoch under which its account is owned.

    Blocking: call it on a thread.
    """

    def __init__(self, tenant_id: TenantId, channel: Channel, epoch: Epoch, fenced: FencedStore, envelope: Envelope) -> None:
        self._tenant_id = tenant_id
        self._channel = channel
        self._epoch = epoch
        self._fenced = fenced
        self._envelope = envelope
        self._data_key: DataKey | None = None

    def load(self) -> Saved:
        """Fence both items, which ends what earlier owners may write, and return what they hold.

        Two writes and one unwrap. Raises Superseded, and Unreadable where the session cannot be decrypted.
        """
        session = self._fenced.load(self._session, self._epoch)
        position = self._fenced.load(self._position, self._epoch)
        return Saved(self._opened(session), position.get("marks"), _last_event_at(position))

    def save_session(self, session: str | None) -> None:
        """Seal and store the session under a fresh nonce, or erase it. Raises Superseded."""
        if session is None:
            self._data_key = None
            self._fenced.clear(self._session, self._epoch)
            return
        if self._data_key is None:
            self._data_key = self._envelope.new_key(self._tenant_id, Purpose.SESSION)
        sealed = self._data_key.seal(session.encode())
        self._fenced.save(self._session, self._epoch, {"data_key": self._data_key.wrapped, "sealed": sealed})

    def save_position(self, position: str | None, last_event_at: datetime | None = None) -> None:
        """Store the position, or erase it. Raises Superseded.

        The last event's time goes along: on the account's row it would cost a write of its own.
        """
        fields = {"marks": position} if position else {}
        if position and last_event_at:
            fields["last_event_at"] = last_event_at.isoformat()
        self._fenced.save(self._position, self._epoch, fields)

    @property
    def _session(self) -> dict[str, str]:
        return keys.session(self._tenant_id, self._channel)

    @property
    def _position(self) -> dict[str, str]:
        return keys.update_state(self._tenant_id, self._channel)

    def _opened(self, fields: dict[str, Any]) -> str | None:
        if "sealed" not in fields:
            return None
        self._data_key = self._envelope.unwrap(self._tenant_id, Purpose.SESSION, fields["data_key"])
        return self._data_key.open(fields["sealed"]).decode()


def _last_event_at(fields: dict[str, Any]) -> datetime | None:
    return datetime.fromisoformat(fields["last_event_at"]) if "last_event_at" in fields else None
