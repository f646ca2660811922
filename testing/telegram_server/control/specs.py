"""The bodies that the control interface takes."""

from __future__ import annotations

from typing import Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, field_validator

from testing.telegram_server.model.group import Kind, Role
from testing.telegram_server.model.person import Audience, Delivery
from testing.telegram_server.model.phone import normal

DataCentre = Literal[1, 2, 4]


class Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CodeSpec(Spec):
    """How log-in codes reach a person: the first delivery, then the next ones by auth.resendCode."""

    deliveries: list[Delivery] = Field(["app", "sms", "call"], min_length=1, max_length=8)
    length: int = Field(5, ge=3, le=10)
    lifetime_s: int = Field(300, ge=1)
    resend_after_s: int = Field(60, ge=0)
    fixed: str | None = Field(None, pattern=r"^\d{3,10}$", description="always this code")


class FreezeSpec(Spec):
    """A freeze: the person only reads. `until` is epoch seconds."""

    until: int = Field(ge=1, lt=1 << 31)
    appeal_url: str = "https://t.me/spambot?start=appeal"


class PersonSpec(Spec):
    """A person to be made. Without `registered` it is a phone number that has no Telegram account."""

    phone: str
    first_name: str = Field("", max_length=64)
    last_name: str = Field("", max_length=64)
    username: str | None = Field(None, pattern=r"^[A-Za-z]\w{3,31}$")
    more_usernames: list[str] = Field(default_factory=list, description="usernames besides the one")
    password: str | None = Field(None, min_length=1)
    password_hint: str = ""
    registered: bool = True
    banned: bool = False
    code: CodeSpec = Field(default_factory=CodeSpec)
    found_by_phone: Audience = "everybody"
    messages_from: Audience = "everybody"
    dc: DataCentre = 2
    about: str = Field("", max_length=140)

    @field_validator("phone")
    @classmethod
    def _phone_digits(cls, phone: str) -> str:
        digits = normal(phone)
        if digits is None:
            raise ValueError("not a phone number")
        return digits


class PersonPatch(Spec):
    """What to change of a person; what is not named stays. An empty password removes it, and `frozen: null` the freeze."""

    first_name: str | None = Field(None, max_length=64)
    last_name: str | None = Field(None, max_length=64)
    username: str | None = Field(None, pattern=r"^([A-Za-z]\w{3,31})?$")
    password: str | None = None
    password_hint: str = ""
    registered: bool | None = None
    banned: bool | None = None
    frozen: FreezeSpec | None = None
    spam_limited: bool | None = None
    code: CodeSpec | None = None
    found_by_phone: Audience | None = None
    messages_from: Audience | None = None
    dc: DataCentre | None = None
    about: str | None = Field(None, max_length=140)
    deleted: bool | None = None


class MediaSpec(Spec):
    """A file to be sent with a message; `raw` is what stands in place of the media, as TL, whether or not anybody can read it."""

    content: Base64Bytes
    kind: Literal["photo", "document", "raw"] = "document"
    name: str = "file"
    mime_type: str = "application/octet-stream"
    thumbnail: Base64Bytes | None = Field(None, description="of a document: a picture")
    ttl_seconds: int | None = Field(None, ge=1, description="it destroys itself so many seconds after it is viewed")


class SendSpec(Spec):
    """A message to be sent as a person; `to` is a phone, @username, id, or `me`."""

    to: str
    text: str = Field("", max_length=4096)
    reply_to: int | None = None
    media: MediaSpec | None = None


class SendManySpec(Spec):
    """Messages of text to be sent one after the other: who writes what to whom."""

    class One(SendSpec):
        sender: str

    messages: list[One] = Field(max_length=10_000)


class AuthorizeSpec(Spec):
    """Phones that are to be logged in without a client: people are made where there are none."""

    phones: list[str] = Field(max_length=10_000)


class EditSpec(Spec):
    """Another text for a message; `chat` is needed in supergroups and channels, which number their own messages."""

    text: str = Field(min_length=1, max_length=4096)
    chat: str | None = None


class GroupSpec(Spec):
    """A group to be made. With a username it is public: anybody may read and join."""

    kind: Kind
    title: str = Field(min_length=1, max_length=128)
    creator: str
    members: list[str] = Field(default_factory=list)
    username: str | None = Field(None, pattern=r"^[A-Za-z]\w{3,31}$")
    about: str = Field("", max_length=255)
    members_write: bool = True


class GroupPatch(Spec):
    """What to change of a group; what is not named stays."""

    title: str | None = Field(None, min_length=1, max_length=128)
    about: str | None = Field(None, max_length=255)
    members_write: bool | None = None


class MemberSpec(Spec):
    """Somebody who comes into a group: by themselves, or put in by `by`."""

    person: str
    by: str | None = None


class MemberPatch(Spec):
    """What to change of a member."""

    role: Role | None = None
    may_write: bool | None = None


class ClockSpec(Spec):
    """How far the clock goes forward."""

    advance_s: float = Field(ge=0, le=10 * 365 * 86_400)


class ReadSpec(Spec):
    """A chat to be marked as read, up to `max_id` or wholly."""

    chat: str
    max_id: int = 0


class ScanSpec(Spec):
    """What the QR code of a log-in says."""

    link: str


class ChatSpec(Spec):
    chat: str


class ConnectionSpec(Spec):
    """Which connections: one by its number, or all of a person's, or all."""

    number: int | None = None
    person: str | None = None


class TransportErrorSpec(ConnectionSpec):
    """Which connections get which transport error (https://core.telegram.org/mtproto/mtproto-transports#transport-errors)."""

    code: Literal[-404, -429, -444]


class MessageFilter(Spec):
    """Which messages of a person's boxes."""

    chat: str | None = None
    direction: Literal["in", "out"] | None = None
    after_id: int = 0
    contains: str | None = None
    limit: int = Field(100, ge=1, le=10_000)
