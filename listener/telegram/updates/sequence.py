"""Which sequence an update belongs to: the account's own, that of its secret chats, or a channel's (by the channel's id)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from telethon._updates.messagebox import PtsInfo
from telethon.tl import types


def sequence_of(update: Any) -> Any:
    """Return the sequence that an update has a number in, or None."""
    info = None if isinstance(update, types.UpdateChannelTooLong) else PtsInfo.from_update(update)
    return info and info.entry


def dropped(diff: Any, applied: list[Any], own: Collection[Any]) -> list[Any]:
    """Return the updates of the difference's own sequence that Telethon took for handled. It judges those of other sequences correctly."""
    handed_on = {id(update) for update in applied}
    return [update for update in getattr(diff, "other_updates", ()) if id(update) not in handed_on and sequence_of(update) in own]
