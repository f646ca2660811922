"""One call of a method: who calls, over which connection, and what the server has to answer with."""

from __future__ import annotations

from dataclasses import dataclass

from testing.telegram_server.model.box import Box
from testing.telegram_server.model.key import Key
from testing.telegram_server.model.person import Person
from testing.telegram_server.model.world import World
from testing.telegram_server.network.connection import Connection
from testing.telegram_server.rpc.errors import unauthorized
from testing.telegram_server.services import Services


@dataclass(slots=True)
class Call:
    """What every method is given besides its request."""

    services: Services
    connection: Connection
    key: Key

    @property
    def me(self) -> Person:
        """Return the person who is logged in."""
        if self.key.user_id is None:
            raise unauthorized()
        return self.world.people[self.key.user_id]

    @property
    def box(self) -> Box:
        return self.world.box(self.me.id)

    @property
    def world(self) -> World:
        return self.services.world

    @property
    def now(self) -> int:
        return self.services.clock.now()
