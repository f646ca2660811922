"""The access hashes of the account's channels. The message box needs no others: it asks for channels' differences alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from telethon._updates.entitycache import EntityCache
from telethon.tl import types

from listener.telegram.updates.update_state import ChannelState


class ChannelHashes(EntityCache):  # type: ignore[misc]  # Telethon has no types
    """Telethon's entity cache, limited to channels that the account is in.

    Telethon's own grows with every user it ever sees. It also keeps users and channels under one number, though each kind has its own
    numbering.
    """

    def __init__(self, known: Mapping[int, ChannelState]) -> None:
        super().__init__({channel: (state.access_hash, None) for channel, state in known.items() if state.access_hash is not None})
        self.joined: dict[int, int] = {}

    def extend(self, users: Iterable[Any], chats: Iterable[Any]) -> None:
        """Learn the channels among chats, and since when (epoch seconds) the account is in each."""
        own = [chat for chat in chats if isinstance(chat, types.Channel) and not chat.left and not chat.min]
        if not own:
            return
        super().extend([], own)
        self.joined.update((chat.id, int(chat.date.timestamp())) for chat in own if chat.date)

    def learn(self, known: Mapping[int, ChannelState]) -> None:
        """Learn the hashes that a page of dialogs contains."""
        self.hash_map.update((channel, (state.access_hash, None)) for channel, state in known.items() if state.access_hash is not None)

    def hash_of(self, channel: int) -> int | None:
        """Return a channel's access hash, or None if it is unknown."""
        found = self.get(channel)
        return found.hash if found else None
