"""What happened on an account, as it is queued, stored and delivered.

    message            somebody wrote to the account          message.edited, message.deleted, message.read, message.reaction
    message.sent       the account wrote, elsewhere or here   account.status    its state has changed
    chat.joined, chat.left, chat.migrated           qr, ready    a provider shows a code, is logged in

An entry is the event's own fields and, under the name of its kind (`message`, `deleted`, ...), what happened. Ids of chats, users and
messages are text in the channel's own form; entries of earlier versions have Telegram's as numbers, which are read too.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter

from shared.model.account import AccountState
from shared.model.frozen import HIDDEN, FrozenModel, StoredModel
from shared.model.ids import Channel, EventId, MessengerId, TenantId

ChatType = Literal["private", "group", "channel"]


MediaType = Literal[
    "photo",
    "video",
    "voice",
    "audio",
    "file",
    "sticker",
    "animation",
    "video_note",
    "contact",
    "location",
    "venue",
    "poll",
    "dice",
    "game",
    "invoice",
    "story",
    "giveaway",
    "paid_media",
    "other",
]
"""What media is for. `other` is what the channel has and we have no word for."""


def _known_type(value: Any) -> Any:
    """Return a type of a later version as `other`: the event is read all the same."""
    return value if value in get_args(MediaType) or not isinstance(value, str) else "other"


class Media(StoredModel):
    """What hangs on a message. `id` names what can be fetched; `size` in bytes, `duration` in seconds; `name` where the sender gave one."""

    type: Annotated[MediaType, BeforeValidator(_known_type)]
    id: str | None = None
    mime_type: str | None = None
    name: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None


class Entity(FrozenModel):
    """A formatted piece of a text: `offset` and `length` count UTF-16 units. The other fields are there where the type has them."""

    type: str
    offset: int
    length: int
    url: str | None = None
    user_id: MessengerId | None = None
    language: str | None = None
    custom_emoji_id: str | None = None


class Forward(FrozenModel):
    """Where a message was forwarded from: who wrote it and when, and its id there where that is a channel."""

    date: datetime
    sender_id: MessengerId | None = None
    sender_name: str | None = None
    message_id: MessengerId | None = None
    author_signature: str | None = None


class Message(FrozenModel):
    """A message. Telegram's `chat_id` is the marked id (-100... for channels); `text` may be empty where media is set.

    Entries of earlier versions end with `media`.
    """

    chat_id: MessengerId
    message_id: MessengerId
    sender_id: MessengerId | None = None
    sender_username: str | None = None
    sender_name: str | None = None
    sender_phone: str | None = None
    chat_type: ChatType
    text: str
    date: datetime
    reply_to: MessengerId | None = None
    media: Media | None = None
    outgoing: bool | None = None
    """True where the account itself wrote it. Entries of earlier versions do not say: they are of others' messages."""

    entities: tuple[Entity, ...] | None = None
    album_id: str | None = None
    forward: Forward | None = None
    reply_chat_id: MessengerId | None = None
    reply_quote: str | None = None
    thread_id: MessengerId | None = None
    edited_at: datetime | None = None
    via_bot_id: MessengerId | None = None
    author_signature: str | None = None
    mentioned: bool | None = None


class Deletion(FrozenModel):
    """Messages that are gone. `chat_id` is None where the messenger names only the messages."""

    chat_id: MessengerId | None = None
    chat_type: ChatType | None = None
    message_ids: tuple[MessengerId, ...]


class Reading(FrozenModel):
    """How far a chat has been read. `by_account` tells the account's own reading from the others'."""

    chat_id: MessengerId
    chat_type: ChatType | None = None
    up_to_message_id: MessengerId
    by_account: bool


class ReactionCount(FrozenModel):
    """How many people gave a reaction: an emoji, or a custom one by its id. `by_account`: True where the account is among them."""

    emoji: str | None = None
    custom_emoji_id: str | None = None
    count: int
    by_account: bool | None = None


