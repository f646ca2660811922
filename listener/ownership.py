"""Which accounts are mine: beat, kill, claim, hand over, end.

Telegram destroys a session whose key sends over two connections. So at any moment at most one worker has connections for an account:

    1 beat      every 3 s: raise my row's number, if it is what I left and I am live; the lease counts from before the beat was sent
    2 fence     12 s after the last good beat every connection is aborted, and this worker id holds nothing ever again
    3 kill      a row unchanged for 16 s of my own clock is declared dead, if it is still unchanged; late beats fail on that
    4 claim     only accounts whose owner is none, ended, dead or absent; then check my own lease, then load, then connect
    7 hand over commands finish, events become durable, connections close, marks are saved, and only then my row says ended

(The numbers are those of docs/architecture.md.) One row per worker beats; an account costs nothing while it is idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from aws_lambda_powertools import Logger

from listener.account import Account
from listener.holding import Holding
from listener.lease import BEAT_DEADLINE_S, BEAT_EVERY_S, SILENCE_S, Lease
from listener.offload import Offload
from listener.patience import happens
from shared.clock import Clock
from shared.errors import AvioError, Code
from shared.model.account import Account as Row
from shared.model.ids import NOBODY, Channel, TenantId, WorkerId
from shared.model.worker import Worker, WorkerState, nudged_tenant
from shared.store.accounts import AccountStore
from shared.store.fenced import Superseded
from shared.store.table import ConditionFailed, StoreUnavailable
from shared.store.workers import KEPT_AFTER_END, WorkerStore

WATCH_EVERY_S = 3.0
HAND_OVER_S = 30.0
RECLAIM_AFTER_S = 10.0
Hold = Callable[[Row, WorkerId], Holding]
_Key = tuple[TenantId, Channel]


class Lapsed(Exception):
    """The lease is over: this worker id holds nothing any more. The process goes on under a new one."""


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
        self, me: Worker, lease: Lease, rows: Rows, hold: Callable[[Row, WorkerId], Holding], clock: Clock, logger: Logger
    ) -> None:
        self.me = me
        self.lease = lease
        self._rows = rows
        self._hold = hold
        self._clock = clock
        self._logger = logger
        self._beat = me.beat
        self._nudges: frozenset[str] = frozenset()
        self._heard: frozenset[str] = frozenset()
        self._news = asyncio.Event()
        self._seen: dict[WorkerId, tuple[int, float]] = {}
        self._accounts: dict[_Key, Account] = {}
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        self._astray: set[_Key] = set()  # what rows may say is mine though I do not hold it; each look around claims it again
        self._claiming: WeakValueDictionary[_Key, asyncio.Lock] = WeakValueDictionary()
        self._leaving: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()

    @property
    def held(self) -> int:
        """How many accounts this worker holds."""
        return len(self._accounts)

    async def run(self) -> None:
        """Register, then beat and watch until told to stop; then hand over. Raises Lapsed where the lease was lost.

        However it ends: first every connection is cut for good, and only then the row says that this worker has ended, which lets
        others claim.
        """
        sent_at = self._clock.boottime()
        await self._rows.offload(self._rows.workers.register, self.me)
        self.lease.extend(sent_at)
        tasks = [asyncio.create_task(work) for work in (self._beats(), self._fence(), self._watch(), self._stopping.wait())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            await self._hand_over()
        finally:
            self.lease.lapse()
            leftover = [*tasks, *self._leaving, *self._tasks.values()]
            for task in leftover:
                task.cancel()
            await asyncio.gather(*leftover, return_exceptions=True)
            with contextlib.suppress(StoreUnavailable, TimeoutError):  # then its peers find it silent
                await self._rows.offload(self._rows.workers.end, self.me.id, self._clock.now())

    def stop(self) -> None:
        """Have `run` hand over and return."""
        self._stopping.set()

    async def account(self, tenant_id: TenantId, channel: Channel) -> Account:
        """Return an account that is mine, claiming it first where nobody live has it; raises `not_mine`."""
        key = (tenant_id, channel)
        account = await self._claim_unless_held(key)
        if account is None or self._stopping.is_set():
            raise AvioError(Code.NOT_MINE)
        await account.loaded()
        return account

    def held_account(self, tenant_id: TenantId, channel: Channel) -> Account | None:
        """Return an account that is held here, without claiming it or waiting for it."""
        return self._accounts.get((tenant_id, channel))

    # rule 1 and 2

    async def _beats(self) -> None:
        while True:
            began = self._clock.boottime()
            await self.beat_once(began)
            if not self.lease.held():
                raise Lapsed
            await asyncio.sleep(max(0.0, BEAT_EVERY_S - (self._clock.boottime() - began)))

    async def _fence(self) -> None:
        """End at the lease's end, to the moment: a beat that is waited for delays nothing."""
        while self.lease.held():  # noqa: ASYNC110  time itself is waited for; beats push the end on
            await asyncio.sleep(self.lease.remaining_s())
        raise Lapsed

    async def beat_once(self, sent_at: float) -> None:
        """Send one beat. What went wrong is no reason to stop before the lease's end, unless the row says that I am dead."""
        heard = self._heard
        beat = self._rows.beats.beat
        try:
            row = await self._rows.beat_offload.within(BEAT_DEADLINE_S, beat, self.me.id, self._beat, self.held, heard)
        except ConditionFailed as failed:
            self._catch_up_with(failed.item)
            return
        except (StoreUnavailable, TimeoutError):
            self._logger.warning("beat missed", extra={"worker": self.me.id, "remaining_s": round(self.lease.remaining_s(), 1)})
            return
        self._beat = row.beat
        self.lease.extend(sent_at)
        self._heard -= heard
        self._nudges = row.nudges - self._heard
        if self._nudges:
            self._news.set()

    def _catch_up_with(self, row: dict[str, Any] | None) -> None:
        """Learn from the row that refused a beat: an earlier one had worked though its answer was lost, or I have been declared dead."""
        if row is None or row.get("state") != WorkerState.LIVE:
            self.lease.lapse()
            raise Lapsed
        self._beat = int(row["beat"])  # the next beat, at once or in three seconds, counts from its own sending

    async def _hear(self) -> None:
        """See to the nudges that came with the beats; each is taken off the row by the beat after."""
        for nudge in self._nudges:
            for channel in Channel:
                if account := self._accounts.get((nudged_tenant(nudge), channel)):
                    with contextlib.suppress(Superseded):  # its task learns that by itself
                        await account.look_again()
            self._heard |= {nudge}
        self._nudges = frozenset()

    # rules 3, 4 and 8

    async def _watch(self) -> None:
        while not self.lease.lapsed:  # not only by being cancelled: a cancellation can drown in a time-out of the same moment
            self._news.clear()
            try:
                await self._hear()
                await self.look_around()
            except (StoreUnavailable, TimeoutError) as error:
                self._logger.warning("watch failed", extra={"fault": type(error).__name__})
            await happens(self._news, WATCH_EVERY_S)

    async def look_around(self) -> None:
        """Declare silent workers dead, and claim what those that are over have left."""
        workers = await self._rows.offload(self._rows.workers.all)
        gone = [worker for worker in workers if await self._is_gone(worker)]
        live = [worker for worker in workers if worker.state is WorkerState.LIVE and worker not in gone]
        for key in list(self._astray):
            await self._claim_unless_held(key)
        await self._take_over(NOBODY, live)
        for worker in gone:
            if not await self._take_over(worker.id, live) and self._is_old(worker):
                await self._rows.offload(self._rows.workers.forget, worker.id)

    def _is_old(self, worker: Worker) -> bool:
        return worker.ended_at is not None and self._clock.now() - worker.ended_at > KEPT_AFTER_END

    async def _is_gone(self, worker: Worker) -> bool:
        """Tell whether a worker is over, after declaring it dead where it has been silent for long enough."""
        if worker.state is not WorkerState.LIVE:
            return True
        if worker.id == self.me.id:
            return False
        now = self._clock.boottime()
        beat, since = self._seen.get(worker.id, (None, now))
        if beat != worker.beat:
            self._seen[worker.id] = (worker.beat, now)
            return False
        if now - since < SILENCE_S:
            return False
        self._logger.warning("declaring a silent worker dead", extra={"worker": worker.id})
        return await self._rows.offload(self._rows.workers.kill, worker.id, worker.beat, self._clock.now())

    async def _take_over(self, owner: WorkerId, live: Iterable[Worker]) -> int:
        """Claim what an owner that is over has left, up to a fair share of it; return how many it had left.

        The index lags: it is asked again with every look around, for as long as the row is kept.
        """
        left = await self._rows.offload(lambda: list(self._rows.accounts.owned_by(owner)))
        others = [worker.accounts for worker in live if worker.id != self.me.id]
        share = -(-(sum(others) + self.held + len(left)) // (len(others) + 1))
        for tenant_id, channel in left[: max(share - self.held, 0)]:
            await self._claim_unless_held((tenant_id, channel))
        return len(left)

    async def _claim_unless_held(self, key: _Key) -> Account | None:
        async with self._claiming.setdefault(key, asyncio.Lock()):
            return self._accounts.get(key) or await self._claim(*key)

    async def _claim(self, tenant_id: TenantId, channel: Channel) -> Account | None:
        """Become an account's owner, if its owner is none, nobody, ended, dead or absent; None otherwise.

        Only while the lease is held: before it, peers read that I am absent. A claim that fails or is cancelled may have been applied, or
        be so later: the account is astray until a row shows what became of it.
        """
        if self._stopping.is_set() or not self.lease.held():
            return None
        key = (tenant_id, channel)
        seen = await self._rows.offload(self._rows.accounts.get, tenant_id, channel)
        if seen and seen.owner and not await self._is_over(seen.owner):
            self._astray.discard(key)
            return None
        self._astray.add(key)
        row = await self._rows.offload(self._rows.accounts.claim, tenant_id, channel, seen, self.me.id, secrets.token_hex(8))
        if row is None or not self.lease.held():
            return None
        self._astray.discard(key)
        account = self._accounts[key] = Account(self._hold(row, self.me.id))
        self._tasks[key] = asyncio.create_task(self._live(key, account))
        self._logger.info("account claimed", extra={"tenant_id": tenant_id, "epoch": row.epoch, "worker": self.me.id})
        return account

    async def _is_over(self, owner: WorkerId) -> bool:
        if owner in (NOBODY, self.me.id):
            return True  # mine, and yet I do not hold it: its task has failed
        worker = await self._rows.offload(self._rows.workers.get, owner)
        return worker is None or worker.state is not WorkerState.LIVE

    async def _live(self, key: _Key, account: Account) -> None:
        """Run an account's task; where it fails in a way that nobody thought of, claim the account again after a while."""
        try:
            await account.run()
        except Exception as error:  # the edge of the account's task: its failure is its own
            self._logger.error("account task failed", extra={"tenant_id": key[0], "fault": type(error).__name__}, exc_info=error)
            await asyncio.sleep(RECLAIM_AFTER_S)
            del self._accounts[key], self._tasks[key]
            self._astray.add(key)
            self._news.set()
        else:
            del self._accounts[key], self._tasks[key]

    # rule 7

    async def _hand_over(self) -> None:
        """Let every account finish and close, then say that this worker has ended: from then on others may claim.

        Beats go on until then.
        """
        for account in list(self._accounts.values()):
            self._leaving.append(asyncio.create_task(account.hand_over()))
        if tasks := list(self._tasks.values()):
            await asyncio.wait(tasks, timeout=HAND_OVER_S)
