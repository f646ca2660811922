"""How a person has a chat in their list: pinned, archived, muted. All without a pts, a record for each chat."""

from __future__ import annotations

from dataclasses import dataclass

from testing.telegram_server.model.records import Shelf
from testing.telegram_server.store import Store


@dataclass(slots=True)
class ChatSettings:
    """One chat of a person. `pinned`: 0 if it is not, else the place among the pinned, the highest first; `mute_until` in Unix seconds."""

    person: int
    peer: int
    pinned: int = 0
    archived: bool = False
    mute_until: int = 0


class ChatSettingsBook:
    """All settings."""

    def __init__(self, store: Store) -> None:
        self._shelf = Shelf(store, "chat_settings", ChatSettings)
        self._all = {(each.person, each.peer): each for each in self._shelf.load()}

    def of(self, person: int, peer: int) -> ChatSettings:
        """Return the settings of a chat; whoever changes them saves them."""
        return self._all.get((person, peer)) or ChatSettings(person, peer)

    def save(self, settings: ChatSettings) -> None:
        self._all[settings.person, settings.peer] = settings
        self._shelf.put(f"{settings.person}:{settings.peer}", settings)

    def highest_pin(self, person: int) -> int:
        return max((each.pinned for each in self._all.values() if each.person == person), default=0)
