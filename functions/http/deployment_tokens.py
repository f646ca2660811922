"""The deployment's tokens: compared by digest, read once a minute."""

from __future__ import annotations

import hmac

from shared.clock import Clock
from shared.model.tenant import digest
from shared.store.table import StoreUnavailable
from shared.store.tokens import TokenDigests, TokenStore

FRESH_S = 60.0


class DeploymentTokens:
    """Answers which token is which. Holds digests only; a rotated token is known within a minute."""

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._digests = TokenDigests()
        self._read_at = -FRESH_S

    def is_admin(self, token: str) -> bool:
        """Tell whether this is the administrator's token, in constant time."""
        return _same(self._fresh().admin, token)

    def _fresh(self) -> TokenDigests:
        now = self._clock.boottime()
        if now - self._read_at >= FRESH_S or self._digests.admin is None:
            try:
                self._digests, self._read_at = self._store.get(), now
            except StoreUnavailable:
                if self._digests.admin is None:
                    raise
        return self._digests


def _same(stored: str | None, token: str) -> bool:
    return stored is not None and hmac.compare_digest(stored, digest(token))
