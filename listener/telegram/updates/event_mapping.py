"""Maps raw updates to what happened, by a table of their types.

    new messages           message, or message.sent where the account wrote it (here or on another device)
    edits                  message.edited, of others' messages and of the account's own
    deletions              message.deleted
    the others' reading    message.read
    reactions              message.reaction
    service messages       chat.joined, chat.left, chat.migrated; all others are no events
Telegram's service account carries log-in codes: nothing in its chat becomes an event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from telethon import utils
from telethon.tl import types

from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates import service_messages
from listener.telegram.updates.deletions import deleted, deleted_in_channel
from listener.telegram.updates.happening import Happening, Setting, chat_type_of
from listener.telegram.updates.media_description import described
from listener.telegram.updates.media_id import MediaPlace
from listener.telegram.updates.message_details import details_of
from listener.telegram.updates.reactions import reacted
from listener.telegram.updates.reads import read_by_others, read_in_channel
from shared.model.event import Message, MessageEdited, MessageEvent, MessageReceived, MessageSent
from shared.model.event_kinds import EventKind
from shared.model.ids import TenantId

SERVICE_USER_ID = 777000  # https://core.telegram.org/api/auth: log-in codes come from it


class MappedMessage:
    """A message from an update, before its sender and chat are looked up. `edit` is its edit's time and version, if it is one."""

    __slots__ = ("chat_id", "details", "edit", "media", "message", "message_id", "out", "reply_to", "sender_id", "text")

    def __init__(self, chat_id: int, sender_id: int | None, message: Any, edit: tuple[datetime, str] | None = None) -> None:
        self.chat_id = chat_id
        self.sender_id = sender_id
        self.out = bool(message.out)
        self.edit = edit
        self.message_id: int = message.id
        self.text: str = message.message or ""
        self.message: tuple[int, datetime] = (message.id, message.date)
        self.reply_to: int | None = getattr(message.reply_to, "reply_to_msg_id", None)
        self.media = getattr(message, "media", None)
        self.details = details_of(message)

    @property
    def kind(self) -> EventKind:
        """The kind of its event."""
        if self.edit:
            return EventKind.MESSAGE_EDITED
        return EventKind.MESSAGE_SENT if self.out else EventKind.MESSAGE

    def event(self, setting: Setting) -> MessageEvent:
        """Return the event, with what the peer cache knows of chat and sender."""
        envelope = setting.envelope(self.chat_id, self.message_id, self.kind, self.edit[1] if self.edit else "")
        message = self.told(setting.tenant_id, setting.self_id, setting.peers)
        if self.edit:
            return MessageEdited(**envelope, edited_at=self.edit[0], message=message)
        return MessageSent(**envelope, message=message) if self.out else MessageReceived(**envelope, message=message)

    def told(self, tenant_id: TenantId, self_id: int, peers: PeerCache) -> Message:
        """Return the message, with what is known of chat and sender."""
        sender_id = self_id if self.out and self.sender_id is None and self.chat_id > 0 else self.sender_id
        sender = peers.known(sender_id)
        return Message(
            chat_id=self.chat_id,
            message_id=self.message_id,
            sender_id=sender_id,
            sender_username=sender.username if sender else None,
            sender_name=sender.name if sender else None,
            sender_phone=sender.phone if sender else None,
            chat_type=chat_type_of(self.chat_id, peers.known(self.chat_id)),
            text=self.text,
            date=self.message[1],
            reply_to=self.reply_to,
            media=described(self.media, tenant_id, MediaPlace(self_id, self.chat_id, self.message_id)),
            outgoing=self.out or None,
            **self.details,
        )


def happening_in(update: Any, self_id: int) -> Happening | None:
    """Return what an update says that happened on the account with this user id, or None if it says nothing that is told."""
    read = _TABLE.get(type(update))
    found = read(update) if read else None
    if found is None or SERVICE_USER_ID in (found.sender_id, found.chat_id):
        return None
    if isinstance(found, MappedMessage) and self_id in (found.sender_id, found.chat_id):
        found.out = True  # Saved Messages are not `out`
    return found


def message_of(message: Any, tenant_id: TenantId, self_id: int, peers: PeerCache) -> Message | None:
    """Return a message of the history as events tell it; None for what is none there: service messages, and all in Telegram's own chat."""
    found = happening_in(types.UpdateNewMessage(message, 0, 0), self_id)
    return found.told(tenant_id, self_id, peers) if isinstance(found, MappedMessage) else None


def _whole(update: Any) -> Happening | None:
    match update.message:
        case types.Message() as message:
            return _mapped(message)
        case types.MessageService() as message:
            return service_messages.told(message)
    return None


def _edited(update: Any) -> MappedMessage | None:
    """Return an edit. Telegram also says `edit` of messages whose buttons, reactions or views have changed, and hides that from people."""
    message = update.message
    if not isinstance(message, types.Message) or message.edit_date is None or message.edit_hide:
        return None
    content = repr((message.message, [entity.to_dict() for entity in message.entities or ()]))
    version = f"{message.edit_date.timestamp():.0f}/{hashlib.sha256(content.encode()).hexdigest()[:16]}"
    return _mapped(message, (message.edit_date, version))


def _mapped(message: Any, edit: tuple[datetime, str] | None = None) -> MappedMessage:
    chat_id = utils.get_peer_id(message.peer_id)
    return MappedMessage(chat_id, utils.get_peer_id(message.from_id) if message.from_id else _unnamed(chat_id, message), message, edit)


def _unnamed(chat_id: int, message: Any) -> int | None:
    """Return who wrote a message that names nobody: the other person of a private chat, or a channel itself, which posts."""
    if isinstance(message.peer_id, types.PeerUser):
        return None if message.out else chat_id
    return chat_id if message.post else None


def _short(update: types.UpdateShortMessage) -> MappedMessage:
    return MappedMessage(update.user_id, None if update.out else update.user_id, update)


def _short_in_chat(update: types.UpdateShortChatMessage) -> MappedMessage:
    return MappedMessage(-update.chat_id, update.from_id, update)


_TABLE: dict[type, Callable[[Any], Happening | None]] = {
    types.UpdateNewMessage: _whole,
    types.UpdateNewChannelMessage: _whole,
    types.UpdateShortMessage: _short,
    types.UpdateShortChatMessage: _short_in_chat,
    types.UpdateEditMessage: _edited,
    types.UpdateEditChannelMessage: _edited,
    types.UpdateDeleteMessages: deleted,
    types.UpdateDeleteChannelMessages: deleted_in_channel,
    types.UpdateReadHistoryOutbox: read_by_others,
    types.UpdateReadChannelOutbox: read_in_channel,
    types.UpdateMessageReactions: reacted,
}
