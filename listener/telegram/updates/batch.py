"""A batch of updates with the update state behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from telethon.tl import types

from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.updates.update_state import UpdateState

_NEW = (types.UpdateNewMessage, types.UpdateNewChannelMessage)
_SHORT = (types.UpdateShortMessage, types.UpdateShortChatMessage)


@dataclass(frozen=True)
class Batch:
    """Updates, the users and chats that came with them, and the update state after them.

    `fetched` means that a difference or the history brought them, not a push. `wait_for_room` means that the batch must be taken, however
    long the ledger has no room.
    """

    updates: list[Any]
    users: list[Any]
    chats: list[Any]
    state: UpdateState | None
    fetched: bool
    wait_for_room: bool = False


Take = Callable[[Batch, Invoke], Awaitable[bool]]
"""Takes a batch; may ask Telegram for what the batch leaves out. False means that there was no room and nothing was taken."""


def message_ids(updates: Iterable[Any]) -> tuple[list[int], dict[int, list[int]]]:
    """Return the ids of new messages: in the account's own numbering, and per channel."""
    own: list[int] = []
    channels: dict[int, list[int]] = {}
    for update in updates:
        if isinstance(update, _SHORT):
            own.append(update.id)
        elif isinstance(update, _NEW):
            channel = getattr(getattr(update.message, "peer_id", None), "channel_id", None)
            (own if channel is None else channels.setdefault(channel, [])).append(update.message.id)
    return own, channels