class Reactor(FrozenModel):
    """Somebody who reacted, and when."""

    sender_id: MessengerId
    emoji: str | None = None
    custom_emoji_id: str | None = None
    date: datetime | None = None


class Reaction(FrozenModel):
    """What the reactions to a message are now; none where they were taken back. With `sender_id` they are that person's."""

    chat_id: MessengerId
    chat_type: ChatType | None = None
    message_id: MessengerId
    sender_id: MessengerId | None = None
    emoji: tuple[str, ...]
    counts: tuple[ReactionCount, ...] = ()
    recent: tuple[Reactor, ...] = ()


class Membership(FrozenModel):
    """Who came into a chat or left it, and who else did that to them. `account`: whether the account itself is among them."""

    chat_id: MessengerId
    chat_type: ChatType
    message_id: MessengerId
    date: datetime
    user_ids: tuple[MessengerId, ...]
    by_id: MessengerId | None = None
    account: bool


class Migration(FrozenModel):
    """A group has another id from now on."""

    chat_id: MessengerId
    to_chat_id: MessengerId
    date: datetime


class StatusChange(FrozenModel):
    """The account's state and its reason, since `at`. `stale`: whether its connection has just failed (True) or come back (False)."""

    state: AccountState
    reason: str | None = None
    at: datetime | None = None
    stale: bool | None = None
    last_error: str | None = None


class LoginCode(FrozenModel):
    """A QR code to be scanned: `svg` shows it, until `expires_at`."""

    id: str
    svg: str = Field(repr=False)
    expires_at: datetime | None = None


class _Event(FrozenModel):
    """What every event carries. `received_at` is when the listener had it first."""

    id: EventId
    tenant_id: TenantId
    channel: Channel
    received_at: datetime
    backfilled: bool = False

    @property
    def chat_id(self) -> str | None:
        """The chat that it happened in, None where it happened in none."""
        return None

    @property
    def chat_type(self) -> ChatType | None:
        """What kind of chat that is, where it is known."""
        return None

    @property
    def chat(self) -> str:
        """The chat's name among the tenant's chats; what happens in none has a place of its own on each channel."""
        return f"{self.channel}:{self.chat_id or '-'}"

    @property
    def group(self) -> str:
        """The FIFO message group: what is ordered is one chat of one account."""
        return f"{self.tenant_id}:{self.chat}"


class _AboutMessage(_Event):
    message: Message

    @property
    def chat_id(self) -> str | None:
        """The message's chat."""
        return self.message.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """The kind of the message's chat."""
        return self.message.chat_type


class MessageReceived(_AboutMessage):
    """Somebody wrote to the account.

    `original`: for a provider's message, the other fields as the provider posted them, as JSON, without the text.
    """

    event: Literal["message"] = "message"
    original: str | None = Field(None, repr=False)


class MessageEdited(_AboutMessage):
    """A message has another text or media; `message` is how it is now."""

    event: Literal["message.edited"] = "message.edited"
    edited_at: datetime


class MessageSent(_AboutMessage):
    """The account wrote: on another device, or here."""

    event: Literal["message.sent"] = "message.sent"


class MessagesDeleted(_Event):
    """Messages were deleted."""

    event: Literal["message.deleted"] = "message.deleted"
    deleted: Deletion

    @property
    def chat_id(self) -> str | None:
        """The chat of the messages, where it is known."""
        return self.deleted.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """The kind of that chat, where it is known."""
        return self.deleted.chat_type


class MessagesRead(_Event):
    """A chat was read."""

    event: Literal["message.read"] = "message.read"
    read: Reading

    @property
    def chat_id(self) -> str | None:
        """The chat that was read."""
        return self.read.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """The kind of that chat, where it is known."""
        return self.read.chat_type


class MessageReacted(_Event):
    """Somebody reacted to a message, or took that back."""

    event: Literal["message.reaction"] = "message.reaction"
    reaction: Reaction

    @property
    def chat_id(self) -> str | None:
        """The chat of the message."""
        return self.reaction.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """The kind of that chat, where it is known."""
        return self.reaction.chat_type


