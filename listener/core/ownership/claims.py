"""The accounts that this worker holds, and how it comes to hold one (rule 4).

    by its row      a command, a nudge, or a claim that may have worked: the row and its owner's are read, then it is claimed
    by the index    what owners that are over have left: claimed as the index shows it, without a read; the condition decides

A claim that fails or is cancelled may have been applied, or be so later. Such an account is astray: rows may say that it is mine though
nobody holds it. It is claimed again at each look around until a row shows an epoch that no claim of mine can still hold on.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from aws_lambda_powertools import Logger

from listener.core.account import OwnedAccount
from listener.core.account_context import AccountContext
from listener.core.channel import ChannelDriver
from listener.core.metrics import Holdings
from listener.core.ownership.failure_detector import FailureDetector
from listener.core.ownership.lease import Lease
from listener.core.phase import Phase
from listener.core.runtime.offload import Offload
from shared.model.account import Account
from shared.model.ids import Channel, TenantId, WorkerId
from shared.observability import log_malformed
from shared.store.accounts import AccountStore, Owned, TenantGone
from shared.store.rows import Malformed

RECLAIM_AFTER_S = 10.0
ABSENT = -1  # the epoch of a row that is not there
Key = tuple[TenantId, Channel]
OpenContext = Callable[[Account, WorkerId], AccountContext]


@dataclass(frozen=True)
class Claimant:
    """In whose name accounts are claimed, and what becomes of one that is."""

    me: WorkerId
    lease: Lease
    open_context: OpenContext
    drivers: Mapping[Channel, ChannelDriver]
    news: asyncio.Event


class Claims:
    """One worker's accounts. While `closed`, nothing more is claimed."""

    def __init__(self, claimant: Claimant, store: AccountStore, census: FailureDetector, offload: Offload, logger: Logger) -> None:
        self.accounts: dict[Key, OwnedAccount] = {}
        self.tasks: dict[Key, asyncio.Task[None]] = {}
        self.closed = False
        self._claimant = claimant
        self._store = store
        self._census = census
        self._offload = offload
        self._logger = logger
        self._astray: dict[Key, int] = {}  # with the highest epoch that a claim of mine was made on
        self._claiming: WeakValueDictionary[Key, asyncio.Lock] = WeakValueDictionary()

    def count(self, channel: Channel) -> int:
        """Return how many accounts of a channel are held here."""
        return sum(key[1] is channel for key in self.accounts)

    def holdings(self, channel: Channel) -> Holdings:
        """Return what is held here of a channel, for the metrics."""
        held = [account for key, account in self.accounts.items() if key[1] is channel]
        ledgers = [account.context.ledger for account in held]
        return Holdings(
            accounts=len(held),
            serving=sum(account.phase in (Phase.LOADING, Phase.SERVING) for account in held),
            ledger_depth=sum(ledger.pending for ledger in ledgers if ledger),
        )

    @property
    def astray(self) -> list[Key]:
        """What rows may say is mine though I do not hold it."""
        return list(self._astray)

    def count_lapses(self) -> None:
        """Count the accounts that are cut off, since the lease has lapsed."""
        for account in self.accounts.values():
            account.context.metrics.lapses += 1

    async def by_row(self, key: Key, *, create: bool = True) -> OwnedAccount | None:
        """Return an account that is mine, claiming it first where its owner is none, nobody, ended, dead or absent; None otherwise.

        An account without a row is new: it gets one, unless `create` is False. Raises TenantGone where it has no tenant.
        """
        async with self._lock(key):
            return self.accounts.get(key) or await self._claim_by_row(key, create)

    async def by_index(self, owned: Owned) -> OwnedAccount | None:
        """The same for what the index shows under an owner that is known to be over."""
        async with self._lock(owned.key):
            return self.accounts.get(owned.key) or (await self._claim(owned.key, owned) if self._may_claim(owned.key) else None)

    def _lock(self, key: Key) -> asyncio.Lock:
        return self._claiming.setdefault(key, asyncio.Lock())

    def _may_claim(self, key: Key) -> bool:
        """Tell whether to claim: the channel is served here, and the lease is held. Before it, peers read that I am absent."""
        return key[1] in self._claimant.drivers and not self.closed and self._claimant.lease.held()

    async def _claim_by_row(self, key: Key, create: bool) -> OwnedAccount | None:
        if not self._may_claim(key):
            return None
        try:
            seen = await self._offload(self._store.get, *key)
        except Malformed as fault:
            self._leave_alone(key, fault)
            return None
        if seen is None and not create and self._astray.get(key, 0) > ABSENT:
            self._astray.pop(key, None)  # erased: a claim that is still on its way finds nothing to claim
            return None
        if seen and seen.owner and not await self._census.is_over(seen.owner):
            self._astray.pop(key, None)
            return None
        return await self._claim(key, seen)

    async def _claim(self, key: Key, seen: Account | Owned | None) -> OwnedAccount | None:
        me, token = self._claimant.me, secrets.token_hex(8)
        self._astray[key] = max(seen.epoch if seen else ABSENT, self._astray.get(key, ABSENT))
        try:
            row = await self._offload(self._store.claim, *key, seen, me, token)
        except TenantGone:
            del self._astray[key]  # for good: no claim that is still on its way finds a tenant either
            raise
        except Malformed as fault:
            self._leave_alone(key, fault)
            return None
        if row is None or row.claim != token:
            self._learn(key, row)
            return None
        if not self._claimant.lease.held():
            return None
        del self._astray[key]
        account = self.accounts[key] = OwnedAccount(self._claimant.open_context(row, me), self._claimant.drivers[key[1]])
        account.context.metrics.claims += 1
        self.tasks[key] = asyncio.create_task(self._live(key, account))
        self._logger.info("account claimed", extra={"tenant_id": key[0], "epoch": row.epoch, "worker": me})
        return account

    def _leave_alone(self, key: Key, fault: Malformed) -> None:
        """Pass over an account whose row makes no sense until somebody asks for it again: it holds up nobody else."""
        self._astray.pop(key, None)
        log_malformed(fault, self._logger)

    def _learn(self, key: Key, row: Account | None) -> None:
        """Learn from the row that refused a claim. An epoch never comes again: claims of mine on earlier ones can work no more."""
        claimed_on = self._astray[key]
        if (row is None and claimed_on > ABSENT) or (row and row.owner != self._claimant.me and row.epoch > claimed_on):
            del self._astray[key]

    async def _live(self, key: Key, account: OwnedAccount) -> None:
        """Run an account's task; where it fails in a way that nobody thought of, claim the account again after a while."""
        try:
            await account.run()
        except Exception as error:  # the edge of the account's task: its failure is its own
            self._logger.error("account task failed", extra={"tenant_id": key[0], "fault": type(error).__name__}, exc_info=error)
            await asyncio.sleep(RECLAIM_AFTER_S)
            del self.accounts[key], self.tasks[key]
            self._astray.setdefault(key, account.context.row.epoch)
            self._claimant.news.set()
        else:
            del self.accounts[key], self.tasks[key]
