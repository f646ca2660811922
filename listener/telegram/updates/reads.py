"""How far the others have read what the account wrote.

Private chats and basic groups: https://core.telegram.org/constructor/updateReadHistoryOutbox, in the account's sequence of pts.
Supergroups and channels: https://core.telegram.org/constructor/updateReadChannelOutbox, in no sequence: a lost push is lost.
"""

from __future__ import annotations

from datetime import datetime

from telethon import utils
from telethon.tl import types

from listener.telegram.updates.event_draft import DraftContext
from shared.model.event import MessagesRead, Reading
from shared.model.event_kinds import EventKind


class ReadByOthers:
    """The others have read a chat up to a message."""

    kind = EventKind.MESSAGE_READ
    sender_id: int | None = None
    message: tuple[int, datetime] | None = None

    def __init__(self, chat_id: int, up_to: int) -> None:
        self.chat_id = chat_id
        self._up_to = up_to

    def event(self, context: DraftContext) -> MessagesRead:
        """Return the event."""
        return MessagesRead(
            **context.envelope(self.chat_id, self._up_to, self.kind),
            read=Reading(
                chat_id=str(self.chat_id),
                chat_type=context.chat_type(self.chat_id),
                up_to_message_id=str(self._up_to),
                by_account=False,
            ),
        )


def read_by_others(update: types.UpdateReadHistoryOutbox) -> ReadByOthers:
    """Return how far the others have read a private chat or basic group."""
    return ReadByOthers(utils.get_peer_id(update.peer), update.max_id)


def read_in_channel(update: types.UpdateReadChannelOutbox) -> ReadByOthers:
    """Return how far the others have read a supergroup or channel."""
    return ReadByOthers(utils.get_peer_id(types.PeerChannel(update.channel_id)), update.max_id)
