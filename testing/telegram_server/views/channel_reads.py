"""How far a channel is read, as updates without a place in any sequence (https://core.telegram.org/constructor/updateReadChannelInbox)."""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from testing.telegram_server.model.dialog import dialog_of
from testing.telegram_server.model.group import Group
from testing.telegram_server.model.world import World


def inbox_update(world: World, group: Group, reader: int) -> Any:
    """Return how far somebody has read, with the channel's pts as it is."""
    dialog = dialog_of(world, reader, group.peer)
    return types.UpdateReadChannelInbox(group.id, dialog.chat.read_inbox, dialog.chat.unread, dialog.box.pts)


def outbox_update(world: World, group: Group, sender: int) -> Any:
    """Return how far the others have read what somebody sent."""
    return types.UpdateReadChannelOutbox(group.id, dialog_of(world, sender, group.peer).chat.read_outbox)
