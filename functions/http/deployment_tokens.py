"""The deployment's tokens: compared by digest, read once a minute."""

from __future__ import annotations

import hmac
from threading import Lock

from cachetools import TTLCache

from shared.clock import Clock
from shared.model.tenant import digest
from shared.store.table import StoreUnavailable
from shared.store.tokens import TokenDigests, TokenStore

FRESH_S = 60.0
_KEY = "digests"


class DeploymentTokens:
    """Tells which token is which. Holds digests only; a rotated token is known within a minute."""

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self._store = store
        self._fresh: TTLCache[str, TokenDigests] = TTLCache(1, FRESH_S, timer=clock.boottime)
        self._lock = Lock()
        self._last = TokenDigests()

    def is_admin(self, token: str) -> bool:
        """Tell whether this is the administrator's token, in constant time; raises StoreUnavailable before the first read."""
        return _same(self._digests().admin, token)

    def is_public(self, token: str) -> bool:
        """Tell whether this is the public key, in constant time. Without a public key the administrator's token serves as one (G6)."""
        digests = self._digests()
        return _same(digests.public or digests.admin, token)

    @property
    def without_public_key(self) -> bool:
        """Whether the deployment has no public key."""
        return self._digests().public is None

    def is_wa_web(self, token: str) -> bool:
        """Tell whether this is the token of the providers' software, in constant time; raises StoreUnavailable before the first read."""
        return _same(self._digests().wa_web, token)

    def _digests(self) -> TokenDigests:
        """Return the digests: as read within a minute or, while the store does not answer, as read last.

        Digests without an admin token are not kept: the first deployment has yet to write them.
        """
        with self._lock:
            fresh = self._fresh.get(_KEY)
        if fresh is not None:
            return fresh
        try:
            read = self._store.get()
        except StoreUnavailable:
            if self._last.admin is None:
                raise
            return self._last
        with self._lock:
            self._last = read
            if read.admin is not None:
                self._fresh[_KEY] = read
        return read


def _same(stored: str | None, token: str) -> bool:
    return stored is not None and hmac.compare_digest(stored, digest(token))
