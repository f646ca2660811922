"""Telethon's message box without its losses.

Telethon 1.45's own box drops these, while its pts moves on:
- edits, deletions and reads inside a difference: `apply_difference_type` sets the new state first, so the difference's `other_updates`
  look handled already;
- everything in `differenceTooLong`, of the account or of a channel: our box notes that history has to be read;
- channels without a state or an access hash: our box notes them, and the update receiver looks them up.

Telethon requests a difference again only 15 minutes after Telegram answered with an error; our box requests it soon. Telethon asks about
all channels every 15 minutes, all at once; our box asks every few hours, about each channel at its own time.

Only differences move deadlines: `process_updates` means to move them by updates too, but tests an empty set for truth. That is harmless:
a busy sequence is compared now and then like a quiet sequence.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from telethon._updates.messagebox import ENTRY_ACCOUNT, ENTRY_SECRET, MessageBox
from telethon.tl import types

from listener.telegram.updates.sequence import dropped, sequence_of

ASK_AGAIN_S = 15.0
REFUSALS = 8
"""After so many refusals in a row (half an hour or more) nothing waits for a channel: some answers never change, such as that to a ban."""
ACCOUNT_REST_S = (12 * 60.0, 15 * 60.0)
"""Seconds of silence after which the account's difference is requested; Telegram's documentation says 15 minutes."""

CHANNEL_REST_S = (3600.0, 4 * 3600.0)
"""The same for a channel: 28 requests/s for 5,000 accounts of 50 channels. Differences of the account name channels with news."""

SOON_S = (1.0, 120.0)
"""The delay until channels are asked about after an account's difference was too long, which names no channels."""

_ACCOUNT = (ENTRY_ACCOUNT, ENTRY_SECRET)
_SHORT = (types.UpdateShortMessage, types.UpdateShortChatMessage)  # never of a channel, and most of what is pushed
Spread = Callable[[float, float], float]


