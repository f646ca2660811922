"""The access hashes of the account's channels, and of nobody else: the box asks for channels' differences alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from telethon._updates.entitycache import EntityCache
from telethon.tl import types

from listener.telegram.updates.update_state import ChannelState


class ChannelHashes(EntityCache):  # type: ignore[misc]  # Telethon has no types
    """Telethon's cache, which grows with every user ever seen, for channels that the account is in.

    Telethon keeps users and channels under one number besides, though these are numbers of their own.
    """

    def __init__(self, known: Mapping[int, ChannelState]) -> None:
        super().__init__({channel: (marks.access_hash, None) for channel, marks in known.items() if marks.access_hash is not None})
        self.joined: dict[int, int] = {}

    def extend(self, users: Iterable[Any], chats: Iterable[Any]) -> None:
        """Learn the channels among chats, and since when (epoch seconds) the account is in each."""
        own = [chat for chat in chats if isinstance(chat, types.Channel) and not chat.left and not chat.min]
        if not own:
            return
        super().extend([], own)
        self.joined.update((chat.id, int(chat.date.timestamp())) for chat in own if chat.date)

    def learn(self, known: Mapping[int, ChannelState]) -> None:
        """Learn the hashes that a page of dialogs has."""
        self.hash_map.update((channel, (marks.access_hash, None)) for channel, marks in known.items() if marks.access_hash is not None)

    def hash_of(self, channel: int) -> int | None:
        """Return a channel's access hash."""
        found = self.get(channel)
        return found.hash if found else None
