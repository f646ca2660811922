"""The reactions to a message, as they are now. Telegram numbers these updates by no pts: a lost push is lost.

https://core.telegram.org/api/reactions: who reacted is told of the latest only, and not in channels.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from telethon import utils
from telethon.tl import types

from listener.telegram.updates.event_draft import DraftContext
from shared.model.event import MessageReacted, Reaction, ReactionCount, Reactor
from shared.model.event_kinds import EventKind

MOST = 100
"""Reactions and people that one event names; Telegram names fewer."""


class Reacted:
    """Somebody reacted to a message, or took that back."""

    kind = EventKind.MESSAGE_REACTION
    sender_id: int | None = None
    message: tuple[int, datetime] | None = None

    def __init__(self, update: types.UpdateMessageReactions) -> None:
        self.chat_id = utils.get_peer_id(update.peer)
        self._message_id = update.msg_id
        self._counts = update.reactions.results[:MOST]
        self._recent = (update.reactions.recent_reactions or ())[:MOST]

    def event(self, context: DraftContext) -> MessageReacted:
        """Return the event. Nothing of Telegram's tells one from a later one that is the same, so the time is part of its id."""
        counts = tuple(map(_count, self._counts))
        return MessageReacted(
            **context.envelope(self.chat_id, self._message_id, self.kind, context.received_at.isoformat()),
            reaction=Reaction(
                chat_id=str(self.chat_id),
                chat_type=context.chat_type(self.chat_id),
                message_id=str(self._message_id),
                emoji=tuple(count.emoji for count in counts if count.emoji),
                counts=counts,
                recent=tuple(map(_reactor, self._recent)),
            ),
        )


def reacted(update: types.UpdateMessageReactions) -> Reacted:
    """Return the reactions that an update tells."""
    return Reacted(update)


def _count(count: Any) -> ReactionCount:
    emoji, custom = _names(count.reaction)
    by_account = True if count.chosen_order is not None else None
    return ReactionCount(emoji=emoji, custom_emoji_id=custom, count=count.count, by_account=by_account)


def _reactor(one: Any) -> Reactor:
    emoji, custom = _names(one.reaction)
    return Reactor(sender_id=str(utils.get_peer_id(one.peer_id)), emoji=emoji, custom_emoji_id=custom, date=one.date)


def _names(reaction: Any) -> tuple[str | None, str | None]:
    match reaction:
        case types.ReactionEmoji(emoticon=emoji):
            return emoji, None
        case types.ReactionCustomEmoji(document_id=number):
            return None, str(number)
        case types.ReactionPaid():
            return "⭐", None
    return None, None