class LosslessMessageBox(MessageBox):  # type: ignore[misc]  # Telethon has no types
    """A message box that hands on everything a difference contains.

    It sets these, and the update receiver and the client reset them: `account_gap` (the account's history has to be read), `channel_gaps`
    (a channel's history has to be read up to this message id), `moved` (channels whose pts was set), `unknown` (channels that need a state
    or an access hash), `fetched` (a difference brought the updates), `confirmed` (nothing is missing now).
    """

    __slots__ = ("_refusals", "_spread", "account_gap", "ask_again_s", "channel_gaps", "confirmed", "fetched", "moved", "unknown")

    def __init__(self, log: Any, ask_again_s: float = ASK_AGAIN_S, spread: Spread = random.uniform) -> None:
        super().__init__(log)
        self._spread = spread
        self.ask_again_s = ask_again_s
        self.account_gap = False
        self.channel_gaps: dict[int, int] = {}
        self.moved: set[int] = set()
        self.unknown: set[int] = set()
        self._refusals: dict[int, int] = {}  # refusals in a row
        self.fetched = False
        self.confirmed = False

    @property
    def settled(self) -> bool:
        """Whether nothing has to be asked of Telegram: no gap is open, no difference is missing, and every channel is known."""
        return not (self.getting_diff_for or self.possible_gaps or self.unknown)

    # the account

    def apply_difference(self, diff: Any, chat_hashes: Any) -> Any:
        """Apply an account's difference, and hand on its `other_updates`."""
        self.fetched = True
        self.confirmed = isinstance(diff, types.updates.Difference | types.updates.DifferenceEmpty)
        before = self.map[ENTRY_ACCOUNT].pts
        updates, users, chats = super().apply_difference(diff, chat_hashes)
        if isinstance(diff, types.updates.DifferenceTooLong):
            self._too_long(moved=diff.pts != before)
        return updates + dropped(diff, updates, _ACCOUNT), users, chats

    def end_difference(self) -> None:
        """Give up a difference for now, after Telegram answered with an error."""
        super().end_difference()
        self._rest({ENTRY_ACCOUNT}, self.ask_again_s)

    def _too_long(self, *, moved: bool) -> None:
        self.account_gap = True
        if moved:  # "the specified state must be used to refetch updates"
            self.try_begin_get_diff(ENTRY_ACCOUNT, "difference too long")
        self.ask_channels_soon()

    # channels

    def ask_channels_soon(self) -> None:
        """Ask about all channels within two minutes, each at its own time, since any of them may have news."""
        for channel in [entry for entry in self.map if isinstance(entry, int)]:
            self._rest({channel}, self._spread(*SOON_S))

    def apply_channel_difference(self, request: Any, diff: Any, chat_hashes: Any) -> Any:
        """Apply a channel's difference, and hand on its `other_updates`."""
        self.fetched = True
        channel = request.channel.channel_id
        self._refusals.pop(channel, None)
        self.moved.add(channel)
        if isinstance(diff, types.updates.ChannelDifferenceTooLong):
            self.channel_gaps[channel] = diff.dialog.top_message
            self.getting_diff_for.discard(channel)  # Telethon never ends this difference, and would request it for ever
        updates, users, chats = super().apply_channel_difference(request, diff, chat_hashes)
        return updates + dropped(diff, updates, {channel}), users, chats

    def end_channel_difference(self, request: Any, reason: Any, chat_hashes: Any) -> None:
        """Give up a channel's difference for a while, longer each time, or for good if the account is no longer in the channel."""
        super().end_channel_difference(request, reason, chat_hashes)
        channel = request.channel.channel_id
        refusals = self._refusals.pop(channel, 0)
        if channel in self.map:
            self._refusals[channel] = min(refusals + 1, REFUSALS)
            self._rest({channel}, self._spread(1, 4) * self.ask_again_s * 2**refusals)

    def apply_pts_info(self, update: Any, *, reset_deadlines: Any) -> Any:
        """Judge one update, and note a channel that is too far behind and has no state."""
        if isinstance(update, types.UpdateChannelTooLong) and update.channel_id not in self.map:
            self.unknown.add(update.channel_id)
        applied = super().apply_pts_info(update, reset_deadlines=reset_deadlines)
        if applied is not None and not isinstance(applied, _SHORT) and isinstance(channel := sequence_of(applied), int):
            self.moved.add(channel)
        return applied

    def try_set_channel_state(self, id: int, pts: int) -> None:  # noqa: A002  Telethon's own name
        """Start a channel from a pts if it has none."""
        super().try_set_channel_state(id, pts)
        self.moved.add(id)

    def get_channel_difference(self, chat_hashes: Any) -> Any:
        """Return the next channel's request. Note a channel without an access hash and keep its state, which Telethon would forget."""
        for channel in [entry for entry in self.getting_diff_for if isinstance(entry, int) and not chat_hashes.get(entry)]:
            self.unknown.add(channel)
            self.end_get_diff(channel)
        return super().get_channel_difference(chat_hashes)

    # deadlines

    def load(self, session_state: Any, channel_states: Any) -> None:
        """Start from a saved state, every entry with its own deadline."""
        super().load(session_state, channel_states)
        self._rest(self._account_entries(), self._spread(*ACCOUNT_REST_S))
        self.moved = {entry for entry in self.map if isinstance(entry, int)}
        for channel in self.moved:
            self._rest({channel}, self._spread(*CHANNEL_REST_S))

    def end_get_diff(self, entry: Any) -> None:
        """End a difference; the entry rests for its own time. The account's two entries rest as one, since one request covers both."""
        super().end_get_diff(entry)
        if isinstance(entry, int):
            self._rest({entry}, self._spread(*CHANNEL_REST_S))
        else:
            self._rest(self._account_entries(), self._spread(*ACCOUNT_REST_S))

    def reset_channel_deadline(self, channel_id: int, timeout: float | None) -> None:
        """Let a channel rest; the timeout that Telegram proposes is for a channel on a user's screen."""
        self._rest({channel_id}, self._spread(*CHANNEL_REST_S))

    def _account_entries(self) -> set[Any]:
        return {entry for entry in _ACCOUNT if entry in self.map}

    def _rest(self, entries: set[Any], seconds: float) -> None:
        self.reset_deadlines(entries, asyncio.get_running_loop().time() + seconds)

    # state

    @property
    def owes_channels(self) -> bool:
        """Whether the account's difference or a push named channels with news whose difference is still missing."""
        if not (self.getting_diff_for or self.possible_gaps or self._refusals):
            return bool(self.unknown)
        entries = (*self.getting_diff_for, *self.possible_gaps, *self._refusals)
        return bool(self.unknown) or any(isinstance(entry, int) and self._refusals.get(entry, 0) < REFUSALS for entry in entries)

    def own_state(self) -> tuple[int, int, datetime, int]:
        """Return the account's pts, qts, date and seq. The account's state has to be known."""
        qts = self.map[ENTRY_SECRET].pts if ENTRY_SECRET in self.map else 0
        return self.map[ENTRY_ACCOUNT].pts, qts, self.date, self.seq

    def reached(self, pts: int) -> bool:
        """Tell whether the account has reached this pts and no difference is under way."""
        return ENTRY_ACCOUNT in self.map and self.map[ENTRY_ACCOUNT].pts >= pts and not self.getting_diff_for

    def _trace(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Write nothing: Telethon's own formats the whole state several times for each update, and then logs it at no level in use."""

    def progress(self) -> Any:
        """Return a value that changes with every step of the box."""
        account = self.map[ENTRY_ACCOUNT].pts if ENTRY_ACCOUNT in self.map else None
        return account, {entry: self.map[entry].pts for entry in self.getting_diff_for if entry in self.map}


def has_account_state(message_box: MessageBox) -> bool:
    """Tell whether the account's own state is known."""
    return ENTRY_ACCOUNT in message_box.map
