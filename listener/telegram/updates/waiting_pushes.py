"""Pushes that wait are applied together: one batch, one update state and one append to the ledger for up to 50 updates.

    queue   [a] [b] [c] [updatesTooLong] [d]
    batch    a   b   c                             with the update state after c; then the difference; then d

A batch ends where Telegram has to be asked: at a gap, and at a channel that the message box does not know.
"""

from __future__ import annotations

from typing import Any

from telethon._updates.messagebox import GapError

from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.message_box import LosslessMessageBox
from listener.telegram.updates.update_queue import UpdateQueue

TOGETHER = 50
"""Updates in one batch, and users and chats that come with them: the peer cache has room for all of these at once."""


def apply_waiting(
    queue: UpdateQueue, box: LosslessMessageBox, hashes: ChannelHashes, updates: list[Any], users: list[Any], chats: list[Any]
) -> None:
    """Apply the pushes that wait, and add what they bring to the updates, users and chats of the push before them.

    A push that leaves a gap may be taken out and not applied: then the box asks for the difference, which contains it.
    """
    for _ in range(TOGETHER):
        if queue.empty() or not box.settled or len(updates) >= TOGETHER or len(users) + len(chats) >= TOGETHER:
            return
        try:
            more_users, more_chats = box.process_updates(queue.get_nowait(), hashes, updates)
        except GapError:
            return
        users += more_users
        chats += more_chats
