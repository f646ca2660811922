"""What a worker knows of one account that it owns, and every durable change to it.

Each write carries the epoch of the claim: once a later owner has loaded the account, every write here is refused, the guard is closed and
the account's task ends.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from listener.core.event_ledger import Ledger, Position, Writer
from listener.core.media_files import MediaFiles
from listener.core.metrics import ChannelMetrics, no_metrics
from listener.core.ownership.lease import Guard
from listener.core.runtime.backoff import AWS_AWAY
from listener.core.runtime.offload import Offload
from listener.core.session_store import Saved, SessionStore
from shared.clock import Clock
from shared.crypto import DecryptionFailed, Envelope
from shared.model.account import Account, AccountState, Wanted
from shared.model.event import AccountStatusChanged, StatusChange, event_id
from shared.model.event_kinds import EventKind
from shared.model.ids import Channel, TenantId, WorkerId
from shared.model.proxy import Proxy
from shared.model.states import Reason, may_become, move
from shared.store import erasure, status_outbox
from shared.store.accounts import AccountStore
from shared.store.fenced import FencedStore, Superseded
from shared.store.peers import Peer, PeerStore
from shared.store.proxies import ProxyStore
from shared.store.session_key_claims import SessionKeyClaims, Unowned, fingerprint
from shared.store.table import Put, Table
from shared.store.tenants import TenantStore

P = TypeVar("P", bound=Position)
Peers = tuple[Peer, ...]


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
    clock: Clock
    logger: Logger
    files: MediaFiles
    metrics: Mapping[Channel, ChannelMetrics] = field(default_factory=no_metrics)

    def now(self) -> datetime:
        """Return the wall time."""
        return self.clock.now()


_UNTROUBLED: dict[str, None] = dict.fromkeys(("last_error", "restricted_until", "frozen_until", "appeal_url"))
"""What the row says of a log-in's troubles at its begin and after its end."""


