"""What the routes that read answer with. Ids are Telegram's own numbers, as in events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from shared.message_body import MessageBody, message_body
from shared.model.event import ChatType, Message
from shared.model.ids import Channel, TenantId
from shared.rpc.chats import Chat, ChatInFull, Member, Role
from shared.rpc.people import FoundPeer, Person, PersonInFull


@dataclass(frozen=True)
class ReadingTenant:
    """The tenant that reads, and when. `base_url` is where the outside reaches the API, empty if that is not known."""

    tenant_id: TenantId
    now: datetime
    base_url: str

    def body_of(self, message: Message) -> MessageBody:
        """Return a message as events carry it."""
        return message_body(Channel.TELEGRAM, message, self.tenant_id, self.base_url)


class LastSeenView(BaseModel):
    """When somebody was last online, as exactly as they show it to this account."""

    status: Literal["online", "offline", "recently", "within_week", "within_month"]
    at: Annotated[datetime | None, Field(description="With `online`: until when at most. With `offline`: since when.")]


class PersonView(BaseModel):
    """A user. What Telegram does not show to this account is null. Of a deleted account there is no more than its id."""

    user_id: Annotated[int, Field(description="A `peer` to send to.")]
    name: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    more_usernames: Annotated[list[str], Field(description="Other usernames of theirs.")]
    phone: str | None
    bot: bool
    contact: Annotated[bool, Field(description="Whether they are in the account's contacts.")]
    mutual_contact: Annotated[bool, Field(description="Whether the account is in theirs, too.")]
    deleted: bool
    premium: bool
    verified: bool
    last_seen: LastSeenView | None

    @classmethod
    def of(cls, person: Person) -> Self:
        """Return a user in Telegram's own numbers."""
        return cls.model_validate(person.model_dump())


class PersonDetail(PersonView):
    """A user, with what Telegram tells of one at a time."""

    about: str | None
    blocked: Annotated[bool, Field(description="Whether the account has blocked them.")]
    common_chats_count: Annotated[int, Field(description="How many groups both are in.")]

    @classmethod
    def in_full(cls, person: PersonInFull) -> PersonDetail:
        """Return a user in Telegram's own numbers."""
        return cls.model_validate(person.model_dump())


class ChatView(BaseModel):
    """A chat as the account has it in its list."""

    chat_id: Annotated[int, Field(description="The chat's marked id, as events carry it; a `peer` to send to.")]
    chat_type: Annotated[ChatType, Field(description="Supergroups are groups; `channel` is a broadcast channel.")]
    title: Annotated[str | None, Field(description="Of a private chat the person's name. Null for a deleted account.")]
    username: str | None
    unread_count: int
    marked_unread: bool
    muted: Annotated[bool, Field(description="Whether it is muted by itself; the settings for all chats of a kind do not count.")]
    pinned: bool
    archived: bool
    last_message_at: Annotated[datetime | None, Field(description="When the last thing there happened.")]
    last_message: Annotated[MessageBody | None, Field(description="Null where the last thing is no message: somebody joined, say.")]

    @classmethod
    def of(cls, chat: Chat, reader: ReadingTenant) -> Self:
        """Return a chat in Telegram's own numbers."""
        return cls.model_validate(_fields(chat, reader))


class ChatDetail(ChatView):
    """A chat, with what Telegram tells of one at a time."""

    about: Annotated[str | None, Field(description="What the group, channel or person says of itself.")]
    members_count: Annotated[int | None, Field(description="Null in private chats, and where it is not shown.")]
    member: Annotated[bool, Field(description="Whether the account is in it; a public group or channel can be read from outside.")]
    read_up_to: Annotated[int | None, Field(description="The account has read everything up to this message.")]
    others_read_up_to: Annotated[int | None, Field(description="The others have read the account's messages up to this one.")]

    @classmethod
    def in_full(cls, chat: ChatInFull, reader: ReadingTenant) -> ChatDetail:
        """Return a chat in Telegram's own numbers."""
        return cls.model_validate(_fields(chat, reader))


class MemberView(BaseModel):
    """Somebody in a group or channel."""

    user: PersonView
    role: Annotated[Role, Field(description="`restricted`: in it, without some of the rights.")]
    title: Annotated[str | None, Field(description="What the chat calls them beside their name.")]
    joined_at: datetime | None
    invited_by_id: int | None

    @classmethod
    def of(cls, member: Member) -> MemberView:
        """Return a member in Telegram's own numbers."""
        fields = member.model_dump(exclude={"person", "by_id"})
        return cls.model_validate({"user": member.person.model_dump(), "invited_by_id": member.by_id, **fields})


class AddedContactView(BaseModel):
    """Whether the phone leads to somebody on Telegram, who is a contact of the account then."""

    on_telegram: Annotated[bool, Field(description="False also of people who do not let others find them by their phone.")]
    contact: PersonView | None

    @classmethod
    def of(cls, person: Person | None) -> AddedContactView:
        """Return who was added."""
        return cls(on_telegram=person is not None, contact=PersonView.of(person) if person else None)


class ResolvedPeer(BaseModel):
    """Whom a name, phone or id leads to. Where it leads to nobody, `exists` is false and the rest null."""

    exists: Annotated[bool, Field(description="False also of people who do not let others find them by their phone.")]
    peer_resolved: Annotated[int | None, Field(description="The chat's marked id, as events carry it.")]
    chat_type: ChatType | None
    title: str | None
    username: str | None
    phone: str | None

    @classmethod
    def of(cls, found: FoundPeer) -> ResolvedPeer:
        """Return whom was found in Telegram's own numbers."""
        fields = {"exists": found.chat_id is not None, "peer_resolved": found.chat_id, "title": found.name}
        return cls.model_validate({**found.model_dump(include={"chat_type", "username", "phone"}), **fields})


def _fields(chat: Chat, reader: ReadingTenant) -> dict[str, Any]:
    own = chat.model_dump(exclude={"muted_until", "last_message"})
    last = reader.body_of(chat.last_message) if chat.last_message else None
    return {**own, "muted": chat.muted_until is not None and chat.muted_until > reader.now, "last_message": last}
