"""A batch on its way to the queue: its peers first, in few requests, and no event without them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from telethon.tl import types

from listener.core.event_ledger import Ledger, LedgerEntry
from listener.core.event_publisher import EventPublisher
from listener.core.runtime.offload import Offload
from listener.core.sqs_sender import Queue
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.update_state import UpdateState
from local.emulator_account import EmulatorAccount
from shared.model.event import Event
from shared.model.ids import Channel, TenantId
from shared.store.peers import Peer, PeerStore
from shared.store.table import Item, StoreUnavailable, Table
from testing.fake_aws.dynamodb import STATE
from tests.support.captured_log import CapturedLog
from tests.support.events import TENANT, event_of
from tests.support.fake_stores import fake_client
from tests.support.listener_harness import queue_of

TG, TOWN = Channel.TELEGRAM, -1000000004000
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class AskedTable(Table):
    """A table that counts what is asked of it, and refuses to write some peers."""

    def __init__(self, *refused: int) -> None:
        super().__init__(fake_client(), STATE)
        self.requests: list[str] = []
        self.refused = {f"PEER#telegram#{peer_id}" for peer_id in refused}
        self.away = False

    def put(self, item: Item, condition: str | None = None, values: Any = None) -> None:
        """Write, or refuse to."""
        self.requests.append("put")
        if self.away or item["sk"] in self.refused:
            raise StoreUnavailable
        super().put(item, condition, values)

    def put_many(self, items: Any) -> set[tuple[str, str]]:
        """Write those that are not refused."""
        self.requests.append("put_many")
        if self.away:
            raise StoreUnavailable
        rows = {(item["pk"], item["sk"]): item for item in items}
        refused = {key for key in rows if key[1] in self.refused}
        for key in rows.keys() - refused:
            super().put(rows[key])
        return refused


class PublisherScenario:
    """A ledger per account, a queue and a deliverer between them."""

    def __init__(self, queue: Queue, offload: Offload, *refused: int) -> None:
        self.table = AskedTable(*refused)
        self.store = PeerStore(self.table)
        self.log = CapturedLog()
        self.deliver = EventPublisher(queue, self.store, offload, self.log.logger)
        self.book = PeerCache(self._load)
        self.ready: list[str] = []
        self.ledger = self.ledger_of(self.book)

    def ledger_of(self, book: PeerCache) -> Ledger[UpdateState]:
        """Return the ledger of an account with these peers."""
        start = UpdateState(pts=1, qts=0, date=0, seq=0)
        return Ledger(start, lambda _, group: self.ready.append(group), book.saved.add, missing=book.saved.unsaved)

    def take(self, *events: tuple[Event, tuple[Peer, ...]]) -> list[LedgerEntry]:
        """Append events of different chats to the ledger; return their entries."""
        before = len(self.ready)
        self.ledger.append(events, UpdateState(pts=2, qts=0, date=0, seq=0))
        return [self.ledger.head(group) for group in self.ready[before:]]

    def settle(self, entries: list[LedgerEntry], accepted: list[bool]) -> None:
        """Tell the ledger what was accepted."""
        for entry, well in zip(entries, accepted, strict=True):
            if well:
                entry.ledger.accepted(entry)

    def kept(self, peer_id: int) -> Peer | None:
        """Return what is kept of a peer."""
        return self.store.get(TENANT, TG, peer_id)

    async def _load(self, peer_id: int) -> Peer | None:
        return self.kept(peer_id)


@pytest.fixture
async def line(account: EmulatorAccount) -> AsyncIterator[Callable[..., PublisherScenario]]:
    """Make a line, whose table refuses some peers."""
    offload = Offload(8, "test")
    queue = queue_of(account, offload)
    yield lambda *refused: PublisherScenario(queue, offload, *refused)
    await queue.close()
    offload.close()


def whole(peer_id: int, **fields: Any) -> Peer:
    return Peer(id=peer_id, kind="user", access_hash=peer_id * 10, **fields)


def glimpsed(peer_id: int, message: int = 1) -> Peer:
    return Peer(id=peer_id, kind="user", min_chat=TOWN, min_message=message, min_date=100 + message)


async def test_the_peers_of_a_batch_are_kept_before_its_events_leave(line: Callable[..., PublisherScenario]) -> None:
    """Whole ones in one request, and each `min` one by itself."""
    one = line()
    entries = one.take(*((event_of(chat_id=number), (whole(number), glimpsed(1000 + number))) for number in range(1, 4)))
    assert await one.deliver(entries) == [True] * 3
    assert sorted(one.table.requests) == ["put", "put", "put", "put_many"]
    assert [one.kept(number) for number in (1, 1001)] == [whole(1), glimpsed(1001)]


async def test_an_event_whose_peers_could_not_be_kept_is_refused(line: Callable[..., PublisherScenario]) -> None:
    """It alone: a customer who got it could not answer it after a restart. It goes once they are kept."""
    one = line(2, 1003)
    entries = one.take(*((event_of(chat_id=number), (whole(number), glimpsed(1000 + number))) for number in range(1, 5)))
    accepted = await one.deliver(entries)
    assert accepted == [True, False, False, True]
    assert one.log.said("events refused")[0]["refused"] == 2
    one.settle(entries, accepted)
    one.table.refused.clear()
    again = [entry for entry, well in zip(entries, accepted, strict=True) if not well]
    assert await one.deliver(again) == [True, True]
    assert [one.kept(number) for number in (2, 1003)] == [whole(2), glimpsed(1003)]


async def test_nothing_leaves_while_no_peer_can_be_kept(line: Callable[..., PublisherScenario]) -> None:
    """But for events whose peers are kept already."""
    one = line()
    first = one.take((event_of(chat_id=1), (whole(1),)))
    one.settle(first, await one.deliver(first))
    one.table.away = True
    entries = one.take((event_of(chat_id=1, message_id=2), (whole(1),)), (event_of(chat_id=2), (whole(2),)))
    assert await one.deliver(entries) == [True, False]


async def test_a_peer_that_two_events_of_a_batch_name_is_kept_once(line: Callable[..., PublisherScenario]) -> None:
    """As it came last, and whole rather than `min`: DynamoDB refuses a batch that writes one item twice."""
    one = line()
    named = [(whole(7, username="old"),), (whole(7, username="new"), glimpsed(8)), (whole(8),), (glimpsed(8), glimpsed(7))]
    entries = one.take(*((event_of(chat_id=number), peers) for number, peers in enumerate(named, 1)))
    assert await one.deliver(entries) == [True] * 4
    assert one.table.requests == ["put_many"]
    assert [one.kept(number) for number in (7, 8)] == [whole(7, username="new"), whole(8)]


async def test_the_same_id_is_another_peer_of_another_tenant(line: Callable[..., PublisherScenario]) -> None:
    """Each account has its own hash to it, and what one has kept the other has not."""
    one, other = line(), TenantId("11111111-0000-4000-8000-000000000002")
    entries = one.take((event_of(chat_id=7), (whole(7),)))
    one.ledger = one.ledger_of(PeerCache(one._load))
    entries += one.take((event_of(other, chat_id=7), (Peer(id=7, kind="user", access_hash=5),)))
    assert await one.deliver(entries) == [True, True]
    assert one.kept(7) == whole(7)
    assert one.store.get(other, TG, 7) == Peer(id=7, kind="user", access_hash=5)


async def test_a_thousand_events_of_known_peers_ask_dynamodb_nothing(line: Callable[..., PublisherScenario]) -> None:
    """A thousand of ten peers not known before cost one request, though all of them had come before the first peer was kept."""
    one = line()
    one.book.learn([types.User(id=chat, access_hash=chat, first_name="Bob") for chat in range(1, 11)])
    for number in (1, 101):
        events = [
            (event_of(chat_id=chat, message_id=message), one.book.unsaved(chat, chat, (message, NOON)))
            for message in range(number, number + 100)
            for chat in range(1, 11)
        ]
        one.ready.clear()
        one.ledger.append(events, UpdateState(pts=number, qts=0, date=0, seq=0))
        for start in range(0, 1000, 10):
            entries = [one.ledger.head(group) for group in one.ready[start : start + 10]]
            one.settle(entries, await one.deliver(entries))
        assert one.ledger.durable.pts == number
        assert one.table.requests == ["put_many"]
