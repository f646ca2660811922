"""The commands that read chats: the list, one chat, its messages, its members."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.model.event import ChatType, Message
from shared.model.ids import MessengerId
from shared.rpc.command import Command, Result
from shared.rpc.paging import Paged
from shared.rpc.people import Person
from shared.rpc.recipient import Recipient

Role = Literal["creator", "admin", "member", "restricted"]


class Chat(Result):
    """A chat as the account has it in its list. `last_message` is None where the last thing there is no message, or cannot be read.

    `muted_until` may be past; a chat that follows the settings for all chats of its kind has none.
    """

    chat_id: MessengerId
    chat_type: ChatType
    title: str | None = Field(None, repr=False)
    username: str | None = Field(None, repr=False)
    unread_count: int = 0
    marked_unread: bool = False
    muted_until: datetime | None = None
    pinned: bool = False
    archived: bool = False
    last_message_at: datetime | None = None
    last_message: Message | None = Field(None, repr=False)


class ChatInFull(Chat):
    """A chat, with what the messenger tells of one at a time. `about` and `members_count` are None where they are not shown."""

    about: str | None = Field(None, repr=False)
    members_count: int | None = None
    member: bool = True
    read_up_to: MessengerId | None = None
    others_read_up_to: MessengerId | None = None


class ChatPage(Result):
    """Some chats, in the order of the account's own list. `next` is the cursor of the next page."""

    chats: tuple[Chat, ...]
    next: str | None = None


class MessagePage(Result):
    """Some messages of a chat, the newest first. `next` is the cursor of the next page."""

    messages: tuple[Message, ...] = Field(repr=False)
    next: str | None = None


class FoundMessage(Result):
    """A message."""

    message: Message = Field(repr=False)


class Member(Result):
    """Somebody in a group or channel. `title` is what the chat calls them, `by_id` who invited them."""

    person: Person
    role: Role
    title: str | None = Field(None, repr=False)
    joined_at: datetime | None = None
    by_id: MessengerId | None = None


class MemberPage(Result):
    """Some members. `next` is the cursor of the next page."""

    members: tuple[Member, ...]
    next: str | None = None


class ListChats(Paged, Command[ChatPage]):
    """Return the account's chats: the pinned first, then by last message; then the archived ones in the same order."""

    name = "chats"
    since = 3
    repeatable = True


class GetChat(Command[ChatInFull]):
    """Return one chat."""

    name = "chats/get"
    since = 3
    repeatable = True

    to: Recipient = Field(repr=False)


class ListMessages(Paged, Command[MessagePage]):
    """Return messages of a chat: those before one, after one, with some words in them."""

    name = "chats/messages"
    since = 3
    repeatable = True

    to: Recipient = Field(repr=False)
    before: MessengerId | None = None
    after: MessengerId | None = None
    query: str | None = Field(None, repr=False, max_length=256)


class GetMessage(Command[FoundMessage]):
    """Return one message of a chat."""

    name = "chats/message"
    since = 3
    repeatable = True

    to: Recipient = Field(repr=False)
    message_id: MessengerId


class ListMembers(Paged, Command[MemberPage]):
    """Return the members of a group or channel, all or those with a name that begins so."""

    name = "chats/members"
    since = 3
    repeatable = True

    to: Recipient = Field(repr=False)
    query: str | None = Field(None, repr=False, max_length=64)
