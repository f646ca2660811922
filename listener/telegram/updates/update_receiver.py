"""From the box to `take`: each batch with its marks, and before a batch that jumps the history that it jumps over.

    the box applies a batch -> marks as of now -> history of what it jumped over, page by page -> the batch itself
                                                  pages carry the old pts and their own last message id

A death in between starts again behind the last page that was durable, from the marks before the jump. The update loop waits meanwhile, so
nothing that is pushed can overtake. What fails here (but for a channel that Telegram refuses) is raised, which ends the connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from telethon import errors
from telethon.tl import types

from listener.telegram.connection.unreadable import Unreadable
from listener.telegram.operations.flood_wait import ask
from listener.telegram.updates import dialogs, history
from listener.telegram.updates.batch import Batch, Take, message_ids
from listener.telegram.updates.message_box import has_account_marks
from listener.telegram.updates.update_state import ChannelState, UpdateState

if TYPE_CHECKING:
    from listener.telegram.connection.client import Client

_log = logging.getLogger(__name__)
_REFUSED = (errors.BadRequestError, errors.ForbiddenError, Unreadable)
PAGES_APART_S = 2.0
_NEW = ChannelState(-1)


class UpdateReceiver:
    """One connection's way to `take`. `taken` are the marks of what was taken."""

    def __init__(self, client: Client, marks: UpdateState, take: Take) -> None:
        self._client = client
        self._box = client.box
        self._hashes = client.hashes
        self._full = client.full
        self._take = take
        self._started = marks.date
        self._ask = partial(ask, client)
        self._lock = asyncio.Lock()
        self._paged = False  # pages were taken before this batch: it has to follow them, or they would be read again without end
        self.taken = marks

    @property
    def busy(self) -> bool:
        """Whether something is being taken now, for which room or Telegram may have to be waited for."""
        return self._lock.locked()

    async def batch(self, updates: list[Any], users: list[Any], chats: list[Any]) -> None:
        """Take what the box has just applied."""
        fetched, self._box.fetched = self._box.fetched, False
        marks = self._marks(updates)  # before anything is waited for
        async with self._lock:
            if marks is None or self._full.is_set():
                return
            self._paged = False
            await self._read_gaps()
            marks = await self._meet(updates, marks)
            await self._hand_on(Batch(updates, users, chats, marks, fetched, waits=self._paged))

    async def seed(self, pages_apart_s: float = PAGES_APART_S) -> None:
        """Read all dialogs once after a log-in, for the channels that neither marks nor box know; then the marks are `seeded`."""
        request: Any | None = dialogs.first()
        while request is not None and not self.taken.seeded:
            page = await dialogs.page(self._ask, request)
            async with self._lock:
                await self._learn(page, last=page.following is None)
            if (request := page.following) is not None:
                await asyncio.sleep(pages_apart_s)

    async def _learn(self, page: dialogs.DialogPage, *, last: bool) -> None:
        self._hashes.learn(page.channels)
        known = self.taken.channels
        found = {channel: ChannelState(0, 0, marks.access_hash) for channel, marks in page.channels.items() if channel in known}
        for channel, stands in page.channels.items():
            if channel not in known and channel not in self._box.map:
                self._box.try_set_channel_state(channel, stands.pts)
                found[channel] = stands
        marks = replace(self.taken, channels=found, seeded=self.taken.date if last else 0)
        await self._hand_on(Batch([], [], [], marks, fetched=True))

    # marks

    def _marks(self, updates: list[Any]) -> UpdateState | None:
        """Return the marks as the box has them: of channels those that have moved since the last batch, by whatever update.

        Message ids are those of the batch. Both are of what is handed on now or needs not be: lagging is safe, running ahead is loss. The
        other channels are not looked at: an account may be in hundreds. The date moves on only where no channel is owed: a difference
        names channels that had news since then, and those only.
        """
        if not has_account_marks(self._box):
            return None
        moved, self._box.moved = self._box.moved, set()
        pts, qts, date, seq = self._box.own_state()
        own, by_channel = message_ids(updates)
        stood = self.taken.channels
        for channel, top in self._box.channel_gaps.items():
            by_channel.setdefault(channel, []).append(top)  # it is read up to there before this batch is taken
        return UpdateState(
            pts=pts,
            qts=qts,
            date=self.taken.date if self._box.owes_channels else int(date.timestamp()),
            seq=seq,
            message_id=max(own, default=0),
            channels={
                channel: ChannelState(state.pts, max(by_channel.get(channel, ()), default=0), self._hashes.hash_of(channel))
                for channel in moved | by_channel.keys()
                if (state := self._box.map.get(channel)) and (state.pts > stood.get(channel, _NEW).pts or channel in by_channel)
            },
        )

    async def _hand_on(self, batch: Batch) -> None:
        assert batch.marks is not None
        if self._full.is_set():
            return
        if await self._take(self._client, batch):
            self.taken = self.taken.then(batch.marks)
        else:
            self._full.set()

    # what was jumped over

    async def _read_gaps(self) -> None:
        if self._box.account_gap:
            _log.warning("difference too long", extra={"after": self.taken.message_id})
            top = await dialogs.newest_message(self._ask)
            await self._pages(history.of_account(self._ask, self.taken.message_id, top), _own)
            self._box.account_gap = False
        for channel, top in list(self._box.channel_gaps.items()):
            known = self.taken.channels.get(channel)
            _log.warning("channel difference too long", extra={"channel": channel, "after": known.message_id if known else 0})
            if known and known.message_id:
                await self._read_channel(channel, known.message_id, top, partial(_in_channel, channel))
            elif known:  # known by something else than a message
                await self._read_since_joined(channel, top)
            del self._box.channel_gaps[channel]

    async def _read_channel(self, channel: int, after: int, top: int | None, mark: Mark, since: int = 0) -> None:
        """Read a channel's history; one that Telegram refuses is passed over: the account was put out, or it is gone."""
        access_hash = self._hashes.hash_of(channel)
        if access_hash is None:
            _log.warning("channel unknown", extra={"channel": channel})
            return
        peer = types.InputPeerChannel(channel, access_hash)
        try:
            await self._pages(history.of_channel(self._ask, peer, after, top, since), mark)
        except _REFUSED as error:
            _log.warning("history refused", extra={"channel": channel, "fault": type(error).__name__})

    async def _pages(self, pages: AsyncIterator[history.HistoryPage], mark: Mark) -> None:
        async for page in pages:
            if self._full.is_set():  # too much was pushed meanwhile: the next connection reads on from here
                return
            self._paged = True
            marks = mark(self.taken, page.message_id)
            await self._hand_on(Batch(page.updates, page.users, page.chats, marks, fetched=True, waits=True))

    # channels that were not known

    async def _meet(self, updates: list[Any], marks: UpdateState) -> UpdateState:
        """Deal with channels that are new to the marks or need a state or a hash; return the marks with what was found."""
        unknown, self._box.unknown = self._box.unknown, set()
        new = {channel for channel in marks.channels if channel not in self.taken.channels}
        if not unknown and not new:
            return marks
        page = await self._missing(unknown | new)
        _, by_channel = message_ids(updates)
        for channel in sorted(new):
            await self._read_since_joined(channel, min(by_channel[channel]) - 1 if channel in by_channel else None)
        found = {channel: marks.channels[channel].then(ChannelState(0, 0, self._hashes.hash_of(channel))) for channel in new}
        for channel in sorted(unknown - new):
            found |= await self._known_again(channel, page)
        return replace(marks, channels={**marks.channels, **found})

    async def _missing(self, channels: set[int]) -> dict[int, ChannelState]:
        """Ask for a page of dialogs where a state or hash is missing: what has news stands at its top."""
        if all(channel in self._box.map and self._hashes.hash_of(channel) is not None for channel in channels):
            return {}
        page = await dialogs.page(self._ask, dialogs.first())
        self._hashes.learn(page.channels)
        return page.channels

    async def _known_again(self, channel: int, page: dict[int, ChannelState]) -> dict[int, ChannelState]:
        """Put a channel into the box, or back: by its marks, or else where its dialog stands, behind what came before it."""
        stood = self.taken.channels.get(channel)
        if stood is None and channel not in self._box.map:
            if channel not in page:
                _log.warning("channel unknown", extra={"channel": channel})
                return {}
            await self._read_since_joined(channel, page[channel].message_id)
            self._box.try_set_channel_state(channel, page[channel].pts)
            return {channel: page[channel]}
        if self._hashes.hash_of(channel) is None:
            _log.warning("channel unknown", extra={"channel": channel})
            return {}
        if stood is not None:
            self._box.try_set_channel_state(channel, stood.pts)
        self._box.try_begin_get_diff(channel, "known again")
        return {}

    async def _read_since_joined(self, channel: int, top: int | None) -> None:
        """Read what a new channel had before it was noticed: since the account joined it, or since the dialogs were read.

        Not marked until the channel itself is: a death in between reads it again.
        """
        since = max(self._hashes.joined.get(channel, 0), self.taken.seeded or self._started)
        if top is None or top > 0:
            await self._read_channel(channel, 0, top, _nothing, since)


Mark = Callable[[UpdateState, int], UpdateState]


def _own(taken: UpdateState, message_id: int) -> UpdateState:
    return replace(taken, channels={}, message_id=message_id)


def _in_channel(channel: int, taken: UpdateState, message_id: int) -> UpdateState:
    return replace(taken, channels={channel: taken.channels[channel].then(ChannelState(0, message_id))})


def _nothing(taken: UpdateState, _: int) -> UpdateState:
    return replace(taken, channels={})
