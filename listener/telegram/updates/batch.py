"""What is handed on at once: updates with the marks behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from telethon.tl import types

from listener.telegram.updates.update_state import UpdateState

if TYPE_CHECKING:
    from listener.telegram.connection.client import Client

_NEW = (types.UpdateNewMessage, types.UpdateNewChannelMessage)
_SHORT = (types.UpdateShortMessage, types.UpdateShortChatMessage)


@dataclass(frozen=True)
class Batch:
    """Updates, the people and chats that came with them, and the marks after them.

    `fetched` means by a difference or from the history, not by a push; `waits` that it has to be taken, however long there is no room.
    """

    updates: list[Any]
    users: list[Any]
    chats: list[Any]
    marks: UpdateState | None
    fetched: bool
    waits: bool = False


Take = Callable[["Client", Batch], Awaitable[bool]]


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
