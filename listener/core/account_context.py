"""What this worker holds of one account, and how changes of it become durable.

Everything is written under the epoch of the claim: once a later owner has loaded the account, every write here is refused, the guard is
closed and the account's task ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger

from listener.core.connect_limiter import ConnectLimiter
from listener.core.ledger import Ledger, Writer
from listener.core.ownership.lease import Guard
from listener.core.runtime.backoff import AWS_AWAY
from listener.core.runtime.offload import Offload
from listener.telegram.connection.endpoint import Telegram
from listener.telegram.peers.peer_book import PeerBook
from listener.telegram.session import PendingLogin, Session, SessionStore
from listener.telegram.updates.update_state import UpdateState
from shared.clock import Clock
from shared.crypto import Envelope, Unreadable
from shared.model.account import Account, AccountState, Wanted
from shared.model.ids import TenantId, WorkerId
from shared.model.states import Reason, may_become, move
from shared.store import erasure
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore, Superseded
from shared.store.peers import Peer, PeerStore
from shared.store.table import Table


@dataclass(frozen=True)
class WorkerServices:
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
    gate: ConnectLimiter = field(default_factory=ConnectLimiter)

    def now(self) -> datetime:
        """Return the wall time."""
        return self.clock.now()


_UNTROUBLED: dict[str, None] = dict.fromkeys(("last_error", "restricted_until", "frozen_until", "appeal_url"))
"""What the row says of a log-in's troubles at its begin and after its end."""