class AccountContext:
    """One account while this worker owns it: its row, its guard, its ledger, and the writes that change what is stored of it."""

    def __init__(self, row: Account, me: WorkerId, guard: Guard, services: WorkerServices) -> None:
        self.row = row
        self.guard = guard
        self.services = services
        self.ledger: Ledger[Any] | None = None
        self.last_event_at: datetime | None = None
        self.released = False
        self._changes_told = 0
        self.proxy: Proxy | None = None
        self._proxies = ProxyStore(services.table, services.envelope)
        self._me = me
        self._store = SessionStore(row.tenant_id, row.channel, row.epoch, services.fenced, services.envelope)
        self._saving = asyncio.Lock()

    @property
    def tenant_id(self) -> TenantId:
        """Whose account this is."""
        return self.row.tenant_id

    @property
    def metrics(self) -> ChannelMetrics:
        """What the account's channel adds to where something is to be measured."""
        return self.services.metrics[self.row.channel]

    async def load(self) -> Saved:
        """Fence and return what is stored; raises Superseded, and DecryptionFailed the first time that the session cannot be decrypted.

        After that somebody asks for the account all the same, to log in anew or out: then it goes on as an account without a session.
        What is stored is replaced by the next log-in only.
        """
        try:
            saved = await self.services.offload(self._store.load)
        except DecryptionFailed:
            if self.row.state is not AccountState.FAILED and self.row.wanted is None:
                raise
            saved = Saved()
        self.last_event_at = saved.last_event_at
        if self.row.proxied is not False:
            self.proxy = await self.services.offload(self._proxies.get, self.tenant_id, self.row.channel)
        return saved

    async def complete(self, shown: tuple[AccountState, Reason] | None, user_id: str | None) -> None:
        """Have the row say what the session shows, where a death came between the two writes of a step."""
        if shown and may_become(self.row.state, shown[0]):
            self.log("row completed", becomes=shown[0])
            await self.set_status(*shown, user_id=user_id or self.row.user_id)

    def start_ledger(self, position: P, saved: Callable[[Peers], None], missing: Callable[[Peers], Peers]) -> Ledger[P]:
        """Take events from now on, behind this position.

        `saved` is told which peers have been stored with an event, `missing` returns those of an event's peers that still are not.
        """
        ledger = self.ledger = Ledger(position, self.services.writer.ready, saved, missing=missing, metrics=self.metrics)
        return ledger

    async def set_status(self, state: AccountState | None = None, reason: Reason | None = None, **changes: Any) -> None:
        """Change the account's row, if that changes it; raises Superseded where it is no longer ours."""
        row, store = self.row, self.services.accounts
        changes = {name: value for name, value in {**_moved(row, state, reason), **changes}.items() if getattr(row, name) != value}
        if not changes:
            return
        told = self._told(changes)
        if not await self.services.offload(store.set_status, row.tenant_id, row.channel, self._me, row.epoch, changes, told):
            raise Superseded
        self._changes_told += told is not None
        self.metrics.keys_duplicated += changes.get("state") is AccountState.KEY_DUPLICATED
        self.row = self.row.model_copy(update=changes)  # another change may have come in between

    def _told(self, changes: dict[str, Any]) -> Put | None:
        """Return the write of the event that tells of a change of the row; None if the change is not told.

        A change whose answer is lost is written again with the same number, and so told once.
        """
        status = status_change(self.row, changes, self.services.now())
        if status is None or self.row.wanted is Wanted.ERASE:
            return None
        row, number = self.row, self._changes_told
        names = {"tenant_id": row.tenant_id, "channel": row.channel, "received_at": self.services.now()}
        name = event_id(row.channel, row.tenant_id, "-", f"{row.epoch}/{number}", "account.status")
        return status_outbox.put(AccountStatusChanged(id=name, status=status, **names), row.epoch, number)

    async def note(self, state: AccountState | None = None, reason: Reason | None = None, **changes: Any) -> None:
        """Change status that may as well be missing for a while: where storage is away it stays as it is."""
        with contextlib.suppress(*AWS_AWAY):
            await self.set_status(state, reason, **changes)

    def log(self, message: str, **fields: Any) -> None:
        """Log a line about this account."""
        self.services.logger.info(message, extra={"tenant_id": self.tenant_id, "state": self.row.state, **fields})

    async def save_session(self, session: str | None) -> None:
        """Store the session as it is now, or that there is none."""
        async with self._saving:
            await self.services.offload(self._store.save_session, session)

    async def save_log_in(self, session: str, user_id: str, position: str) -> None:
        """Store a log-in that succeeded: position, then session; a death in between leaves the log-in as it was before.

        The peers of another user go first: another person's access hashes open nothing.
        """
        if self.row.user_id not in (None, user_id):
            await self.services.offload(self.services.peers.drop_all, self.tenant_id, self.row.channel)
        await self.services.offload(self._store.save_position, position)
        await self.save_session(session)

    async def note_log_in(self, user_id: str, **status: Any) -> None:
        """Have the row say that somebody is logged in; where a death comes before, the next load completes it."""
        await self.set_status(AccountState.AUTHORIZED, Reason.LOGGED_IN, user_id=user_id, **_UNTROUBLED, **status)

    async def save_proxy(self, proxy: Proxy | None) -> None:
        """Store the account's proxy, or that it has none. Connections from now on go through it."""
        await self.services.offload(self._proxies.put, self.tenant_id, self.row.channel, self.row.epoch, proxy)
        self.proxy, self.row = proxy, self.row.model_copy(update={"proxied": proxy is not None})

    async def claim_session_key(self, credentials: bytes) -> bool:
        """Claim a key that came from elsewhere for this account alone; False if another account has it. Raises Superseded."""
        row, claims = self.row, SessionKeyClaims(self.services.table)
        try:
            return await self.services.offload(claims.claim, row.tenant_id, row.channel, row.epoch, fingerprint(credentials))
        except Unowned:
            raise Superseded from None

    async def release_credentials(self) -> None:
        """Give up the keys from elsewhere that this account has claimed. Safe to run twice."""
        await self.services.offload(SessionKeyClaims(self.services.table).release, self.tenant_id, self.row.channel)

    async def save_position(self, last_event_at: datetime | None = None) -> None:
        """Store the position behind which everything is durable, and when the last event came, where there was any."""
        self.last_event_at = last_event_at or self.last_event_at
        if self.ledger:
            async with self._saving:
                await self.services.offload(self._store.save_position, self.ledger.durable.written(), self.last_event_at)

    async def erase_session(self, state: AccountState, reason: Reason) -> None:
        """Say on the row that the session is over, and erase it.

        The row says why before the credentials go: after a death in between, their next owner finds out the same. The other way round
        the row would call an account logged in that has no session.
        """
        await self.set_status(state, reason)
        await self.release_credentials()  # first: while the session is stored, its next owner comes by here again
        async with self._saving:
            await self.services.offload(self._store.save_session, None)
            await self.services.offload(self._store.save_position, None)

    async def release_for_good(self) -> None:
        """Release an account whose session is erased: nobody looks for it until it is asked for again."""
        await self.release(done=Wanted.LOG_OUT, wanted=None, wanted_since=None, **_UNTROUBLED)

    async def release(
        self, state: AccountState | None = None, reason: Reason | None = None, done: Wanted | None = None, **changes: Any
    ) -> None:
        """Release the account with its credentials kept. Its connections are over before the row says so, which lets others claim.

        Not where something came to be wanted of it meanwhile: `released` tells, and the row what it is.
        """
        self.guard.close()
        row, store = self.row, self.services.accounts
        changes = {**_moved(row, state, reason), **changes}
        told = self._told({name: value for name, value in changes.items() if getattr(row, name) != value})
        release = (row.tenant_id, row.channel, self._me, row.epoch, changes, done, told)
        self.released = await self.services.offload(store.release, *release)
        self._changes_told += told is not None and self.released
        if not self.released:
            await self.look_again()

    async def want_log_out(self) -> None:
        """Have the row say that the account is to be logged out, unless it is to be erased, which it then says."""
        row, store = self.row, self.services.accounts
        await self.services.offload(store.want, row.tenant_id, row.channel, Wanted.LOG_OUT, self.services.now())
        await self.look_again()

    async def load_peer(self, peer_id: int | str) -> Peer | None:
        """Return what is stored of a peer: something was delivered from it or written to it."""
        return await self.services.offload(self.services.peers.get, self.tenant_id, self.row.channel, peer_id)

    async def load_any_peer(self, peer_id: int | str) -> Peer | None:
        """Return what is stored of a peer that was met, or that a list named."""
        return await self.services.offload(self.services.peers.get_any, self.tenant_id, self.row.channel, peer_id)

    async def chosen_events(self) -> frozenset[EventKind] | None:
        """Return the kinds of events that the tenant has chosen, None where it is gone; raises Malformed or one of AWS_AWAY."""
        return await self.services.offload(TenantStore(self.services.table).chosen_events, self.tenant_id)

    async def save_peers(self, peers: Iterable[Peer]) -> bool:
        """Store peers; tell whether all of them are stored. Where storage is away they are stored the next time."""
        try:
            for peer in peers:
                await self.services.offload(self.services.peers.put, self.tenant_id, self.row.channel, peer)
        except AWS_AWAY:
            return False
        return True

    async def save_listed_peers(self, peers: Iterable[Peer]) -> bool:
        """Store peers that a list named; tell whether they are stored. Where storage is away they are stored the next time."""
        try:
            await self.services.offload(self.services.peers.put_listed, self.tenant_id, self.row.channel, peers, self.services.now())
        except AWS_AWAY:
            return False
        return True

    async def give(self) -> None:
        """Leave the account to whoever claims it next. Its connections are over before the row says so."""
        self.guard.close()
        row, store = self.row, self.services.accounts
        await self.services.offload(store.give, row.tenant_id, row.channel, self._me, row.epoch)

    async def erase_account(self) -> None:
        """Erase the account, and with the tenant's last account everything of the tenant; raises Superseded if a later owner does that."""
        row = self.row
        if not await self.services.offload(erasure.erase_account, self.services.table, row.tenant_id, row.channel, row.epoch):
            raise Superseded

    async def look_again(self) -> Wanted | None:
        """Read the row anew and return what is wanted of the account now."""
        row = await self.services.offload(self.services.accounts.get, self.row.tenant_id, self.row.channel)
        if row is None or row.owner != self._me or row.epoch != self.row.epoch:
            raise Superseded
        self.row = row
        return row.wanted


