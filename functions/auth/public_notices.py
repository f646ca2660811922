"""What the public routes warn of: that they are deprecated, and that a deployment without PUBLIC_KEY shows its admin token to browsers.

Each warning is logged once an hour at most, whichever containers serve. In the answer's headers the deprecation is told each time:
https://www.rfc-editor.org/rfc/rfc9745
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from threading import Lock

from aws_lambda_powertools import Logger
from cachetools import TTLCache

from functions.http.deployment_tokens import DeploymentTokens
from shared.clock import Clock
from shared.store.notices import NoticeStore
from shared.store.table import StoreUnavailable

SAID_EVERY = timedelta(hours=1)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
"""The time from which the routes are deprecated: they were so before there was an Avio that served them."""
DEPRECATED = "deprecated route"
NO_PUBLIC_KEY = "no public key"


class PublicNotices:
    """Logs the warnings that are due."""

    def __init__(self, store: NoticeStore, tokens: DeploymentTokens, clock: Clock, logger: Logger) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._logger = logger
        self._said: TTLCache[str, bool] = TTLCache(8, SAID_EVERY.total_seconds(), timer=clock.boottime)
        self._lock = Lock()

    def served(self, route: str, successor: str) -> None:
        """Warn of a public route that was called, by its template; the key in its address is not logged."""
        self._warn(DEPRECATED, {"route": route, "successor": successor})
        if self._tokens.without_public_key:
            self._warn(NO_PUBLIC_KEY, {"next_step": "Set PUBLIC_KEY: until then browsers are shown the admin token."})

    def _warn(self, message: str, fields: dict[str, str]) -> None:
        with self._lock:
            if message in self._said:
                return
            self._said[message] = True
        with contextlib.suppress(StoreUnavailable):
            if self._store.due(message, self._clock.now(), SAID_EVERY):
                self._logger.warning(message, extra=fields)


def headers(docs: str, successor: str) -> dict[str, str]:
    """Return the headers that tell of the deprecation."""
    links = f'<{docs}>; rel="deprecation"; type="text/html", <{successor}>; rel="successor-version"'
    return {"Deprecation": f"@{int(SINCE.timestamp())}", "Link": links}
