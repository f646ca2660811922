"""The tokens of QR log-ins (https://core.telegram.org/api/qr-login). They live in memory: a token is good for half a minute.

exported by a key -> accepted by a person -> exported once more, or imported at the person's data centre -> that key is logged in
"""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass, field

from testing.telegram_server.model.key import Key

LINK = "tg://login?token="
_BYTES = 32


@dataclass(slots=True)
class LoginToken:
    """A token. `key_name` is the key that showed it, `excluded` are people whose log-in is not wanted; `person_id` has accepted it."""

    key_name: str
    expires_at: int
    excluded: frozenset[int] = frozenset()
    value: bytes = field(default_factory=lambda: secrets.token_bytes(_BYTES), repr=False)
    person_id: int | None = None
    used: bool = False


class LoginTokens:
    """All tokens, by their value. Those that are over are forgotten a while after, so that an expired one can be told from a wrong one."""

    def __init__(self, kept_s: int = 600) -> None:
        self._kept_s = kept_s
        self._all: dict[bytes, LoginToken] = {}

    def make(self, key: Key, now: int, lifetime_s: int, excluded: frozenset[int]) -> LoginToken:
        """Make a token for a key. Its earlier ones stay good until they expire."""
        self._all = {value: token for value, token in self._all.items() if token.expires_at + self._kept_s > now}
        token = LoginToken(key.name, now + lifetime_s, excluded)
        self._all[token.value] = token
        return token

    def find(self, value: bytes) -> LoginToken | None:
        return self._all.get(value)

    def accepted(self, key: Key) -> LoginToken | None:
        """Return the token of a key that a person has accepted and that has not logged anybody in yet."""
        waiting = (token for token in self._all.values() if token.key_name == key.name and token.person_id is not None and not token.used)
        return next(waiting, None)


def token_in(link: str) -> bytes | None:
    """Return the token in what a QR code says, or None if that is no log-in link."""
    if not link.startswith(LINK):
        return None
    text = link.removeprefix(LINK)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
