"""The kinds of events that a tenant chooses from (contract C7)."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class EventKind(StrEnum):
    """A kind of event, by its name in the body's `event`."""

    MESSAGE = "message"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_SENT = "message.sent"
    MESSAGE_READ = "message.read"
    MESSAGE_REACTION = "message.reaction"
    CHAT_JOINED = "chat.joined"
    CHAT_LEFT = "chat.left"
    CHAT_MIGRATED = "chat.migrated"
    ACCOUNT_STATUS = "account.status"
    READY = "ready"


DEFAULT_KINDS = frozenset({EventKind.MESSAGE})
"""What a tenant gets that has chosen nothing."""


def is_chosen(kind: str, chosen: Collection[EventKind]) -> bool:
    """Tell whether events of a kind are wanted. Kinds that nobody can choose are wanted always."""
    return kind in chosen or kind not in set(EventKind)
