"""The commands about people: the account itself, users, contacts, and whom a name or phone leads to."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.model.event import ChatType
from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result
from shared.rpc.paging import Paged
from shared.rpc.recipient import Recipient


class LastSeen(BaseModel):
    """When a person was last online, as exactly as they show it. `at`: of `online` until when at most, of `offline` since when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["online", "offline", "recently", "within_week", "within_month"]
    at: datetime | None = None


class Person(Result):
    """A user. What the messenger does not show to this account is None."""

    user_id: MessengerId
    name: str | None = Field(None, repr=False)
    first_name: str | None = Field(None, repr=False)
    last_name: str | None = Field(None, repr=False)
    username: str | None = Field(None, repr=False)
    more_usernames: tuple[str, ...] = Field((), repr=False)
    phone: str | None = Field(None, repr=False)
    bot: bool = False
    contact: bool = False
    mutual_contact: bool = False
    deleted: bool = False
    premium: bool = False
    verified: bool = False
    last_seen: LastSeen | None = None


class PersonInFull(Person):
    """A user, with what the messenger tells of one at a time."""

    about: str | None = Field(None, repr=False)
    blocked: bool = False
    common_chats_count: int = 0


class ContactPage(Result):
    """Some contacts, by user id. `next` is the cursor of the next page."""

    people: tuple[Person, ...]
    next: str | None = None


class AddedContact(Result):
    """Who was added; None if nobody with this phone is found at the messenger."""

    person: Person | None = None


class FoundPeer(Result):
    """Whom a name, phone or id leads to; all is None if it leads to nobody."""

    chat_id: MessengerId | None = None
    chat_type: ChatType | None = None
    name: str | None = Field(None, repr=False)
    username: str | None = Field(None, repr=False)
    phone: str | None = Field(None, repr=False)


class GetSelf(Command[PersonInFull]):
    """Return the account's own user."""

    name = "me"
    since = 3
    repeatable = True


class GetPerson(Command[PersonInFull]):
    """Return a user."""

    name = "users/get"
    since = 3
    repeatable = True

    to: Recipient = Field(repr=False)


class FindPeer(Command[FoundPeer]):
    """Tell whom a name, phone or id leads to. Nothing is sent, and no contact is added."""

    name = "peers/resolve"
    since = 3
    repeatable = True

    to: Recipient = Field(repr=False)


class ListContacts(Paged, Command[ContactPage]):
    """Return the account's contacts."""

    name = "contacts"
    since = 3
    repeatable = True


class AddContact(Command[AddedContact]):
    """Add a phone to the account's contacts, or give the contact with this phone another name."""

    name = "contacts/add"
    since = 3
    repeatable = True

    phone: str = Field(repr=False, pattern=r"^\+[1-9][0-9]{6,14}$")
    first_name: str = Field(repr=False)
    last_name: str = Field("", repr=False)
