"""The password challenges that wait for their proof; they live in memory and are good for one try."""

from __future__ import annotations

from collections import OrderedDict

from testing.telegram_server.model.key import Key
from testing.telegram_server.model.password import Challenge, Verifier

_KEPT = 10_000


class Challenges:
    """At most one challenge per key."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, Challenge] = OrderedDict()

    def ask(self, key: Key, verifier: Verifier) -> Challenge:
        """Make the challenge that this key must answer next; an earlier one is void."""
        self._asked.pop(key.name, None)
        made = self._asked[key.name] = Challenge.to(verifier)
        if len(self._asked) > _KEPT:
            self._asked.popitem(last=False)
        return made

    def take(self, key: Key, srp_id: int) -> Challenge | None:
        """Return and forget what this key was asked, if it was asked under this id."""
        asked = self._asked.pop(key.name, None)
        return asked if asked is not None and asked.srp_id == srp_id else None
