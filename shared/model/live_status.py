"""The live status of an account. Its owner answers it from memory; it is not stored, so it is never stale."""

from __future__ import annotations

from datetime import datetime

from shared.model.frozen import FrozenModel


class Live(FrozenModel):
    """The connection of an account.

    `down_since`: when the connection was lost, or first tried. `synced_at`: when the messenger last confirmed that no update is missing.
    `last_error`: why there is no connection, once more than one attempt has failed.
    """

    connected: bool = False
    connected_since: datetime | None = None
    down_since: datetime | None = None
    synced_at: datetime | None = None
    last_event_at: datetime | None = None
    last_error: str | None = None
