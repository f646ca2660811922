"""The server's parts, put together once."""

from __future__ import annotations

from dataclasses import dataclass

from local.telegram.acts.basic_groups import BasicGroups
from local.telegram.acts.channels import Channels
from local.telegram.acts.chats import Chats
from local.telegram.acts.files import Files
from local.telegram.acts.logins import Logins
from local.telegram.acts.membership import Membership
from local.telegram.acts.publisher import Publisher
from local.telegram.acts.talk import Talk
from local.telegram.changes import Changes
from local.telegram.clock import Clock
from local.telegram.counters import Counters
from local.telegram.faults import Faults
from local.telegram.model.challenges import Challenges
from local.telegram.model.world import World
from local.telegram.network.hub import Hub
from local.telegram.settings import Settings
from local.telegram.views.company import Company
from local.telegram.views.groups import GroupViews
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
    groups: GroupViews
    company: Company
    publisher: Publisher
    talk: Talk
    membership: Membership
    logins: Logins
    files: Files
    challenges: Challenges

    @classmethod
    def over(cls, world: World, clock: Clock, settings: Settings) -> Services:
        """Build everything over a world."""
        counters, faults, changes, people = Counters(), Faults(), Changes(), People(world, settings)
        groups = GroupViews(world, people)
        company = Company(world, people, groups)
        hub = Hub(world, clock, settings, counters, faults)
        publisher = Publisher(world, clock, settings, changes, hub, people, company)
        chats = Chats(world, clock, changes, hub, publisher)
        basic_groups, channels = BasicGroups(world, clock, changes, publisher), Channels(world, clock, changes, publisher)
        talk = Talk(world, clock, counters, publisher, chats, basic_groups, channels)
        membership = Membership(world, clock, changes, publisher, talk)
        logins = Logins(world, clock, changes, hub, chats)
        return cls(
            world=world,
            clock=clock,
            settings=settings,
            counters=counters,
            faults=faults,
            changes=changes,
            hub=hub,
            people=people,
            groups=groups,
            company=company,
            publisher=publisher,
            talk=talk,
            membership=membership,
            logins=logins,
            files=Files(world, clock),
            challenges=Challenges(),
        )