class AccountContext:
    """One account while this worker owns it."""

    def __init__(self, row: Account, me: WorkerId, guard: Guard, means: WorkerServices) -> None:
        self.row = row
        self.guard = guard
        self.means = means
        self.session: Session | None = None
        self.ledger: Ledger | None = None
        self.last_event_at: datetime | None = None
        self.released = False
        self.peers = PeerBook(self._load_peer, clock=means.clock.boottime)
        self._me = me
        self._box = SessionStore(row.tenant_id, row.channel, row.epoch, means.fenced, means.envelope)
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
        """Fence and load session and marks; raises Superseded, and Unreadable the first time that the session cannot be decrypted.

        After that somebody asks for the account all the same, to log in anew or out: then it goes on as one without a session. What is
        stored is replaced by the next log-in only.
        """
        try:
            self.session, marks, self.last_event_at = await self.means.offload(self._box.load)
        except Unreadable:
            if self.row.state is not AccountState.FAILED and self.row.wanted is None:
                raise
            self.session, marks = None, None
        if self.user_id and marks:
            self._start_ledger(marks)
        if self.row.wanted is None:
            await self._complete()

    async def set_status(self, state: AccountState | None = None, reason: Reason | None = None, **changes: Any) -> None:
        """Change the account's row, if that changes it; raises Superseded where it is no longer ours."""
        row, store = self.row, self.means.accounts
        changes = {name: value for name, value in {**_moved(row, state, reason), **changes}.items() if getattr(row, name) != value}
        if not changes:
            return
        if not await self.means.offload(store.set_status, row.tenant_id, row.channel, self._me, row.epoch, changes):
            raise Superseded
        self.row = self.row.model_copy(update=changes)  # another change may have come in between

    async def note(self, state: AccountState | None = None, reason: Reason | None = None, **changes: Any) -> None:
        """Change status that may as well be missing for a while: where storage is away it stays as it is."""
        with contextlib.suppress(*AWS_AWAY):
            await self.set_status(state, reason, **changes)

    def log(self, message: str, **fields: Any) -> None:
        """Log a line about this account."""
        self.means.logger.info(message, extra={"tenant_id": self.tenant_id, "state": self.row.state, **fields})

    async def save_session(self, session: Session | None) -> None:
        """Store the session as it is now, or that there is none."""
        async with self._saving:
            await self.means.offload(self._box.save_session, session)
            self.session = session

    async def authorise(self, session: Session, user_id: int, marks: UpdateState, **status: Any) -> None:
        """Store a log-in that succeeded: marks, then session, then status; a death in between is completed by the next load."""
        if self.row.user_id not in (None, user_id):
            await self.means.offload(self.means.peers.drop_all, self.tenant_id, self.row.channel)
        await self.means.offload(self._box.save_marks, marks)
        await self.save_session(replace(session, user_id=user_id, login=None))
        await self.set_status(AccountState.AUTHORIZED, Reason.LOGGED_IN, user_id=user_id, **_UNTROUBLED, **status)
        self._start_ledger(marks)

    async def save_marks(self, last_event_at: datetime | None = None) -> None:
        """Store the marks behind which everything is durable, and when the last event came, where one has come."""
        self.last_event_at = last_event_at or self.last_event_at
        if self.ledger:
            async with self._saving:
                await self.means.offload(self._box.save_marks, self.ledger.durable, self.last_event_at)

    async def let_go(self, state: AccountState, reason: Reason) -> None:
        """Erase the credentials and release the account for good: nobody looks for it until it is asked for again.

        The row says why before the credentials go: after a death in between, their next owner finds out the same. The other way round
        the row would call an account logged in that has no session.
        """
        await self.set_status(state, reason)
        async with self._saving:
            await self.means.offload(self._box.save_session, None)
            await self.means.offload(self._box.save_marks, None)
            self.session = None
        await self.release(done=Wanted.LOG_OUT, wanted=None, wanted_since=None, **_UNTROUBLED)

    async def release(
        self, state: AccountState | None = None, reason: Reason | None = None, done: Wanted | None = None, **changes: Any
    ) -> None:
        """Release the account with its credentials kept. Its connections are over before the row says so, which lets others claim.

        Not where something came to be wanted of it meanwhile: `released` tells, and the row what it is.
        """
        self.guard.close()
        row, store = self.row, self.means.accounts
        changes = {**_moved(row, state, reason), **changes}
        self.released = await self.means.offload(store.release, row.tenant_id, row.channel, self._me, row.epoch, changes, done)
        if not self.released:
            await self.look_again()

    async def want_log_out(self) -> None:
        """Have the row say that the account is to be logged out, unless it is to be erased, which it then says."""
        row, store = self.row, self.means.accounts
        await self.means.offload(store.want, row.tenant_id, row.channel, Wanted.LOG_OUT, self.means.now())
        await self.look_again()

    async def met(self, peer_id: int) -> bool:
        """Tell whether a conversation with this peer is kept: something was delivered from it or written to it."""
        return await self._load_peer(peer_id) is not None

    async def give(self) -> None:
        """Leave the account to whoever claims it next. Its connections are over before the row says so."""
        self.guard.close()
        row, store = self.row, self.means.accounts
        await self.means.offload(store.give, row.tenant_id, row.channel, self._me, row.epoch)

    async def keep(self, peers: tuple[Peer, ...]) -> None:
        """Keep peers beyond this process; where storage is away they are kept the next time."""
        with contextlib.suppress(*AWS_AWAY):
            for peer in peers:
                await self.means.offload(self.means.peers.put, self.tenant_id, self.row.channel, peer)
            self.peers.kept(peers)

    async def erase_tenant(self) -> None:
        """Erase everything of the account's tenant; raises Superseded where another owner goes on with that."""
        if not await self.means.offload(erasure.erase, self.means.table, self.tenant_id, self.row.epoch):
            raise Superseded

    async def look_again(self) -> Wanted | None:
        """Read the row anew and return what is wanted of the account now."""
        row = await self.means.offload(self.means.accounts.get, self.row.tenant_id, self.row.channel)
        if row is None or row.owner != self._me or row.epoch != self.row.epoch:
            raise Superseded
        self.row = row
        return row.wanted

    async def _complete(self) -> None:
        """Have the row say what the session is, where a death came between the two writes of a step."""
        found = _state_of(self.session, self.row.state)
        if found and may_become(self.row.state, found[0]):
            self.log("row completed", becomes=found[0])
            await self.set_status(*found, user_id=self.user_id or self.row.user_id)

    def _start_ledger(self, marks: UpdateState) -> None:
        self.ledger = Ledger(marks, self.means.writer.ready, self.peers.kept, missing=self.peers.missing)

    async def _load_peer(self, peer_id: int) -> Peer | None:
        return await self.means.offload(self.means.peers.get, self.tenant_id, self.row.channel, peer_id)


def _moved(row: Account, state: AccountState | None, reason: Reason | None) -> dict[str, Any]:
    return {} if state is None or reason is None else dict(move(row.state, state, reason))


def _state_of(session: Session | None, said: AccountState) -> tuple[AccountState, Reason] | None:
    """Return the state that a session is in, where its row says another one."""
    found: tuple[AccountState, Reason] | None = None
    match session:
        case Session(user_id=int()):
            found = None if said.logged_in else (AccountState.AUTHORIZED, Reason.LOGGED_IN)
        case Session(login=PendingLogin(code_accepted=True)):
            found = AccountState.NEED_2FA, Reason.PASSWORD_WANTED
        case Session(login=PendingLogin()):
            found = AccountState.CODE_SENT, Reason.CODE_WANTED
        case _ if said.logged_in:
            found = AccountState.LOGGED_OUT, Reason.KEY_UNKNOWN
        case _ if said in {AccountState.CODE_SENT, AccountState.NEED_2FA, AccountState.NEED_QR}:
            found = AccountState.NEW, Reason.NOT_STARTED
    return found if found and found[0] is not said else None
