"""Events and positions as a ledger takes them."""

from __future__ import annotations

from datetime import UTC, datetime

from listener.telegram.updates.update_state import ChannelState, UpdateState
from shared.model.event import Message, MessageReceived, event_id
from shared.model.ids import Channel, TenantId
from shared.store.peers import Peer

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def marks(pts: int, **channels: int) -> UpdateState:
    return UpdateState(pts=pts, qts=0, date=0, seq=0, channels={int(key[1:]): ChannelState(value) for key, value in channels.items()})


def event(chat: int, number: int) -> tuple[MessageReceived, tuple[Peer, ...]]:
    message = Message(chat_id=str(chat), message_id=str(number), sender_id=str(chat), chat_type="private", text=str(number), date=NOW)
    name = event_id(Channel.TELEGRAM, 1, chat, number, "message")
    return MessageReceived(id=name, tenant_id=TenantId("t"), channel=Channel.TELEGRAM, received_at=NOW, message=message), ()
