"""Service messages that change who is in a chat, or which chat it is. All others become no event.

They are messages: https://core.telegram.org/constructor/messageService, in the sequence of pts of their chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from telethon import utils
from telethon.tl import types

from listener.telegram.updates.event_draft import DraftContext, EventDraft
from shared.model.event import ChatJoined, ChatLeft, ChatMigrated, Membership, Migration
from shared.model.event_kinds import EventKind


class MembersChanged:
    """People came into a chat, or one left it. `by`: who added or removed them, if that was somebody else."""

    def __init__(self, kind: EventKind, service: Any, user_ids: Sequence[int], by: int | None) -> None:
        self.kind = kind
        self.chat_id: int | None = utils.get_peer_id(service.peer_id)
        self.sender_id = by
        self.message: tuple[int, datetime] | None = (service.id, service.date)
        self._user_ids = user_ids

    def event(self, context: DraftContext) -> ChatJoined | ChatLeft:
        """Return the event."""
        assert self.chat_id is not None
        assert self.message is not None
        envelope = context.envelope(self.chat_id, self.message[0], self.kind)
        members = Membership(
            chat_id=str(self.chat_id),
            chat_type=context.chat_type(self.chat_id),
            message_id=str(self.message[0]),
            date=self.message[1],
            user_ids=tuple(map(str, self._user_ids)),
            by_id=None if self.sender_id is None else str(self.sender_id),
            account=context.self_id in self._user_ids,
        )
        if self.kind == EventKind.CHAT_JOINED:
            return ChatJoined(**envelope, joined=members)
        return ChatLeft(**envelope, left=members)


class Migrated:
    """A basic group has become a supergroup, with another id."""

    kind = EventKind.CHAT_MIGRATED
    sender_id: int | None = None

    def __init__(self, service: Any, channel_id: int) -> None:
        self.chat_id = utils.get_peer_id(service.peer_id)
        self.message: tuple[int, datetime] | None = (service.id, service.date)
        self._to = utils.get_peer_id(types.PeerChannel(channel_id))

    def event(self, context: DraftContext) -> ChatMigrated:
        """Return the event, in the order of the group that was."""
        assert self.message is not None
        return ChatMigrated(
            **context.envelope(self.chat_id, self.message[0], self.kind),
            migrated=Migration(chat_id=str(self.chat_id), to_chat_id=str(self._to), date=self.message[1]),
        )


def told(service: types.MessageService) -> EventDraft | None:
    """Return what a service message tells, or None."""
    sender = utils.get_peer_id(service.from_id) if service.from_id else None
    match service.action:
        case types.MessageActionChatAddUser(users=users):
            return MembersChanged(EventKind.CHAT_JOINED, service, users, None if [sender] == users else sender)
        case types.MessageActionChatJoinedByLink() | types.MessageActionChatJoinedByRequest() if sender:
            return MembersChanged(EventKind.CHAT_JOINED, service, [sender], None)
        case types.MessageActionChatDeleteUser(user_id=user):
            return MembersChanged(EventKind.CHAT_LEFT, service, [user], None if sender == user else sender)
        case types.MessageActionChatMigrateTo(channel_id=channel_id):
            return Migrated(service, channel_id)
    return None