class ChatJoined(_Event):
    """People came into a chat."""

    event: Literal["chat.joined"] = "chat.joined"
    joined: Membership

    @property
    def chat_id(self) -> str | None:
        """The chat."""
        return self.joined.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """The chat's kind."""
        return self.joined.chat_type


class ChatLeft(_Event):
    """Somebody left a chat, or was removed from it."""

    event: Literal["chat.left"] = "chat.left"
    left: Membership

    @property
    def chat_id(self) -> str | None:
        """The chat."""
        return self.left.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """The chat's kind."""
        return self.left.chat_type


class ChatMigrated(_Event):
    """A basic group has become a supergroup."""

    event: Literal["chat.migrated"] = "chat.migrated"
    migrated: Migration

    @property
    def chat_id(self) -> str | None:
        """The group as it was."""
        return self.migrated.chat_id

    @property
    def chat_type(self) -> ChatType | None:
        """It is a group."""
        return "group"


class AccountStatusChanged(_Event):
    """The account's state has changed."""

    event: Literal["account.status"] = "account.status"
    status: StatusChange


class QrShown(_Event):
    """A provider shows a QR code to log in by."""

    event: Literal["qr"] = "qr"
    qr: LoginCode


class ReadySession(FrozenModel):
    """What a provider said of its session; `at` is when it was ready."""

    state: str | None = None
    at: datetime | None = None


class ProviderReady(_Event):
    """A provider's session is logged in. Entries of earlier versions end with `event`."""

    event: Literal["ready"] = "ready"
    ready: ReadySession = ReadySession()


Event = (
    MessageReceived
    | MessageEdited
    | MessageSent
    | MessagesDeleted
    | MessagesRead
    | MessageReacted
    | ChatJoined
    | ChatLeft
    | ChatMigrated
    | AccountStatusChanged
    | QrShown
    | ProviderReady
)
"""One event of one account, as its queue entry carries it. `event` tells the kinds apart; entries without it are messages."""

MessageEvent = MessageReceived | MessageEdited | MessageSent
"""The kinds that carry a whole message."""


def _kind(value: Any) -> Any:
    """Return the kind of an entry; one that names none is a message."""
    return value.get("event", "message") if isinstance(value, dict) else getattr(value, "event", None)


StoredEvent = Annotated[
    Annotated[MessageReceived, Tag("message")]
    | Annotated[MessageEdited, Tag("message.edited")]
    | Annotated[MessageSent, Tag("message.sent")]
    | Annotated[MessagesDeleted, Tag("message.deleted")]
    | Annotated[MessagesRead, Tag("message.read")]
    | Annotated[MessageReacted, Tag("message.reaction")]
    | Annotated[ChatJoined, Tag("chat.joined")]
    | Annotated[ChatLeft, Tag("chat.left")]
    | Annotated[ChatMigrated, Tag("chat.migrated")]
    | Annotated[AccountStatusChanged, Tag("account.status")]
    | Annotated[QrShown, Tag("qr")]
    | Annotated[ProviderReady, Tag("ready")],
    Discriminator(_kind),
]
"""An event to be read: by its kind."""

_EVENTS: TypeAdapter[Event] = TypeAdapter(StoredEvent, config=HIDDEN)


def read_event(body: str | bytes) -> Event:
    """Return the event in its JSON; raises ValidationError, also for a kind that only a later version knows."""
    return _EVENTS.validate_json(body)


def event_id(
    channel: Channel, account_user_id: int | str, chat_id: int | str, message_id: int | str, kind: str, version: str = ""
) -> EventId:
    """Name an event by what happened, so that the same happening always gets the same id, whoever sees it and however often.

    Message ids of private chats are per account, hence the account's own user id. `version` tells edits of one message apart. Hashed to
    a fixed length that every queue and header takes.
    """
    name = f"{channel}/{account_user_id}/{chat_id}/{message_id}/{kind}/{version}"
    return EventId("evt_" + hashlib.sha256(name.encode()).hexdigest()[:32])
