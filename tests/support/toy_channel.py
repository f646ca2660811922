"""A second channel, in memory: a messenger whose ids are text, and the driver by which the listener's core speaks to it.

It shows that a channel is its own package: nothing in the core, in shared parts of functions or in the stores knows of it. It goes by the
name of WhatsApp, which has no driver yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from listener.core.account_context import AccountContext
from listener.core.channel import Handlers, SessionEnd
from listener.core.checkpoint import Checkpoint
from listener.core.event_ledger import Ledger
from listener.core.runtime.backoff import AWS_AWAY
from listener.core.runtime.signals import Signal, wait_for
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.event import Message, MessageReceived, event_id
from shared.model.ids import Channel
from shared.model.live_status import Live
from shared.model.states import Reason
from shared.rpc.log_in import LogInCode, StartLogIn, StateReached, VerifyLogIn
from shared.rpc.send import SendMessage, SendResult
from shared.store.peers import Peer

CODE = "12345"
DRAIN_S = 5.0
SEND_DEADLINE_S = 20.0


class Revoked(Exception):
    """The messenger does not know the session any more."""


@dataclass
class Inbox:
    """What a user has been written, in order, and the connection that listens to it."""

    messages: list[Message] = field(default_factory=list)
    news: Signal = field(default_factory=Signal)
    connections: int = 0


class ToyMessenger:
    """The messenger's server. It remembers whether a user ever had two connections at once: that destroys a real session.

    While it is `away`, nobody is logged out.
    """

    def __init__(self) -> None:
        self.away = False
        self.inboxes: dict[str, Inbox] = {}
        self.sessions: dict[str, str] = {}
        self.sent: dict[int, SendResult] = {}
        self.texts: list[str] = []
        self.was_duplicated = False

    def write(self, sender: str, to: str, text: str) -> None:
        """Have somebody write to a user."""
        inbox = self._inbox(to)
        number = len(inbox.messages) + 1
        inbox.messages.append(
            Message(
                chat_id=sender,
                message_id=f"{sender}-{number}",
                sender_id=sender,
                sender_name=sender.partition("@")[0],
                chat_type="private",
                text=text,
                date=datetime(2026, 3, 1, 12, 0, number % 60, tzinfo=UTC),
            )
        )
        inbox.news.set()

    def log_in(self, user_id: str) -> str:
        """Return the token of a new session."""
        token = secrets.token_hex(8)
        self.sessions[token] = user_id
        return token

    def revoke(self, user_id: str) -> None:
        """End a user's sessions, as somebody does on the phone."""
        self.sessions = {token: user for token, user in self.sessions.items() if user != user_id}
        self._inbox(user_id).news.set()

    @contextmanager
    def connected(self, token: str) -> Iterator[Inbox]:
        """Give a user's inbox while a connection lasts; raises Revoked."""
        if token not in self.sessions:
            raise Revoked
        inbox = self._inbox(self.sessions[token])
        inbox.connections += 1
        self.was_duplicated |= inbox.connections > 1
        try:
            yield inbox
        finally:
            inbox.connections -= 1

    def send(self, chat_id: str, text: str, random_id: int) -> SendResult:
        """Take a message, once for each random id."""
        if random_id not in self.sent:
            self.texts.append(text)
            self.sent[random_id] = SendResult(chat_id=chat_id, message_id=f"sent-{len(self.texts)}", date=datetime(2026, 3, 1, tzinfo=UTC))
        return self.sent[random_id]

    def _inbox(self, user_id: str) -> Inbox:
        return self.inboxes.setdefault(user_id, Inbox())


@dataclass(frozen=True)
class ToyPosition:
    """How many messages of the inbox are known."""

    taken: int

    def then(self, later: ToyPosition) -> ToyPosition:
        """Return the later of both."""
        return ToyPosition(max(self.taken, later.taken))

    def tells_more_than(self, saved: ToyPosition) -> bool:
        """Tell whether it is worth a write."""
        return self.taken > saved.taken

    def written(self) -> str:
        """Return it as it is stored."""
        return str(self.taken)


