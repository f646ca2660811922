"""Marks: how far an account's updates are known, in Telegram's own numbers (https://core.telegram.org/api/updates)."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from shared.model.frozen import Frozen


class ChannelMarks(NamedTuple):
    """How far a supergroup or channel is known: its `pts`, and the highest message id that was taken (0 where none is known).

    `access_hash` is the account's own: without it nothing can be asked about the channel after a restart. Stored as a list.
    """

    pts: int
    message_id: int = 0
    access_hash: int | None = None

    def then(self, later: ChannelMarks) -> ChannelMarks:
        """Return these marks moved on to later ones, never backwards; a hash that is not named stays."""
        known = self.access_hash if later.access_hash is None else later.access_hash
        return ChannelMarks(max(self.pts, later.pts), max(self.message_id, later.message_id), known)


class Marks(Frozen):
    """`pts`, `qts`, `date` (epoch seconds) and `seq` of the account, and what is known of each of its channels.

    `message_id` is the highest that was taken in private chats and basic groups, which share one numbering per account. `seeded` is when
    (epoch seconds) all dialogs had been read, 0 before: a channel that is not named was joined since.
    """

    pts: int
    qts: int
    date: int
    seq: int
    message_id: int = 0
    seeded: int = 0
    channels: dict[int, ChannelMarks] = Field(default_factory=dict)

    def then(self, later: Marks) -> Marks:
        """Return these marks moved on to later ones, which name only the channels they concern."""
        numbers = {"message_id": max(self.message_id, later.message_id), "seeded": max(self.seeded, later.seeded)}
        return later.model_copy(update={**numbers, "channels": self._channels_then(later.channels)})

    def _channels_then(self, later: dict[int, ChannelMarks]) -> dict[int, ChannelMarks]:
        if not later:
            return self.channels
        moved = {channel: self.channels[channel].then(marks) for channel, marks in later.items() if channel in self.channels}
        return {**self.channels, **later, **moved}
