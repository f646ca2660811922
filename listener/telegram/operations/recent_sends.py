"""What earlier sends came to: Telegram's history carries no `random_id`, so this is what tells two messages of one text apart.

It is told by each answer that came, and by `updateMessageID`, with which a difference tells of an own message whose answer was lost
(TDLib reads it there too: UpdatesManager::process_get_difference_updates).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

BOUND = 100
"""Sends that are remembered: far more than can be open at once. Some 150 bytes each."""


class RecentSends:
    """Which message each of one account's latest sends became, by `random_id`. A message's chat is None where it was not told."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._messages: dict[int, tuple[int | None, int]] = {}

    def note(self, random_id: int, chat_id: int | None, message_id: int) -> None:
        """Note what a send has become."""
        self._messages.pop(random_id, None)
        self._messages[random_id] = chat_id, message_id
        if len(self._messages) > self._bound:
            del self._messages[next(iter(self._messages))]

    def learn(self, updates: Iterable[Any]) -> None:
        """Take in what a batch of updates tells of it."""
        for update in updates:
            if isinstance(update, types.UpdateMessageID) and update.random_id not in self._messages:
                self.note(update.random_id, None, update.id)

    def message_of(self, random_id: int) -> int | None:
        """Return the message that this send became, where that is known."""
        found = self._messages.get(random_id)
        return found[1] if found else None

    def is_anothers(self, chat_id: int, message_id: int) -> bool:
        """Tell whether a message is known to have come of some send."""
        return (chat_id, message_id) in self._messages.values() or (None, message_id) in self._messages.values()
