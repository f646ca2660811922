"""How an account is doing this moment, as its owner answers when asked: nothing of it is written, so nothing of it is old."""

from __future__ import annotations

from datetime import datetime

from shared.model.frozen import FrozenModel


class Live(FrozenModel):
    """`down_since` is when the connection was lost, or first tried for; `synced_at` when Telegram last confirmed that nothing is missing.

    `last_error` is why there is no connection, where that has failed more than once.
    """

    connected: bool = False
    connected_since: datetime | None = None
    down_since: datetime | None = None
    synced_at: datetime | None = None
    last_event_at: datetime | None = None
    last_error: str | None = None
