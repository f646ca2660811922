"""The state that the Telegram parts of one account share: the core's context, the session, the peers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from listener.core.account_context import AccountContext
from listener.core.connect_limiter import ConnectLimiter
from listener.core.event_ledger import Ledger
from listener.telegram.connection.endpoint import TelegramEndpoint
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.requests.answers import AnswerRoom
from listener.telegram.session import Session
from listener.telegram.updates.update_state import UpdateState
from shared.store.peers import Peer


class TelegramContext:
    """One account's context. It connects to `endpoint`, and waits for its turn at `limiter` first; `answer_room` is its worker's."""

    def __init__(self, core: AccountContext, endpoint: TelegramEndpoint, limiter: ConnectLimiter, answer_room: AnswerRoom) -> None:
        self.core = core
        self._endpoint = endpoint
        self.limiter = limiter
        self.answer_room = answer_room
        self.session: Session | None = None
        self.peers = PeerCache(core.load_any_peer, clock=core.services.clock.boottime, keep=core.save_listed_peers)

    @property
    def endpoint(self) -> TelegramEndpoint:
        """Where this account connects to, through its proxy if it has one."""
        return replace(self._endpoint, proxy=self.core.proxy) if self.core.proxy else self._endpoint

    @property
    def user_id(self) -> int | None:
        """The account's own id, None if it is not logged in."""
        return self.session.user_id if self.session else None

    @property
    def ledger(self) -> Ledger[UpdateState] | None:
        """The account's ledger, None if it is not logged in."""
        return self.core.ledger

    def restore(self, session: str | None, state: str | None) -> None:
        """Read the stored session and update state. Safe to run twice."""
        self.session = Session.read(session) if session else None
        if self.user_id and state:
            self._start_ledger(UpdateState.read(state))

    async def save_session(self, session: Session) -> None:
        """Store the session."""
        await self.core.save_session(session.written())
        self.session = session

    async def log_in(self, session: Session, user_id: int, state: UpdateState, **status: Any) -> None:
        """Store a log-in that succeeded. It counts from then on; if the row cannot be written now, `complete` writes it later."""
        session = replace(session, user_id=user_id, login=None)
        await self.core.save_log_in(session.written(), str(user_id), state.written())
        self.session = session
        self._start_ledger(state)
        await self.core.note_log_in(str(user_id), **status)

    async def save_peers(self, peers: tuple[Peer, ...]) -> None:
        """Store peers; if storage is unavailable they are stored the next time."""
        if await self.core.save_peers(peers):
            self.peers.saved.add(peers)

    async def has_met(self, peer_id: int) -> bool:
        """Tell whether this peer is stored, because a message was delivered from it or sent to it."""
        return await self.core.load_peer(peer_id) is not None

    def _start_ledger(self, state: UpdateState) -> None:
        self.core.start_ledger(state, self.peers.saved.add, self.peers.saved.unsaved)
