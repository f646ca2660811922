"""What an update says that happened, before the peers in it are looked up: each becomes one event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from listener.telegram.peers.peer_cache import KnownPeer, PeerCache
from shared.model.event import Event, event_id
from shared.model.ids import Channel, TenantId

ChatKind = Literal["private", "group", "channel"]


@dataclass(frozen=True)
class DraftContext:
    """Whose account it happened on, what is known of its peers, and when and how the listener had it."""

    tenant_id: TenantId
    self_id: int
    peers: PeerCache
    received_at: datetime
    backfilled: bool

    def envelope(self, chat_id: int | None, message_id: int | str, kind: str, version: str = "") -> dict[str, Any]:
        """Return the fields that every event has. The same draft always gets the same id, however often Telegram tells of it."""
        return {
            "id": event_id(Channel.TELEGRAM, self.self_id, "-" if chat_id is None else chat_id, message_id, kind, version),
            "tenant_id": self.tenant_id,
            "channel": Channel.TELEGRAM,
            "received_at": self.received_at,
            "backfilled": self.backfilled,
        }

    def chat_type(self, chat_id: int) -> ChatKind:
        """Return the kind of a chat."""
        return chat_type_of(chat_id, self.peers.known(chat_id))


class EventDraft(Protocol):
    """One thing that happened. `message` is the id and date of a message that names a `min` sender; None if there is none."""

    @property
    def kind(self) -> str: ...
    @property
    def chat_id(self) -> int | None: ...
    @property
    def sender_id(self) -> int | None: ...
    @property
    def message(self) -> tuple[int, datetime] | None: ...

    def event(self, context: DraftContext) -> Event:
        """Return the event, with what the peer cache knows of chat and sender."""


def chat_type_of(chat_id: int, chat: KnownPeer | None) -> ChatKind:
    """Return the kind of a chat, by what is known of it or else by its marked id."""
    if chat is not None:
        return chat.chat_type
    return "private" if chat_id > 0 else "group"
