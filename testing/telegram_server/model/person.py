"""A person: a phone number, perhaps with a Telegram account, and how that account is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.model.password import Verifier
from testing.telegram_server.model.records import BYTES_AS_TEXT

Delivery = Literal[
    "app",
    "sms",
    "sms_word",
    "sms_phrase",
    "firebase",
    "call",
    "flash_call",
    "missed_call",
    "fragment",
    "email",
    "set_up_email",
    "payment_required",
    "success",
]
Audience = Literal["everybody", "contacts", "nobody"]
SERVICE_ID = 777000  # Telegram's own account, which sends log-in codes


@dataclass(slots=True)
class CodePolicy:
    """How log-in codes reach this person: the first way, then those that auth.resendCode moves on to."""

    deliveries: list[Delivery] = field(default_factory=lambda: ["app", "sms", "call"])
    length: int = 5
    lifetime_s: int = 300
    resend_after_s: int = 60
    fixed: str | None = None


@dataclass(slots=True)
class Contact:
    """A name in somebody's address book."""

    user_id: int
    first_name: str
    last_name: str
    knows_phone: bool


@dataclass(slots=True)
class Freeze:
    """An account that Telegram has frozen; the times are epoch seconds."""

    since: int
    until: int
    appeal_url: str


@dataclass(slots=True)
class Person:
    """One person, at home in data centre `dc`. `registered` false: a phone number without a Telegram account.

    `deleted`: the account was deleted. Others still see that there was one, in chats and groups.
    `login_email` is where log-in codes go by `email`.
    """

    __pydantic_config__ = BYTES_AS_TEXT

    id: int
    phone: str
    first_name: str
    last_name: str = ""
    username: str | None = None
    registered: bool = True
    banned: bool = False
    frozen: Freeze | None = None
    spam_limited: bool = False
    password: Verifier | None = None
    code: CodePolicy = field(default_factory=CodePolicy)
    found_by_phone: Audience = "everybody"
    messages_from: Audience = "everybody"
    contacts: dict[int, Contact] = field(default_factory=dict)
    blocked: set[int] = field(default_factory=set)
    dc: int = DC_ID
    more_usernames: list[str] = field(default_factory=list)
    about: str = ""
    deleted: bool = False
    login_email: str | None = None

    @property
    def usernames(self) -> list[str]:
        """All usernames, the one that the person chose first."""
        return [*([self.username] if self.username else []), *self.more_usernames]

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()