class ToyAccount:
    """A channel account. Its session is the user and a token, in JSON."""

    def __init__(self, context: AccountContext, messenger: ToyMessenger, wake: Signal) -> None:
        self._context = context
        self._messenger = messenger
        self._wake = wake
        self._token: str | None = None
        self._user_id: str | None = None
        self._phone: str | None = None
        self._ledger: Ledger[ToyPosition] | None = None
        self._up = Signal()

    @property
    def user_id(self) -> str | None:
        """The account's own id."""
        return self._user_id

    @property
    def live(self) -> Live:
        """How the account is doing."""
        return Live(connected=self._up.is_set(), last_event_at=self._context.last_event_at)

    def restore(self, session: str | None, position: str | None) -> None:
        """Take in what is stored."""
        if session and position:
            self._user_id, self._token = json.loads(session)
            self._start_ledger(ToyPosition(int(position)))

    def state_shown(self, said: AccountState) -> tuple[AccountState, Reason] | None:
        """Return the state that the session shows."""
        if self._user_id and not said.logged_in:
            return AccountState.AUTHORIZED, Reason.LOGGED_IN
        return (AccountState.LOGGED_OUT, Reason.KEY_UNKNOWN) if said.logged_in and not self._user_id else None

    async def pair(self, wake: Signal) -> None:
        """Wait for nothing: this messenger shows no codes."""

    async def serve(self, wake: Signal) -> SessionEnd | None:
        """Stay connected until woken or revoked."""
        assert self._token
        assert self._ledger
        checkpoint = Checkpoint(self._context.save_position, wake.set)
        self._ledger.moved = checkpoint.moved
        try:
            with self._messenger.connected(self._token) as inbox:
                await self._receive(inbox, self._ledger, wake)
        except Revoked:
            return SessionEnd(AccountState.LOGGED_OUT, Reason.REVOKED)
        finally:
            self._up.clear()
            checkpoint.stop()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_S):
                    await self._ledger.drained()
            await checkpoint.saved()
            with contextlib.suppress(*AWS_AWAY):
                await self._context.save_position()
        return None

    async def log_out(self, failures: int) -> bool:
        """End the session, unless the messenger is away."""
        if self._messenger.away:
            return False
        self._messenger.sessions.pop(self._token or "", None)
        return True

    def forget(self) -> None:
        """Drop the session."""
        self._user_id = self._token = None

    # commands

    async def start(self, command: StartLogIn) -> LogInCode:
        """Send the one code that there is."""
        self._phone = command.phone
        await self._context.set_status(AccountState.CODE_SENT, Reason.CODE_WANTED, phone=command.phone)
        return LogInCode(delivery="toy", length=len(CODE))

    async def verify(self, command: VerifyLogIn) -> StateReached:
        """Log in."""
        if command.code != CODE or self._phone is None:
            raise AvioError(Code.INVALID_CODE)
        user_id = f"{self._phone.removeprefix('+')}@c.us"
        self._user_id, self._token = user_id, self._messenger.log_in(user_id)
        position = ToyPosition(0)
        await self._context.save_log_in(json.dumps([user_id, self._token]), user_id, position.written())
        self._start_ledger(position)
        await self._context.note_log_in(user_id)
        self._wake.set()
        return StateReached(state=AccountState.AUTHORIZED)

    async def send(self, command: SendMessage) -> SendResult:
        """Send, once connected."""
        if not self._user_id:
            raise AvioError(Code.NOT_AUTHORIZED, state=str(self._context.row.state))
        if not await wait_for(self._up, SEND_DEADLINE_S):
            raise AvioError(Code.UNAVAILABLE)
        return self._messenger.send(command.to, command.text, command.random_id)

    async def _receive(self, inbox: Inbox, ledger: Ledger[ToyPosition], wake: Signal) -> None:
        self._up.set()
        while not wake.is_set():
            if self._token not in self._messenger.sessions:
                raise Revoked
            inbox.news.clear()
            for taken, message in enumerate(inbox.messages[ledger.latest.taken :], ledger.latest.taken + 1):
                while not ledger.append([(self._event(message), _sender(message))], ToyPosition(taken)):
                    await ledger.room()
            waits = [inbox.news.future(), wake.future()]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()

    def _event(self, message: Message) -> MessageReceived:
        row = self._context.row
        assert self._user_id
        return MessageReceived(
            id=event_id(row.channel, self._user_id, message.chat_id, message.message_id, "message"),
            tenant_id=row.tenant_id,
            channel=row.channel,
            received_at=self._context.services.now(),
            message=message,
        )

    def _start_ledger(self, position: ToyPosition) -> None:
        self._ledger = self._context.start_ledger(position, lambda _: None, tuple)


def _sender(_: Message) -> tuple[Peer, ...]:
    """Return the peers to be stored with an event: this messenger needs no keys to answer somebody."""
    return ()


async def _start(account: ToyAccount, command: StartLogIn) -> LogInCode:
    return await account.start(command)


async def _verify(account: ToyAccount, command: VerifyLogIn) -> StateReached:
    return await account.verify(command)


async def _send(account: ToyAccount, command: SendMessage) -> SendResult:
    return await account.send(command)


class ToyDriver:
    """The toy messenger at one worker."""

    channel = Channel.WHATSAPP
    handlers: ClassVar[Handlers] = dict([StartLogIn.handled_by(_start), VerifyLogIn.handled_by(_verify), SendMessage.handled_by(_send)])

    def __init__(self, messenger: ToyMessenger) -> None:
        self._messenger = messenger

    def open(self, context: AccountContext, wake: Signal) -> ToyAccount:
        """Return an account's side at the messenger."""
        return ToyAccount(context, self._messenger, wake)
