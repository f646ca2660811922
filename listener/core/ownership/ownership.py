"""Which accounts are mine: beat, kill, claim, hand over, end.

Telegram destroys a session whose key sends over two connections. So at any moment at most one worker has connections for an account:

    1 beat      every 3 s: raise my row's number, if it is what I left and I am live; the lease counts from before the beat was sent
    2 fence     12 s after the last good beat every connection is aborted, and this worker id holds nothing ever again
    3 kill      a row unchanged for 16 s of my own clock is declared dead, if it is still unchanged; late beats fail on that
    4 claim     only accounts whose owner is none, ended, dead or absent; then check my own lease, then load, then connect
    7 hand over commands finish, events become durable, connections close, positions are saved, and only then my row says ended
    8 place     what has no owner is dealt out among the workers; who has more than its share hands single accounts back

(The numbers are those of docs/ownership.md; 1 and 2 are in heartbeat.py, 3 in failure_detector.py, 4 in claims.py, 8 in placement.py
and rebalance.py.)
One row per worker beats; an account costs nothing while it is idle.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from aws_lambda_powertools import Logger

from listener.core.account import OwnedAccount
from listener.core.channel import ChannelDriver
from listener.core.ownership.claims import Claimant, Claims, Key, OpenContext
from listener.core.ownership.failure_detector import FailureDetector, Sight
from listener.core.ownership.heartbeat import Heartbeat, Lapsed
from listener.core.ownership.lease import Lease
from listener.core.ownership.placement import Loads, dealt, share
from listener.core.ownership.rebalance import GIVEN_AT_ONCE, Rebalance
from listener.core.runtime.concurrency import AT_ONCE, for_each
from listener.core.runtime.offload import Offload
from listener.core.runtime.signals import wait_for
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.ids import NOBODY, Channel, TenantId, WorkerId
from shared.model.worker import Worker, nudged_tenant
from shared.store.accounts import AccountStore, Owned, TenantGone
from shared.store.fenced import Superseded
from shared.store.table import StoreUnavailable
from shared.store.workers import WorkerStore

WATCH_EVERY_S = 3.0
HAND_OVER_S = 30.0
LEFTOVER_S = 2.0
END_S = 3.0
TAKEN_AT_A_LOOK = 256
LOADED_WITHIN_S = 5.0
RIPE_S = 4.0
LEFT_LYING_S = 30.0
GIVE_AGAIN_S = 600.0


@dataclass(frozen=True)
class Rows:
    """Where ownership is written. `beats` has a client of its own: no retries, short time-outs, a thread that nothing else occupies."""

    accounts: AccountStore
    workers: WorkerStore
    beats: WorkerStore
    offload: Offload
    beat_offload: Offload


class Ownership:
    """One worker: its row, its lease and the accounts it holds."""

    def __init__(
        self,
        me: Worker,
        lease: Lease,
        rows: Rows,
        open_context: OpenContext,
        drivers: Sequence[ChannelDriver],
        clock: Clock,
        logger: Logger,
    ) -> None:
        by_channel = {driver.channel: driver for driver in drivers}
        self.me = me.model_copy(update={"channels": frozenset(by_channel)})
        self.handlers = {channel: driver.handlers for channel, driver in by_channel.items()}
        self.lease = lease
        self._rows = rows
        self._clock = clock
        self._logger = logger
        self.beats = Heartbeat(self.me, lease, rows.beats, rows.beat_offload, self._held_by_channel, clock, logger)
        self._failure_detector = FailureDetector(me.id, rows.workers, rows.offload, clock, logger)
        claimant = Claimant(me.id, lease, open_context, by_channel, self.beats.news)
        self.claims = Claims(claimant, rows.accounts, self._failure_detector, rows.offload, logger)
        self._rebalance = {channel: Rebalance(me.id) for channel in by_channel}
        self._left_since: dict[Key, float] = {}
        self._give_from = clock.boottime()
        self._leaving: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    @property
    def held(self) -> int:
        """How many accounts this worker holds."""
        return len(self.claims.accounts)

    def _held_by_channel(self) -> dict[Channel, int]:
        return {channel: self.claims.count(channel) for channel in self.me.channels}

    @property
    def draining(self) -> bool:
        """Whether somebody has asked for this worker's end."""
        return self.beats.draining

    @property
    def waits_with_giving(self) -> bool:
        """Whether it keeps what it has for a while, since some worker takes nothing."""
        return self._clock.boottime() < self._give_from

    async def run(self) -> None:
        """Register, then beat and watch until told to stop or drained; then hand over. Raises Lapsed where the lease was lost.

        However it ends: first every connection is cut for good, and only then the row says that this worker has ended, which lets
        others claim.
        """
        sent_at = self._clock.boottime()
        await self._rows.offload(self._rows.workers.register, self.me)
        self.lease.extend(sent_at)
        tasks = [asyncio.create_task(work) for work in (self.beats.run(), self.beats.fence(), self._watch(), self._stopping.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._hand_over()
        except Lapsed:
            self.claims.count_lapses()
            raise
        finally:
            self.lease.lapse()
            leftover = [*tasks, *self._leaving, *self.claims.tasks.values()]
            for task in leftover:
                task.cancel()
            await self._settle(leftover)
            await self._end()

    async def _settle(self, cancelled: list[asyncio.Task[Any]]) -> None:
        """Let cancelled tasks end, but not for long: their connections are cut, what they write is fenced, and a new worker waits."""
        done, _ = await asyncio.wait(cancelled, timeout=LEFTOVER_S)
        for task in done:
            if not task.cancelled():
                task.exception()  # seen

    async def _end(self) -> None:
        """Say that this worker has ended; where that does not get through, its peers find it silent."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            await self._rows.beat_offload.within(END_S, self._rows.workers.end, self.me.id, self._clock.now())

    def stop(self) -> None:
        """Have `run` hand over and return."""
        self._stopping.set()
        self.claims.closed = True

    async def account(self, tenant_id: TenantId, channel: Channel) -> OwnedAccount:
        """Return an account that is mine, claiming it first where nobody live has it; raises `not_mine`, and `tenant_not_found`."""
        try:
            account = await self.claims.by_row((tenant_id, channel))
        except TenantGone:
            raise AvioError(Code.TENANT_NOT_FOUND) from None
        if account is None or self._stopping.is_set():
            raise AvioError(Code.NOT_MINE)
        await account.loaded()
        return account

    def held_account(self, tenant_id: TenantId, channel: Channel) -> OwnedAccount | None:
        """Return an account that is held here, without claiming it or waiting for it."""
        return self.claims.accounts.get((tenant_id, channel))

    # what it hears, and looking around

    async def _watch(self) -> None:
        while not self.lease.lapsed:  # not only by being cancelled: a cancellation can drown in a time-out of the same moment
            self.beats.news.clear()
            try:
                await self._hear()
                await self.look_around()
            except (StoreUnavailable, TimeoutError) as error:
                self._logger.warning("watch failed", extra={"fault": type(error).__name__})
            await wait_for(self.beats.news, WATCH_EVERY_S)

    async def _hear(self) -> None:
        """See to what came with the beats: rows that say something new, accounts that a peer has handed back, the own end."""
        self.claims.closed = self.draining or self._stopping.is_set()
        nudges = self.beats.nudges
        await for_each([(nudged_tenant(nudge), channel) for nudge in nudges for channel in self.me.channels], self._hear_of)
        self.beats.heard(nudges)

    async def _hear_of(self, key: Key) -> None:
        if account := self.claims.accounts.get(key):
            with contextlib.suppress(Superseded):  # its task learns that by itself
                await account.look_again()
        else:
            await self._claim_again(key)

    async def _claim_again(self, key: Key) -> None:
        with contextlib.suppress(TenantGone):
            await self.claims.by_row(key, create=False)

    async def look_around(self) -> None:
        """Declare silent workers dead, claim what those that are over have left, and hand back what is beyond the own share."""
        sight = await self._failure_detector.look()
        await for_each(self.claims.astray, self._claim_again)
        left = await self._left_by(sight)
        if self.draining:
            self._drain(sight)
            return
        for channel in sorted(self.me.channels):
            await self._place(channel, sight, [owned for owned in left if owned.channel is channel])

    async def _place(self, channel: Channel, sight: Sight, left: Sequence[Owned]) -> None:
        """Deal out a channel's accounts: claim my share of those without an owner, and hand back what I have beyond it."""
        loads = {worker.id: worker.load(channel) for worker in sight.takers(channel)}
        others = {worker: load for worker, load in loads.items() if worker != self.me.id}
        await self._take(channel, left, {self.me.id: self.claims.count(channel), **loads})
        self._share_out(channel, others, len(left))

    async def _left_by(self, sight: Sight) -> list[Owned]:
        """Return the accounts without an owner that lives, by the index; forget workers that have left nothing."""
        left = list(await self._owned_by(NOBODY))
        for worker in sight.over:
            if self._failure_detector.is_due(worker):
                found = await self._owned_by(worker.id)
                left += found
                if not found:
                    await self._failure_detector.forget(worker)
        left = [owned for owned in left if owned.channel in self.me.channels and owned.key not in self.claims.accounts]
        now = self._clock.boottime()
        self._left_since = {owned.key: self._left_since.get(owned.key, now) for owned in left}
        return left

    def _is_ripe(self, owned: Owned) -> bool:
        """Tell whether to claim something by the index. What was handed back is for whom its giver has told, at first.

        The giver's count still has it, too: until its next beat the share looks larger than it is.
        """
        return owned.owner != NOBODY or self._clock.boottime() - self._left_since[owned.key] > RIPE_S

    async def _owned_by(self, owner: WorkerId) -> list[Owned]:
        return await self._rows.offload(lambda: list(self._rows.accounts.owned_by(owner)))

    # taking

    async def _take(self, channel: Channel, left: Sequence[Owned], loads: Loads) -> None:
        """Claim what of it falls to me, and what has been left lying, some at a time; with more to come, look again at once.

        While accounts do not get loaded, no more are claimed: another worker may do better.
        """
        waiting = sum(not account.is_loaded for account in self.claims.accounts.values())
        held = self.claims.count(channel)
        room = max(share({**loads, self.me.id: held}, len(left)) - held, 0)
        mine = [owned for owned in dealt(left, loads).get(self.me.id, ()) if self._is_ripe(owned)][:room]
        lying = self._left_lying(left)
        if lying and len(loads) > 1:
            self._give_from = self._clock.boottime() + GIVE_AGAIN_S  # some worker lives, and yet takes nothing: it is given nothing
        wanted = list(dict.fromkeys([*mine, *lying]))
        await for_each(wanted[: TAKEN_AT_A_LOOK if waiting < AT_ONCE else 0], self._take_one)
        if len(wanted) > TAKEN_AT_A_LOOK:
            self.beats.news.set()

    def _left_lying(self, left: Sequence[Owned]) -> list[Owned]:
        """Return what nobody took for long, whoever was to take it; each worker begins elsewhere."""
        since = self._clock.boottime() - LEFT_LYING_S
        lying = [owned for owned in left if self._left_since[owned.key] < since]
        return sorted(lying, key=lambda owned: crc32(f"{self.me.id} {owned.tenant_id}".encode()))

    async def _take_one(self, owned: Owned) -> None:
        if account := await self.claims.by_index(owned):
            async with asyncio.timeout(LOADED_WITHIN_S):
                await account.loaded()

    # handing back (rule 8) and over (rule 7)

    def _share_out(self, channel: Channel, others: Loads, left: int) -> None:
        staying = self._staying(channel)
        if not self.waits_with_giving:
            self._hand_back(self._rebalance[channel].to_give({**others, self.me.id: len(staying)}, left), others, staying)

    def _drain(self, sight: Sight) -> None:
        """Hand back some at each look, while somebody takes them; then end."""
        under_way = False
        for channel in sorted(self.me.channels):
            takers = {worker.id: worker.load(channel) for worker in sight.takers(channel) if worker.id != self.me.id}
            staying = self._staying(channel)
            if takers and staying:
                self._hand_back(GIVEN_AT_ONCE, takers, staying)
            under_way |= bool(takers and (staying or self._leaving))
        if not under_way:
            self.stop()

    def _staying(self, channel: Channel) -> list[Key]:
        return [key for key, account in self.claims.accounts.items() if key[1] is channel and not account.leaving]

    def _hand_back(self, count: int, takers: Loads, among: Sequence[Key]) -> None:
        given = sorted(among, key=lambda key: self.claims.accounts[key].disturbance)[:count]
        for taker, keys in dealt(given, takers).items():
            for key in keys:
                task = asyncio.create_task(self._hand_back_one(key, taker))
                self._leaving.add(task)
                task.add_done_callback(self._leaving.discard)

    async def _hand_back_one(self, key: Key, taker: WorkerId) -> None:
        """Hand an account back, then tell who is to take it: with its next beat, before the index shows it."""
        living = self.claims.tasks[key]
        await self.claims.accounts[key].hand_back()
        await asyncio.wait((living,))
        with contextlib.suppress(StoreUnavailable, TimeoutError):  # then it is found by the index
            await self._rows.offload(self._rows.workers.nudge, taker, key[0])

    async def _hand_over(self) -> None:
        """Let every account finish and close, then say that this worker has ended: from then on others may claim.

        Beats go on until then.
        """
        for account in list(self.claims.accounts.values()):
            self._leaving.add(asyncio.create_task(account.hand_over()))
        if tasks := list(self.claims.tasks.values()):
            await asyncio.wait(tasks, timeout=HAND_OVER_S)
