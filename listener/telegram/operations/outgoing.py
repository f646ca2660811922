"""What is sent: a content, whom to, and how; and what comes of it.

A new kind of content is a class with `parts` (see `Content`), and a command whose handler gives it to `Sender.send`. `send.py` does the
rest for every kind: attempts, repeats, unreadable answers, refusals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from listener.telegram.operations.operation_runner import Connected
from shared.errors import AvioError, Code


@dataclass(frozen=True)
class Quote:
    """The part of the answered message that a reply quotes. `offset` is in UTF-16 units, and only a hint to Telegram."""

    text: str
    offset: int | None = None


@dataclass(frozen=True)
class SendOptions:
    """How something is sent, whatever it is. `send_as` is a recipient, like `Outgoing.to`.

    `began_at` is when the first try began, where an earlier command may have sent it: another owner's, or of this one before it died.
    """

    reply_to: int | None = None
    quote: Quote | None = None
    thread_id: int | None = None
    silent: bool = False
    schedule_at: datetime | None = None
    send_as: str | None = None
    import_contact: bool = False
    began_at: datetime | None = None


@dataclass(frozen=True)
class SendTarget(Connected):
    """A resolved recipient, with the fields that all of Telegram's requests to send have in common (`common`)."""

    chat_id: int
    peer: Any
    common: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One raw request and the messages that it makes: for each its random id, and how to know it in the chat's history."""

    request: Any
    random_ids: tuple[int, ...]
    alike: tuple[Callable[[Any], bool], ...]


class Content(Protocol):
    """Something that can be sent. One object serves all attempts, so it may remember what is costly, such as uploads."""

    async def parts(self, target: SendTarget, random_ids: Sequence[int]) -> list[Part]:
        """Return the raw requests, in order. They must be equal at each attempt, with the same random ids.

        Runs before anything is sent. Raises AvioError for what cannot be sent, and what the client raises.
        """


@dataclass(frozen=True)
class Outgoing:
    """Something to send. `to` is a recipient (shared/rpc/recipient.py); there is a random id for each message that it becomes."""

    to: str
    content: Content
    random_ids: tuple[int, ...]
    options: SendOptions = SendOptions()


@dataclass(frozen=True)
class MessageMade:
    """One message that was sent."""

    id: int
    date: datetime


@dataclass(frozen=True)
class Sent:
    """The messages that a send became, in order."""

    chat_id: int
    messages: tuple[MessageMade, ...]

    @property
    def message_id(self) -> int:
        """The id of the first message."""
        return self.messages[0].id

    @property
    def message_ids(self) -> tuple[int, ...]:
        """The ids of all messages."""
        return tuple(message.id for message in self.messages)

    @property
    def date(self) -> datetime:
        """The date of the first message."""
        return self.messages[0].date


@dataclass
class SendAttempts:
    """All attempts at one send. `began_at` is when the first began; `maybe_sent` means that one may have sent a message not in `sent`."""

    began_at: datetime
    maybe_sent: bool = False
    sent: dict[int, MessageMade] = field(default_factory=dict)

    def refused(self, refusal: AvioError) -> AvioError:
        """Return what the caller hears of a refusal: `partly_sent` if some messages are sent already."""
        if not self.sent or refusal.code is Code.TELEGRAM_UNAVAILABLE:
            return refusal
        ids = sorted(message.id for message in self.sent.values())
        return AvioError(Code.PARTLY_SENT, message_ids=ids, cause=refusal.code.value, retry_after_s=refusal.retry_after_s)


class Sender(Protocol):
    """An account that sends."""

    async def send(self, message: Outgoing) -> Sent:
        """Send something once."""
