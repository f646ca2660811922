"""The server's parts, put together once."""

from __future__ import annotations

from dataclasses import dataclass

from testing.telegram_server.actions.basic_groups import BasicGroups
from testing.telegram_server.actions.channels import Channels
from testing.telegram_server.actions.chats import Chats
from testing.telegram_server.actions.files import Files
from testing.telegram_server.actions.logins import Logins
from testing.telegram_server.actions.membership import Membership
from testing.telegram_server.actions.publisher import Publisher
from testing.telegram_server.actions.qr_logins import QrLogins
from testing.telegram_server.actions.talk import Talk
from testing.telegram_server.changes import Changes
from testing.telegram_server.clock import Clock
from testing.telegram_server.counters import Counters
from testing.telegram_server.faults import Faults
from testing.telegram_server.model.challenges import Challenges
from testing.telegram_server.model.world import World
from testing.telegram_server.network.hub import Hub
from testing.telegram_server.settings import Settings
from testing.telegram_server.views.groups import GroupViews
from testing.telegram_server.views.people import People
from testing.telegram_server.views.related_entities import Company


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
    qr_logins: QrLogins
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
            qr_logins=QrLogins(world, clock, hub),
            files=Files(world, clock),
            challenges=Challenges(),
        )
