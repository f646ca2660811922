"""Maps recent random ids to message ids, to tell identical texts apart: Telegram's history carries no `random_id`.

The mapping comes from each answer to a send, and from `updateMessageID`: a difference contains it for an own message whose answer was
lost (TDLib reads it there too: UpdatesManager::process_get_difference_updates).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from telethon.tl import types

BOUND = 100
"""Sends that are remembered: far more than can be open at once. Some 150 bytes each."""


class RecentSends:
    """The messages of one account's latest sends, by `random_id`. The chat of a message is None if Telegram did not name it."""

    def __init__(self, bound: int = BOUND) -> None:
        self._bound = bound
        self._messages: dict[int, tuple[int | None, int]] = {}

    def note(self, random_id: int, chat_id: int | None, message_id: int) -> None:
        """Remember which message a send became."""
        self._messages.pop(random_id, None)
        self._messages[random_id] = chat_id, message_id
        if len(self._messages) > self._bound:
            del self._messages[next(iter(self._messages))]

    def learn(self, updates: Iterable[Any]) -> None:
        """Remember the sends that a batch of updates names."""
        for update in updates:
            if isinstance(update, types.UpdateMessageID) and update.random_id not in self._messages:
                self.note(update.random_id, None, update.id)

    def message_of(self, random_id: int) -> int | None:
        """Return the message that this send became, or None if that is unknown."""
        found = self._messages.get(random_id)
        return found[1] if found else None

    def is_known(self, chat_id: int, message_id: int) -> bool:
        """Tell whether a message is known to come from a remembered send."""
        return (chat_id, message_id) in self._messages.values() or (None, message_id) in self._messages.values()
