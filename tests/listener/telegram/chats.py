"""Chats of every kind with Ann in them, and an inbound pipeline whose events a test accepts."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from listener.core.event_choice import EventChoice
from listener.core.event_ledger import Ledger
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.recent_sends import RecentSends
from listener.telegram.updates.update_handler import UpdateHandler
from listener.telegram.updates.update_state import UpdateState
from shared.model.event import MessageReceived
from shared.model.event_kinds import EventKind
from shared.model.ids import TenantId
from shared.store.peers import Peer
from testing.telegram_server.control.specs import GroupSpec, MediaSpec, SendSpec
from testing.telegram_server.mtproto.raw import UNKNOWN
from tests.listener.telegram.clients import ANN, BOB, CY, NOW, LoggedInAccount, TelegramHarness
from tests.support.listener_harness import until

TENANT = TenantId("0b7e9a52-0000-4000-8000-000000000001")
KINDS = ("private", "basic", "supergroup", "channel")


def choice_of(*kinds: EventKind) -> EventChoice:
    """Return the choice of a tenant that wants these kinds."""

    async def read() -> frozenset[EventKind]:
        return frozenset(kinds)

    return EventChoice(read, lambda: 0.0)


async def no_stored_peer(_: int) -> Peer | None:
    """Find no stored peer."""
    return None


@dataclass
class Chats:
    """Chats in which Bob writes to Ann, by kind; `sent` has the texts by Ann's id of the chat."""

    telegram: TelegramHarness
    ids: dict[str, int] = field(default_factory=dict)
    sent: dict[int, list[str]] = field(default_factory=dict)

    def make(self, name: str, kind: str) -> None:
        """Make a chat."""
        if kind == "private":
            self.ids[name] = self.telegram.id_of(BOB)
        else:
            spec = GroupSpec.model_validate({"kind": kind, "title": name, "creator": BOB, "members": [ANN, CY]})
            self.ids[name] = int(self.telegram.server.groups.create(spec)["id"])
        self.sent[self.ids[name]] = []

    def write(self, name: str, count: int = 1) -> None:
        """Make Bob write some messages."""
        chat = self.ids[name]
        for _ in range(count):
            text = f"{name} {len(self.sent[chat])}"
            self.telegram.write(text, to=ANN if chat > 0 else str(chat))
            self.sent[chat].append(text)

    def write_unreadable(self, name: str) -> None:
        """Make Bob send a message that no client can read."""
        media = MediaSpec.model_validate({"kind": "raw", "content": base64.b64encode(UNKNOWN)})
        chat = self.ids[name]
        self.telegram.server.messages.send(BOB, SendSpec(to=ANN if chat > 0 else str(chat), text="unreadable", media=media))


def chats_of(telegram: TelegramHarness, kinds: Iterable[str] = KINDS) -> Chats:
    """Return one chat of each kind, by its name."""
    chats = Chats(telegram)
    for kind in kinds:
        chats.make(kind, kind)
        chats.write(kind)
    for texts in chats.sent.values():
        texts.clear()  # from before the log-in
    return chats


class InboundPipeline:
    """An account's update handler and ledger. Events are accepted as they come, unless `held`."""

    def __init__(self, account: LoggedInAccount, bound: int = 1000) -> None:
        self.account = account
        self.bound = bound
        self.held = False
        self.accepted: list[MessageReceived] = []
        self.peers = PeerCache(no_stored_peer)
        self._waiting: list[str] = []
        self.open(account.state)

    def open(self, state: UpdateState) -> None:
        """Start a ledger from a state, as a new process does."""
        self._waiting = []
        self.ledger = Ledger(state, self._ready, lambda _: None, self.bound)
        self.update_handler = UpdateHandler(
            TENANT, self.account.user_id, self.peers, RecentSends(), self.ledger, lambda: NOW, choice_of(EventKind.MESSAGE)
        )

    def die(self) -> None:
        """Lose everything that was not accepted, as a crash does."""
        self.open(self.ledger.durable)

    def accept(self, count: int = 1_000_000) -> None:
        """Accept events in the order in which they are ready."""
        while self._waiting and count:
            entry = self.ledger.head(self._waiting.pop(0))
            assert isinstance(entry.event, MessageReceived)
            self.accepted.append(entry.event)
            self.ledger.accepted(entry)
            count -= 1

    def _ready(self, ledger: Ledger[UpdateState], group: str) -> None:
        if ledger is self.ledger:
            self._waiting.append(group)
            if not self.held:
                asyncio.get_running_loop().call_soon(self._accept_one, ledger)

    def _accept_one(self, ledger: Ledger[UpdateState]) -> None:
        if ledger is self.ledger and not self.held:
            self.accept(1)

    def texts(self, chat: int) -> list[str]:
        """Return a chat's texts in order, without repeats of an event id."""
        return list(
            dict.fromkeys(event.message.text for event in self.accepted if event.message.chat_id == str(chat) and event.message.text)
        )

    def holds(self, chats: Chats) -> bool:
        """Tell whether every text that was sent has arrived."""
        return all(set(texts) <= set(self.texts(chat)) for chat, texts in chats.sent.items())

    def by_chat(self, chats: Chats) -> dict[int, list[str]]:
        """Return the texts by chat, in the form of `Chats.sent`."""
        return {chat: self.texts(chat) for chat in chats.sent}


@asynccontextmanager
async def serving(telegram: TelegramHarness, inbound: InboundPipeline) -> AsyncIterator[Client]:
    """Give a client that starts from the ledger's latest state."""
    async with connected(
        inbound.account.session, inbound.ledger.latest, telegram.lease.guard(), telegram.endpoint, inbound.update_handler.take
    ) as client:
        yield client


async def until_idle(client: Client) -> None:
    """Wait until a client has nothing under way."""
    await until(
        lambda: (
            client.synced_at
            and client._updates_queue.empty()
            and not client.message_box.getting_diff_for
            and not client.message_box.possible_gaps
        )
    )
    await until(lambda: client.receiver and not client.receiver.busy)
