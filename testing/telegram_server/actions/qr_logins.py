"""Accepting a QR log-in, from a client or from a phone that the control interface holds (https://core.telegram.org/api/qr-login)."""

from __future__ import annotations

from telethon.tl import types

from testing.telegram_server.clock import Clock
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.login_tokens import LoginToken, LoginTokens
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.network.hub import Hub


class TokenRefusedError(Exception):
    """A token that cannot be accepted or imported; the message is Telegram's name for why."""


class QrLogins:
    """The tokens, and what becomes of them."""

    def __init__(self, world: World, clock: Clock, hub: Hub) -> None:
        self._world, self._clock, self._hub = world, clock, hub
        self.tokens = LoginTokens()

    def accept(self, person: Person, value: bytes, accepting: Key | None = None) -> Key:
        """Let a person log the key in that shows a token; return that key. Its client is told by `updateLoginToken`.

        Raises TokenRefusedError.
        """
        token = self.alive(value)
        if token.person_id is not None:
            raise TokenRefusedError("AUTH_TOKEN_ALREADY_ACCEPTED")
        key = self._world.keys.get(token.key_name)
        if key is None or key is accepting:
            raise TokenRefusedError("AUTH_TOKEN_INVALIDX")
        if person.id in token.excluded:
            raise TokenRefusedError("AUTH_TOKEN_EXCEPTION")
        token.person_id = person.id
        self._hub.tell(key, types.UpdateShort(types.UpdateLoginToken(), self._clock.now()), person)
        return key

    def imported(self, value: bytes) -> LoginToken:
        """Return an accepted token that a key at another data centre shows; raises TokenRefusedError."""
        found = self.tokens.find(value)
        if found is not None and found.used:
            raise TokenRefusedError("AUTH_TOKEN_ALREADY_ACCEPTED")
        token = self.alive(value)
        if token.person_id is None:
            raise TokenRefusedError("AUTH_TOKEN_INVALID")
        return token

    def alive(self, value: bytes) -> LoginToken:
        """Return a token that is still good; raises TokenRefusedError."""
        token = self.tokens.find(value)
        if token is None:
            raise TokenRefusedError("AUTH_TOKEN_INVALIDX")
        if self._clock.now() >= token.expires_at:
            raise TokenRefusedError("AUTH_TOKEN_EXPIRED")
        return token
