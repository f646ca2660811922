"""The server's parts, put together once."""

from __future__ import annotations

from dataclasses import dataclass

from local.telegram.acts.chats import Chats
from local.telegram.acts.files import Files
from local.telegram.acts.logins import Logins
from local.telegram.changes import Changes
from local.telegram.clock import Clock
from local.telegram.counters import Counters
from local.telegram.faults import Faults
from local.telegram.model.challenges import Challenges
from local.telegram.model.world import World
from local.telegram.network.hub import Hub
from local.telegram.settings import Settings
from local.telegram.views.people import People


@dataclass(slots=True)
class Services:
    """Everything that a request or a control operation may need."""

    world: World
    clock: Clock
    settings: Settings
    counters: Counters
    faults: Faults
    changes: Changes
    hub: Hub
    people: People
    chats: Chats
    logins: Logins
    files: Files
    challenges: Challenges

    @classmethod
    def over(cls, world: World, clock: Clock, settings: Settings) -> Services:
        """Build everything over a world."""
        counters, faults, changes, people = Counters(), Faults(), Changes(), People(world)
        hub = Hub(world, clock, settings, counters, faults)
        chats = Chats(world, clock, settings, counters, changes, hub, people)
        logins = Logins(world, clock, changes, hub, chats)
        files = Files(world, clock)
        return cls(world, clock, settings, counters, faults, changes, hub, people, chats, logins, files, Challenges())
