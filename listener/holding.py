"""What this worker holds of one account, and how changes of it become durable.

Everything is written under the epoch of the claim: once a later owner has loaded the account, every write here is refused, the guard is
closed and the account's task ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from listener.lease import Guard
from listener.ledger import Ledger, Writer
from listener.marks import Marks
from listener.offload import Offload
from listener.patience import AWS_AWAY
from listener.session import Session, Strongbox
from listener.telegram.peers import PeerBook
from listener.telegram.where import Telegram
from shared.clock import Clock
from shared.crypto import Envelope
from shared.model.account import Account, AccountState, Wanted
from shared.model.ids import TenantId, WorkerId
from shared.store import erasure
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore, Superseded
from shared.store.peers import Peer, PeerStore
from shared.store.table import Table


@dataclass(frozen=True)
class Means:
    """What every account of a worker works with."""

    table: Table
    accounts: AccountStore
    peers: PeerStore
    fenced: FencedStore
    envelope: Envelope
    offload: Offload
    writer: Writer
    telegram: Telegram
    clock: Clock
    logger: Logger

    def now(self) -> datetime:
        """Return the wall time."""
        return self.clock.now()


class Holding:
    """One account while this worker owns it."""

    def __init__(self, row: Account, me: WorkerId, guard: Guard, means: Means) -> None:
        self.row = row
        self.guard = guard
        self.means = means
        self.session: Session | None = None
        self.ledger: Ledger | None = None
        self.peers = PeerBook(self._load_peer, clock=means.clock.boottime)
        self._me = me
        self._box = Strongbox(row.tenant_id, row.channel, row.epoch, means.fenced, means.envelope)
        self._saving = asyncio.Lock()

    @property
    def tenant_id(self) -> TenantId:
        """Whose account this is."""
        return self.row.tenant_id

    @property
    def user_id(self) -> int | None:
        """The account's own id at Telegram, where it is logged in."""
        return self.session.user_id if self.session else None

    async def load(self) -> None:
        """Fence and load session and marks; raises Superseded. A log-in whose last write was cut off is completed."""
        self.session, marks = await self.means.offload(self._box.load)
        if self.user_id and marks:
            self._start_ledger(marks)
            if not self.row.state.logged_in and self.row.wanted is None:
                await self.set_status(state=AccountState.AUTHORIZED, user_id=self.user_id, reason=None)

    async def set_status(self, **changes: Any) -> None:
        """Change the account's row; raises Superseded where it is no longer ours."""
        row, store = self.row, self.means.accounts
        if not await self.means.offload(store.set_status, row.tenant_id, row.channel, self._me, row.epoch, changes):
            raise Superseded
        self.row = self.row.model_copy(update=changes)  # another change may have come in between

    async def note(self, **changes: Any) -> None:
        """Change status that may as well be missing for a while: where storage is away it stays as it is."""
        with contextlib.suppress(*AWS_AWAY):
            await self.set_status(**changes)

    def log(self, message: str, **fields: Any) -> None:
        """Log a line about this account."""
        self.means.logger.info(message, extra={"tenant_id": self.tenant_id, "state": self.row.state, **fields})

    async def save_session(self, session: Session) -> None:
        """Store the session as it is now."""
        async with self._saving:
            await self.means.offload(self._box.save_session, session)
            self.session = session

    async def authorise(self, session: Session, user_id: int, marks: Marks, **status: Any) -> None:
        """Store a log-in that succeeded: marks, then session, then status; a death in between is completed by the next load."""
        if self.row.user_id not in (None, user_id):
            await self.means.offload(self.means.peers.drop_all, self.tenant_id, self.row.channel)
        await self.means.offload(self._box.save_marks, marks)
        await self.save_session(session.model_copy(update={"user_id": user_id, "login": None}))
        await self.set_status(state=AccountState.AUTHORIZED, user_id=user_id, reason=None, last_error=None, **status)
        self._start_ledger(marks)

    async def save_marks(self) -> None:
        """Store the marks behind which everything is durable."""
        if self.ledger:
            async with self._saving:
                await self.means.offload(self._box.save_marks, self.ledger.durable)

    async def let_go(self, state: AccountState, reason: str | None) -> None:
        """Erase the credentials and release the account for good: nobody looks for it until it is asked for again."""
        async with self._saving:
            await self.means.offload(self._box.save_session, None)
            await self.means.offload(self._box.save_marks, None)
            self.session = None
        await self.release(state=state, reason=reason, wanted=None, wanted_since=None, restricted_until=None)

    async def release(self, **status: Any) -> None:
        """Release the account with its credentials kept. Its connections are over before the row says so, which lets others claim."""
        self.guard.close()
        row, store = self.row, self.means.accounts
        await self.means.offload(store.release, row.tenant_id, row.channel, self._me, row.epoch, status)

    async def keep(self, peers: tuple[Peer, ...]) -> None:
        """Keep peers beyond this process; where storage is away they are kept the next time."""
        with contextlib.suppress(*AWS_AWAY):
            for peer in peers:
                await self.means.offload(self.means.peers.put, self.tenant_id, self.row.channel, peer)
            self.peers.kept(peers)

    async def erase_tenant(self) -> None:
        """Erase everything of the account's tenant."""
        await self.means.offload(erasure.erase, self.means.table, self.tenant_id)

    async def look_again(self) -> Wanted | None:
        """Read the row anew and return what is wanted of the account now."""
        row = await self.means.offload(self.means.accounts.get, self.row.tenant_id, self.row.channel)
        if row is None or row.owner != self._me or row.epoch != self.row.epoch:
            raise Superseded
        self.row = row
        return row.wanted

    def _start_ledger(self, marks: Marks) -> None:
        self.ledger = Ledger(marks, self.means.writer.ready, self.peers.kept, missing=self.peers.missing)

    async def _load_peer(self, peer_id: int) -> Peer | None:
        return await self.means.offload(self.means.peers.get, self.tenant_id, self.row.channel, peer_id)
