"""Deletions of messages. Outside supergroups and channels Telegram names the messages alone, not their chat.

https://core.telegram.org/constructor/updateDeleteMessages
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from telethon import utils
from telethon.tl import types

from listener.telegram.updates.event_draft import DraftContext
from shared.model.event import Deletion, MessagesDeleted
from shared.model.event_kinds import EventKind


class MessagesGone:
    """Messages that are gone, from one chat or from chats that are not named."""

    kind = EventKind.MESSAGE_DELETED
    sender_id: int | None = None
    message: tuple[int, datetime] | None = None

    def __init__(self, chat_id: int | None, message_ids: Sequence[int]) -> None:
        self.chat_id = chat_id
        self._message_ids = message_ids

    def event(self, context: DraftContext) -> MessagesDeleted:
        """Return the event. A message can be deleted once, so the list names it."""
        digest = hashlib.sha256(",".join(map(str, sorted(self._message_ids))).encode()).hexdigest()
        return MessagesDeleted(
            **context.envelope(self.chat_id, digest, self.kind),
            deleted=Deletion(
                chat_id=self.chat_id,
                chat_type=None if self.chat_id is None else context.chat_type(self.chat_id),
                message_ids=tuple(map(str, self._message_ids)),
            ),
        )


def deleted(update: types.UpdateDeleteMessages) -> MessagesGone | None:
    """Return what was deleted in private chats and basic groups."""
    return MessagesGone(None, update.messages) if update.messages else None


def deleted_in_channel(update: types.UpdateDeleteChannelMessages) -> MessagesGone | None:
    """Return what was deleted in a supergroup or channel."""
    return MessagesGone(utils.get_peer_id(types.PeerChannel(update.channel_id)), update.messages) if update.messages else None
