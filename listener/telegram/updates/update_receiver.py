"""From the message box to the update handler: each batch with its update state, and before a batch that jumps, the history it skipped.

    the box applies a batch -> update state as of now -> history that the batch skipped, page by page -> the batch itself
                                                         pages carry the old pts and their own last message id

After a crash in between, the next connection starts behind the last durable page, from the state before the jump. The update loop waits
meanwhile, so no push overtakes. A failure here ends the connection, except the refusal of one channel.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Any

from telethon import errors
from telethon.tl import types

from listener.core.runtime.signals import Signal
from listener.telegram.requests.flood_waits import Invoke, wait_out_floods
from listener.telegram.requests.unreadable import Unreadable
from listener.telegram.updates import dialogs, history
from listener.telegram.updates.batch import Batch, Take, message_ids
from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.message_box import LosslessMessageBox, has_account_state
from listener.telegram.updates.update_state import ChannelState, UpdateState

_log = logging.getLogger(__name__)
_REFUSED = (errors.BadRequestError, errors.ForbiddenError, Unreadable)
PAGES_APART_S = 2.0
_UNKNOWN = ChannelState(-1)
_StateAfterPage = Callable[[UpdateState, int], UpdateState]


class UpdateReceiver:
    """Hands one connection's batches to `take`, in order. `state` is the update state of what was taken.

    `full` is set when `take` had no room: from then on nothing more is handed on.
    """

    def __init__(
        self, invoke: Invoke, message_box: LosslessMessageBox, hashes: ChannelHashes, full: Signal, state: UpdateState, take: Take
    ) -> None:
        self._invoke = invoke
        self._invoke_patiently = partial(wait_out_floods, invoke)
        self._box = message_box
        self._hashes = hashes
        self._full = full
        self._take = take
        self._started = state.date
        self._lock = asyncio.Lock()
        self._took_pages = False  # then the batch behind the pages has to be taken too, or they would be read again without end
        self.state = state

    @property
    def busy(self) -> bool:
        """Whether a batch is being taken, which may have to wait for room or for Telegram."""
        return self._lock.locked()

    async def receive(self, updates: list[Any], users: list[Any], chats: list[Any]) -> None:
        """Take what the message box has just applied."""
        fetched, self._box.fetched = self._box.fetched, False
        state = self._state_after(updates)  # before the first await
        async with self._lock:
            if state is None or self._full.is_set():
                return
            self._took_pages = False
            await self._read_gaps()
            state = await self._meet_channels(updates, state)
            await self._hand_on(Batch(updates, users, chats, state, fetched, wait_for_room=self._took_pages))

    async def seed(self, pages_apart_s: float = PAGES_APART_S) -> None:
        """Read all dialogs once after a log-in, to find channels that neither state nor message box know; then set `seeded`."""
        request: Any | None = dialogs.first()
        while request is not None and not self.state.seeded:
            page = await dialogs.page(self._invoke_patiently, request)
            async with self._lock:
                await self._learn(page, last=page.following is None)
            if (request := page.following) is not None:
                await asyncio.sleep(pages_apart_s)

    async def _learn(self, page: dialogs.DialogPage, *, last: bool) -> None:
        self._hashes.learn(page.channels)
        known = self.state.channels
        found = {channel: ChannelState(0, 0, state.access_hash) for channel, state in page.channels.items() if channel in known}
        for channel, state in page.channels.items():
            if channel not in known and channel not in self._box.map:
                self._box.try_set_channel_state(channel, state.pts)
                found[channel] = state
        after = replace(self.state, channels=found, seeded=self.state.date if last else 0)
        await self._hand_on(Batch([], [], [], after, fetched=True))

    # update state

    def _state_after(self, updates: list[Any]) -> UpdateState | None:
        """Return the message box's state: of channels only those that have moved since the last batch, by whatever update.

        Message ids are those of the batch, which is handed on now or skipped on purpose: lagging behind is safe, running ahead loses
        messages. Other channels are not looked at, since an account may be in hundreds. The date moves on only while no channel is owed: a
        difference names only channels that had news since that date.
        """
        if not has_account_state(self._box):
            return None
        moved, self._box.moved = self._box.moved, set()
        pts, qts, date, seq = self._box.own_state()
        own, by_channel = message_ids(updates)
        known = self.state.channels
        for channel, top in self._box.channel_gaps.items():
            by_channel.setdefault(channel, []).append(top)  # the history up to it is read before this batch is taken
        return UpdateState(
            pts=pts,
            qts=qts,
            date=self.state.date if self._box.owes_channels else int(date.timestamp()),
            seq=seq,
            message_id=max(own, default=0),
            channels={
                channel: ChannelState(state.pts, max(by_channel.get(channel, ()), default=0), self._hashes.hash_of(channel))
                for channel in moved | by_channel.keys()
                if (state := self._box.map.get(channel)) and (state.pts > known.get(channel, _UNKNOWN).pts or channel in by_channel)
            },
        )

    async def _hand_on(self, batch: Batch) -> None:
        assert batch.state is not None
        if self._full.is_set():
            return
        if await self._take(batch, self._invoke):
            self.state = self.state.then(batch.state)
        else:
            self._full.set()

    # gaps

    async def _read_gaps(self) -> None:
        if self._box.account_gap:
            _log.warning("difference too long", extra={"after": self.state.message_id})
            top = await dialogs.newest_message(self._invoke_patiently)
            await self._take_pages(history.of_account(self._invoke_patiently, self.state.message_id, top), _account_at)
            self._box.account_gap = False
        for channel, top in list(self._box.channel_gaps.items()):
            known = self.state.channels.get(channel)
            _log.warning("channel difference too long", extra={"channel": channel, "after": known.message_id if known else 0})
            if known and known.message_id:
                await self._read_channel(channel, known.message_id, top, partial(_channel_at, channel))
            elif known:  # the account has no message of it yet
                await self._read_since_joined(channel, top)
            del self._box.channel_gaps[channel]

    async def _read_channel(self, channel: int, after: int, top: int | None, state_after: _StateAfterPage, since: int = 0) -> None:
        """Read a channel's history. Skip a channel that Telegram refuses: the account was removed from it, or it was deleted."""
        access_hash = self._hashes.hash_of(channel)
        if access_hash is None:
            _log.warning("channel unknown", extra={"channel": channel})
            return
        peer = types.InputPeerChannel(channel, access_hash)
        try:
            await self._take_pages(history.of_channel(self._invoke_patiently, peer, after, top, since), state_after)
        except _REFUSED as error:
            _log.warning("history refused", extra={"channel": channel, "fault": type(error).__name__})

    async def _take_pages(self, pages: AsyncIterator[history.HistoryPage], state_after: _StateAfterPage) -> None:
        async for page in pages:
            if self._full.is_set():  # too much was pushed meanwhile: the next connection reads on from here
                return
            self._took_pages = True
            state = state_after(self.state, page.message_id)
            await self._hand_on(Batch(page.updates, page.users, page.chats, state, fetched=True, wait_for_room=True))

    # unknown channels

    async def _meet_channels(self, updates: list[Any], state: UpdateState) -> UpdateState:
        """Read channels that are new to the state, or lack a pts or a hash; return the state with what was found."""
        unknown, self._box.unknown = self._box.unknown, set()
        new = {channel for channel in state.channels if channel not in self.state.channels}
        if not unknown and not new:
            return state
        page = await self._look_up(unknown | new)
        _, by_channel = message_ids(updates)
        for channel in sorted(new):
            await self._read_since_joined(channel, min(by_channel[channel]) - 1 if channel in by_channel else None)
        found = {channel: state.channels[channel].then(ChannelState(0, 0, self._hashes.hash_of(channel))) for channel in new}
        for channel in sorted(unknown - new):
            found |= await self._restore_channel(channel, page)
        return replace(state, channels={**state.channels, **found})

    async def _look_up(self, channels: set[int]) -> dict[int, ChannelState]:
        """Ask for the first page of dialogs if a pts or hash is missing: channels with news are on it."""
        if all(channel in self._box.map and self._hashes.hash_of(channel) is not None for channel in channels):
            return {}
        page = await dialogs.page(self._invoke_patiently, dialogs.first())
        self._hashes.learn(page.channels)
        return page.channels

    async def _restore_channel(self, channel: int, page: dict[int, ChannelState]) -> dict[int, ChannelState]:
        """Put a channel into the message box: at its known state, or else, behind its earlier history, at its dialog's state."""
        known = self.state.channels.get(channel)
        if known is None and channel not in self._box.map:
            if channel not in page:
                _log.warning("channel unknown", extra={"channel": channel})
                return {}
            await self._read_since_joined(channel, page[channel].message_id)
            self._box.try_set_channel_state(channel, page[channel].pts)
            return {channel: page[channel]}
        if self._hashes.hash_of(channel) is None:
            _log.warning("channel unknown", extra={"channel": channel})
            return {}
        if known is not None:
            self._box.try_set_channel_state(channel, known.pts)
        self._box.try_begin_get_diff(channel, "known again")
        return {}

    async def _read_since_joined(self, channel: int, top: int | None) -> None:
        """Read what a new channel had before it was noticed: since the account joined it, or since the dialogs were read.

        The state does not move until the batch with the channel itself is taken: after a crash in between this is read again.
        """
        since = max(self._hashes.joined.get(channel, 0), self.state.seeded or self._started)
        if top is None or top > 0:
            await self._read_channel(channel, 0, top, _unmoved, since)


def _account_at(state: UpdateState, message_id: int) -> UpdateState:
    return replace(state, channels={}, message_id=message_id)


def _channel_at(channel: int, state: UpdateState, message_id: int) -> UpdateState:
    return replace(state, channels={channel: state.channels[channel].then(ChannelState(0, message_id))})


def _unmoved(state: UpdateState, _: int) -> UpdateState:
    return replace(state, channels={})
