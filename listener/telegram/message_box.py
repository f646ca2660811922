"""Telethon's message box, without its losses.

What Telethon 1.45's own box drops, each while its pts moves on:
- edits, deletions and reads inside a difference: `apply_difference_type` sets the new state first, so its `other_updates` look handled
already; - everything in `differenceTooLong`, of the account or of a channel: for these the box tells that history has to be read.

What it puts off: a difference that Telegram answered with an error is asked for again after 15 minutes of silence. Ours asks soon.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any

from telethon._updates.messagebox import ENTRY_ACCOUNT, ENTRY_SECRET, MessageBox, PtsInfo
from telethon.tl import types

ASK_AGAIN_S = 15.0
_ACCOUNT = (ENTRY_ACCOUNT, ENTRY_SECRET)
TooLong = Callable[[int | None], None]


class LosslessBox(MessageBox):  # type: ignore[misc]  # Telethon has no types
    """A message box that hands on everything a difference holds; `too_long` is told of a channel (or None: the account) that has to be
    read by its history.
    """

    __slots__ = ("ask_again_s", "fetched", "too_long")

    def __init__(self, log: Any, too_long: TooLong, ask_again_s: float = ASK_AGAIN_S) -> None:
        super().__init__(log)
        self.too_long = too_long
        self.ask_again_s = ask_again_s
        self.fetched = False

    def apply_difference(self, diff: Any, chat_hashes: Any) -> Any:
        """Apply an account's difference, and hand on what its `other_updates` hold."""
        self.fetched = True
        before = self.map[ENTRY_ACCOUNT].pts
        updates, users, chats = super().apply_difference(diff, chat_hashes)
        if isinstance(diff, types.updates.DifferenceTooLong):
            self.too_long(None)
            if diff.pts != before:  # "the specified state must be used to refetch updates"
                self.try_begin_get_diff(ENTRY_ACCOUNT, "difference too long")
        return updates + _dropped(diff, updates, _ACCOUNT), users, chats

    def end_difference(self) -> None:
        """Give up a difference for now: Telegram has answered with an error."""
        super().end_difference()
        self.reset_deadlines({ENTRY_ACCOUNT}, asyncio.get_running_loop().time() + self.ask_again_s)

    def apply_channel_difference(self, request: Any, diff: Any, chat_hashes: Any) -> Any:
        """Apply a channel's difference, and hand on what its `other_updates` hold."""
        self.fetched = True
        if isinstance(diff, types.updates.ChannelDifferenceTooLong):
            self.too_long(request.channel.channel_id)
            self.getting_diff_for.discard(request.channel.channel_id)  # Telethon never ends this one, and would ask for ever
        updates, users, chats = super().apply_channel_difference(request, diff, chat_hashes)
        return updates + _dropped(diff, updates, {request.channel.channel_id}), users, chats


def _dropped(diff: Any, kept: list[Any], own: Collection[Any]) -> list[Any]:
    """Return the updates of the difference's own sequence that Telethon took for handled; those of other sequences it judges rightly."""
    passed = {id(update) for update in kept}
    return [update for update in getattr(diff, "other_updates", ()) if id(update) not in passed and _sequence(update) in own]


def _sequence(update: Any) -> Any:
    info = None if isinstance(update, types.UpdateChannelTooLong) else PtsInfo.from_update(update)
    return info and info.entry


def has_account_marks(box: MessageBox) -> bool:
    """Tell whether the account's own marks are known."""
    return ENTRY_ACCOUNT in box.map
