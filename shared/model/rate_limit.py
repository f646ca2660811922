"""How much a tenant may do at its messenger: so many requests in so many seconds (contract M3)."""

from __future__ import annotations

from shared.model.frozen import StoredModel

LARGEST_RING = 100
"""The highest limit that is counted exactly. Above it a token bucket counts, which lets up to twice the limit through in a window."""
MAX_LIMIT, MAX_WINDOW_S = 10_000, 3600


class RateLimit(StoredModel):
    """At most `limit` requests in any `window_s` seconds."""

    limit: int = 10
    window_s: int = 60

    @property
    def exact(self) -> bool:
        """Whether each request is counted by its time."""
        return self.limit <= LARGEST_RING


DEFAULT = RateLimit()
