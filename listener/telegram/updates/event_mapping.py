"""Maps raw updates to events, by a table of their types.

Only incoming messages become events. The account's own messages do not, nor do those of Telegram's service account, which carry log-in
codes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from telethon import utils
from telethon.tl import types

from listener.telegram.peers.peer_cache import KnownPeer, PeerCache
from listener.telegram.updates.media_description import described
from listener.telegram.updates.media_id import MediaPlace
from shared.model.event import Message, MessageReceived, event_id
from shared.model.ids import Channel, TenantId

SERVICE_USER_ID = 777000  # https://core.telegram.org/api/auth: log-in codes come from it


class IncomingMessage:
    """A message from an update, before its sender and chat are looked up."""

    __slots__ = ("chat_id", "date", "media", "message_id", "reply_to", "sender_id", "text")

    def __init__(self, chat_id: int, sender_id: int | None, message: Any) -> None:
        self.chat_id = chat_id
        self.sender_id = sender_id
        self.message_id: int = message.id
        self.text: str = message.message or ""
        self.date: datetime = message.date
        self.reply_to: int | None = getattr(message.reply_to, "reply_to_msg_id", None)
        self.media = getattr(message, "media", None)

    def event(self, tenant_id: TenantId, self_id: int, peers: PeerCache, received_at: datetime, *, backfilled: bool) -> MessageReceived:
        """Return the event, with what the peer cache knows of chat and sender."""
        sender, chat = peers.known(self.sender_id), peers.known(self.chat_id)
        return MessageReceived(
            id=event_id(Channel.TELEGRAM, self_id, self.chat_id, self.message_id, "message"),
            tenant_id=tenant_id,
            channel=Channel.TELEGRAM,
            received_at=received_at,
            backfilled=backfilled,
            message=Message(
                chat_id=self.chat_id,
                message_id=self.message_id,
                sender_id=self.sender_id,
                sender_username=sender.username if sender else None,
                sender_name=sender.name if sender else None,
                sender_phone=sender.phone if sender else None,
                chat_type=_chat_type(self.chat_id, chat),
                text=self.text,
                date=self.date,
                reply_to=self.reply_to,
                media=described(self.media, tenant_id, MediaPlace(self_id, self.chat_id, self.message_id)),
            ),
        )


def incoming_message(update: Any) -> IncomingMessage | None:
    """Return the incoming message in an update, or None if the update contains none."""
    read = _TABLE.get(type(update))
    found = read(update) if read else None
    return None if found is None or SERVICE_USER_ID in (found.sender_id, found.chat_id) else found


def _whole(update: Any) -> IncomingMessage | None:
    message = update.message
    if not isinstance(message, types.Message) or message.out:
        return None
    chat_id = utils.get_peer_id(message.peer_id)
    sender_id = utils.get_peer_id(message.from_id) if message.from_id else chat_id if chat_id > 0 else None
    return IncomingMessage(chat_id, sender_id, message)


def _short(update: types.UpdateShortMessage) -> IncomingMessage | None:
    return None if update.out else IncomingMessage(update.user_id, update.user_id, update)


def _short_in_chat(update: types.UpdateShortChatMessage) -> IncomingMessage | None:
    return None if update.out else IncomingMessage(-update.chat_id, update.from_id, update)


_TABLE: dict[type, Callable[[Any], IncomingMessage | None]] = {
    types.UpdateNewMessage: _whole,
    types.UpdateNewChannelMessage: _whole,
    types.UpdateShortMessage: _short,
    types.UpdateShortChatMessage: _short_in_chat,
}


def _chat_type(chat_id: int, chat: KnownPeer | None) -> Literal["private", "group", "channel"]:
    if chat is not None:
        return chat.chat_type
    return "private" if chat_id > 0 else "group"
