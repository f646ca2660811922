"""What a callback gets of the kinds of events beside `message` (contract C7): a model for each, which the OpenAPI document has too."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from shared.message_body import Exact, Iso, MessageBody, absent, message_body
from shared.model.event import (
    AccountStatusChanged,
    ChatJoined,
    ChatLeft,
    ChatMigrated,
    Event,
    Membership,
    MessageEdited,
    MessageReacted,
    MessagesDeleted,
    MessageSent,
    MessagesRead,
    ProviderReady,
)

Absent = Field(exclude_if=absent)
ChatKind = Literal["private", "group", "channel"]
Kind = Annotated[ChatKind | None, Absent]


class EventEnvelope(BaseModel):
    """The fields of every event."""

    tenant_id: str
    id: Annotated[str, Field(description="The same in every attempt and every replay; also the `webhook-id`.")]
    channel: str
    tenant: Annotated[Exact, Field(description="The tenant's number.")]
    backfilled: Annotated[bool, Field(description="Whether it was fetched afterwards, and did not come as it happened.")]


class MessageEditedBody(EventEnvelope):
    """A message has another text or media; `message` is how it is now, and `message.edited_at` when it was edited."""

    event: Literal["message.edited"]
    message: MessageBody


class MessageSentBody(EventEnvelope):
    """The account wrote a message on another device, not through Avio."""

    event: Literal["message.sent"]
    message: MessageBody


class DeletedBody(BaseModel):
    """Which messages. Outside supergroups and channels Telegram does not say in which chat: `chat_id` is null."""

    chat_id: Exact | None
    chat_type: Kind
    message_ids: list[Exact]


class MessagesDeletedBody(EventEnvelope):
    """Messages were deleted."""

    event: Literal["message.deleted"]
    deleted: DeletedBody


class ReadBody(BaseModel):
    """How far a chat was read: all of the account's messages up to this one."""

    chat_id: Exact
    chat_type: Kind
    up_to_message_id: Exact
    by_account: Annotated[bool, Field(description="Whether the account itself read it, on another device.")]


class MessagesReadBody(EventEnvelope):
    """The other side has read what the account wrote."""

    event: Literal["message.read"]
    read: ReadBody


class ReactionCountBody(BaseModel):
    """One reaction, and how many people gave it."""

    emoji: Annotated[str | None, Absent]
    custom_emoji_id: Annotated[str | None, Absent]
    count: Exact
    by_account: Annotated[bool | None, Field(exclude_if=absent, description="True where the account is among them.")]


class ReactorBody(BaseModel):
    """Somebody who reacted."""

    sender_id: Exact
    emoji: Annotated[str | None, Absent]
    custom_emoji_id: Annotated[str | None, Absent]
    date: Annotated[Iso | None, Absent]


class ReactionBody(BaseModel):
    """All reactions to a message as they are now: none where they were taken back."""

    chat_id: Exact
    chat_type: Kind
    message_id: Exact
    counts: list[ReactionCountBody]
    recent: Annotated[list[ReactorBody], Field(description="The latest people who reacted, where Telegram names them.")]


class MessageReactedBody(EventEnvelope):
    """Somebody reacted to a message, or took that back."""

    event: Literal["message.reaction"]
    reaction: ReactionBody


class MembershipBody(BaseModel):
    """Who came or left. `by_id`: who else added or removed them. `account`: whether the account itself is among them."""

    chat_id: Exact
    chat_type: ChatKind
    message_id: Exact
    date: Iso
    user_ids: list[Exact]
    by_id: Annotated[Exact | None, Absent]
    account: bool


class ChatJoinedBody(EventEnvelope):
    """People came into a group."""

    event: Literal["chat.joined"]
    joined: MembershipBody


class ChatLeftBody(EventEnvelope):
    """Somebody left a group, or was removed from it."""

    event: Literal["chat.left"]
    left: MembershipBody


class MigrationBody(BaseModel):
    """The group's id before and after."""

    chat_id: Exact
    to_chat_id: Exact
    date: Iso


class ChatMigratedBody(EventEnvelope):
    """A basic group has become a supergroup, with another id."""

    event: Literal["chat.migrated"]
    migrated: MigrationBody


class StatusBody(BaseModel):
    """The account's state and its reason, as in `GET /tenants/{tenant}/status`."""

    state: str
    reason: Annotated[str | None, Absent]
    at: Annotated[Iso | None, Field(exclude_if=absent, description="When it changed.")]
    stale: Annotated[
        bool | None, Field(exclude_if=absent, description="True: the connection failed, events come late. False: it has recovered.")
    ]
    last_error: Annotated[str | None, Field(exclude_if=absent, description="Why the connection failed.")]


class AccountStatusBody(EventEnvelope):
    """The account's state has changed."""

    event: Literal["account.status"]
    status: StatusBody


class ReadyBody(BaseModel):
    """What the provider said of its session, and when it was ready."""

    state: Annotated[str | None, Absent]
    at: Annotated[Iso | None, Absent]


class ProviderReadyBody(EventEnvelope):
    """A provider's session is logged in."""

    event: Literal["ready"]
    ready: ReadyBody


BODIES = (
    MessageEditedBody,
    MessageSentBody,
    MessagesDeletedBody,
    MessagesReadBody,
    MessageReactedBody,
    ChatJoinedBody,
    ChatLeftBody,
    ChatMigratedBody,
    AccountStatusBody,
    ProviderReadyBody,
)


def telegram_body(event: Event, names: dict[str, Any], base_url: str) -> EventEnvelope | None:
    """Return the body of an event of Telegram's; None for a kind that has no model here. Ids are numbers, as Telegram's users know them."""
    names = {**names, "backfilled": event.backfilled, "event": event.event}
    match event:
        case MessageEdited():
            body = message_body(event.channel, event.message, names["tenant_id"], base_url)
            return MessageEditedBody(**names, message=body if body.edited_at else body.model_copy(update={"edited_at": event.edited_at}))
        case MessageSent():
            return MessageSentBody(**names, message=message_body(event.channel, event.message, names["tenant_id"], base_url))
        case MessagesDeleted():
            return MessagesDeletedBody(**names, deleted=DeletedBody.model_validate(event.deleted.model_dump()))
        case MessagesRead():
            return MessagesReadBody(**names, read=ReadBody.model_validate(event.read.model_dump()))
        case MessageReacted():
            return MessageReactedBody(**names, reaction=ReactionBody.model_validate(event.reaction.model_dump()))
        case ChatJoined():
            return ChatJoinedBody(**names, joined=_membership(event.joined))
        case ChatLeft():
            return ChatLeftBody(**names, left=_membership(event.left))
        case ChatMigrated():
            return ChatMigratedBody(**names, migrated=MigrationBody.model_validate(event.migrated.model_dump()))
        case AccountStatusChanged():
            return AccountStatusBody(**names, status=StatusBody.model_validate(event.status.model_dump()))
    return None


def ready_body(event: ProviderReady, names: dict[str, Any]) -> ProviderReadyBody:
    """Return the body of a provider's session that is ready."""
    ready = ReadyBody.model_validate(event.ready.model_dump())
    return ProviderReadyBody(**names, backfilled=event.backfilled, event=event.event, ready=ready)


def _membership(membership: Membership) -> MembershipBody:
    return MembershipBody.model_validate(membership.model_dump())