_TOLD = {state for state in AccountState if state.logged_in} | {
    AccountState.LOGGING_OUT,
    AccountState.LOGGED_OUT,
    AccountState.KEY_DUPLICATED,
    AccountState.BANNED,
    AccountState.FAILED,
}
"""The states that are told. The steps of a log-in are not: whoever logs in has the answers."""
_UNTOLD = {Reason.QR_EXPIRED, Reason.QR_FAILED}
"""The ends of a log-in that was not complete."""


def status_change(row: Account, changes: Mapping[str, Any], now: datetime) -> StatusChange | None:
    """Return what a change of an account's row tells its tenant, or None.

    A logged-in account whose row gets a `last_error` has lost its connection; it has recovered when the row loses it.
    """
    state = changes.get("state", row.state)
    if "state" in changes and state in _TOLD and changes.get("reason") not in _UNTOLD:
        return StatusChange(state=state, reason=changes.get("reason"), at=now)
    if "last_error" in changes and "state" not in changes and row.state.logged_in and (changes["last_error"] is None or not row.last_error):
        error = changes["last_error"]
        return StatusChange(state=row.state, reason=row.reason, at=now, stale=error is not None, last_error=error)
    return None


def _moved(row: Account, state: AccountState | None, reason: Reason | None) -> dict[str, Any]:
    return {} if state is None or reason is None else dict(move(row.state, state, reason))
