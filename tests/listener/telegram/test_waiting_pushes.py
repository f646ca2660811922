"""Pushes that wait are one batch: what ends it, and what becomes of it where something goes wrong in its middle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from logging import getLogger
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon._updates.messagebox import ENTRY_ACCOUNT, GapError
from telethon._updates.messagebox import State as Entry
from telethon.tl import types

from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.message_box import LosslessMessageBox
from listener.telegram.updates.update_queue import UpdateQueue
from listener.telegram.updates.waiting_pushes import TOGETHER, apply_waiting
from testing.telegram_server.control.specs import ConnectionSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import Chats, InboundPipeline, chats_of, serving, until_idle
from tests.listener.telegram.clients import ANN, TelegramHarness
from tests.support.listener_harness import until

DATE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PTS, CHANNEL = 100, 4000


class Gate:
    """An account's `take` that can be shut: a batch then waits, and the pushes behind it wait in the queue."""

    def __init__(self, inbound: InboundPipeline) -> None:
        self._inbound = inbound
        self._open = asyncio.Event()
        self._open.set()
        self.waiting = False
        self.batches: list[Batch] = []

    async def __call__(self, batch: Batch, invoke: Invoke) -> bool:
        self.waiting = not self._open.is_set()
        await self._open.wait()
        self.waiting = False
        self.batches.append(batch)
        return await self._inbound.update_handler.take(batch, invoke)

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def sizes(self) -> list[int]:
        """Return how many new messages each batch had, of those with any."""
        return [size for batch in self.batches if (size := sum(hasattr(update, "message") for update in batch.updates))]


@asynccontextmanager
async def behind_a_gate(telegram: TelegramHarness, chats: Chats, inbound: InboundPipeline, name: str) -> AsyncIterator[tuple[Client, Gate]]:
    """Give a client whose first message waits at the gate."""
    gate = Gate(inbound)
    async with connected(inbound.account.session, inbound.ledger.latest, telegram.lease.guard(), telegram.endpoint, gate) as client:
        await until_idle(client)
        gate.shut()
        gate.batches.clear()
        chats.write(name)
        await until(lambda: gate.waiting)
        yield client, gate


async def until_pushed(client: Client, count: int) -> None:
    """Wait until so many pushes wait."""
    await until(lambda: client._updates_queue.qsize() == count)


@pytest.mark.parametrize("kind", ["private", "basic", "supergroup", "channel"])
async def test_pushes_that_wait_are_one_batch_with_the_state_behind_the_last(telegram: TelegramHarness, kind: str) -> None:
    """One append to the ledger: its position moves once, and is Telegram's own."""
    chats = chats_of(telegram, [kind])
    inbound = InboundPipeline(await telegram.log_in())
    chats.write(kind)  # the account has met chat and sender
    async with behind_a_gate(telegram, chats, inbound, kind) as (client, gate):
        chats.write(kind, 10)
        await until_pushed(client, 10)
        gate.open()
        await until(lambda: inbound.holds(chats))
        assert gate.sizes() == [1, 10]
    assert inbound.by_chat(chats) == chats.sent
    assert len(inbound.accepted) == 12
    async with serving(telegram, inbound) as client:
        await until_idle(client)
    assert len(inbound.accepted) == 12


async def test_a_batch_has_a_bound(telegram: TelegramHarness) -> None:
    """What waits beyond it is the next batch."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in())
    async with behind_a_gate(telegram, chats, inbound, "private") as (client, gate):
        chats.write("private", 2 * TOGETHER + 3)
        await until_pushed(client, 2 * TOGETHER + 3)
        gate.open()
        await until(lambda: inbound.holds(chats))
        assert gate.sizes() == [1, TOGETHER, TOGETHER, 3]
    assert inbound.by_chat(chats) == chats.sent


@pytest.mark.parametrize("fault", ["lose_push", "hold_push", "repeat_push", "too_long_push"])
@pytest.mark.parametrize("kind", ["private", "basic", "supergroup", "channel"])
async def test_a_gap_in_the_middle_loses_and_repeats_nothing(telegram: TelegramHarness, kind: str, fault: str) -> None:
    """What was pushed before it is handed on with its own state, and the difference brings the rest."""
    chats = chats_of(telegram, [kind])
    inbound = InboundPipeline(await telegram.log_in())
    chats.write(kind)
    async with behind_a_gate(telegram, chats, inbound, kind) as (client, gate):
        chats.write(kind, 3)
        await until_pushed(client, 3)
        telegram.server.operation.inject(FaultSpec.model_validate({"kind": fault, "phone": ANN}))
        chats.write(kind, 4)
        await until(lambda: client._updates_queue.qsize() >= 6)
        gate.open()
        await until(lambda: inbound.holds(chats))
        await until_idle(client)
    assert inbound.by_chat(chats) == chats.sent
    ids = [event.id for event in inbound.accepted]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ["private", "basic", "supergroup", "channel"])
async def test_a_message_that_cannot_be_read_in_the_middle_is_passed_over_alone(telegram: TelegramHarness, kind: str) -> None:
    """What was pushed around it arrives, in order."""
    chats = chats_of(telegram, [kind])
    inbound = InboundPipeline(await telegram.log_in())
    chats.write(kind)
    async with behind_a_gate(telegram, chats, inbound, kind) as (client, gate):
        chats.write(kind, 3)
        chats.write_unreadable(kind)
        chats.write(kind, 3)
        await until(lambda: client._updates_queue.qsize() >= 6)
        gate.open()
        await until(lambda: inbound.holds(chats) or client.ended_by)
        assert client.ended_by is None
    assert inbound.by_chat(chats) == chats.sent


@pytest.mark.parametrize("accepted", [0, 1, 4, 5])
async def test_a_death_before_the_whole_batch_is_accepted_brings_it_again(telegram: TelegramHarness, accepted: int) -> None:
    """The durable position is before the batch or behind it, never in its middle; what comes twice has the same id."""
    chats = chats_of(telegram, ["private", "basic"])
    inbound = InboundPipeline(await telegram.log_in())
    async with behind_a_gate(telegram, chats, inbound, "private") as (client, gate):
        inbound.held = True
        for name in ("private", "basic", "private", "basic"):
            chats.write(name)
        await until_pushed(client, 4)
        gate.open()
        await until(lambda: inbound.ledger.pending == 5)
        assert gate.sizes() == [1, 4]
        inbound.accept(accepted)
        states = [batch.state for batch in gate.batches]
        assert all(states)
        reached = {0: inbound.account.state.pts, 1: states[-2].pts, 4: states[-2].pts, 5: states[-1].pts}  # type: ignore[union-attr]
        assert inbound.ledger.durable.pts == reached[accepted]
    inbound.die()
    inbound.held = False
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent
    assert len({event.id for event in inbound.accepted}) == 5


async def test_a_connection_that_ends_while_a_batch_is_taken_leaves_the_position_before_it(telegram: TelegramHarness) -> None:
    """The batch was applied by the box and is gone with it: the next connection fetches all of it."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in())
    async with behind_a_gate(telegram, chats, inbound, "private") as (client, gate):
        chats.write("private", 5)
        await until_pushed(client, 5)
        gate.open()
        await until(lambda: gate.batches)
        gate.shut()
        chats.write("private", 5)
        await until(lambda: gate.waiting)
        before = inbound.ledger.latest
        await client.disconnect()  # cancels the update loop at the gate
        gate.open()
        assert inbound.ledger.latest == before
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent
    assert len(inbound.accepted) == 11


async def test_a_batch_that_finds_the_ledger_nearly_full_is_refused_as_a_whole(telegram: TelegramHarness) -> None:
    """Though a part of it would fit. Nothing after it is taken on this connection; the next one fetches it."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in(), bound=5)
    async with behind_a_gate(telegram, chats, inbound, "private") as (client, gate):
        inbound.held = True
        chats.write("private", 6)
        await until_pushed(client, 6)
        gate.open()
        await until(client.full.is_set)
        assert gate.sizes() == [1, 6]
        first = gate.batches[0].state
        assert first is not None
        assert (inbound.ledger.pending, inbound.ledger.latest.pts) == (1, first.pts)
        chats.write("private")
        assert client.up
    inbound.held = False
    inbound.accept()
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent
    assert len(inbound.accepted) == 8


async def test_pushes_before_a_new_channels_first_news_are_a_batch_of_their_own(telegram: TelegramHarness) -> None:
    """A channel that the account does not know is looked up before anything later is applied."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in())
    async with behind_a_gate(telegram, chats, inbound, "private") as (client, gate):
        chats.write("private", 2)
        chats.make("new", "supergroup")
        telegram.server.operation.inject(FaultSpec.model_validate({"kind": "too_long_push", "phone": ANN}))
        chats.write("new", 3)
        chats.write("private", 2)
        await until(lambda: client._updates_queue.qsize() >= 6)
        gate.open()
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent


async def test_a_connection_that_breaks_with_pushes_waiting_loses_none(telegram: TelegramHarness) -> None:
    """They are applied, or fetched by the next connection."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in())
    async with behind_a_gate(telegram, chats, inbound, "private") as (client, gate):
        chats.write("private", 20)
        await until_pushed(client, 20)
        telegram.server.operation.kick(ConnectionSpec(person=ANN))
        gate.open()
        await until(lambda: not client.up)
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent


# The message box and the queue alone


def a_box() -> Any:
    box: Any = LosslessMessageBox(getLogger("telethon"))
    box.map.update({ENTRY_ACCOUNT: Entry(PTS, 0), CHANNEL: Entry(PTS, 0)})
    box.next_deadline, box.seq = ENTRY_ACCOUNT, 1
    return box


def short(pts: int) -> Any:
    return types.UpdateShortMessage(pts, 7, f"message {pts}", pts, 1, DATE)


def in_channel(pts: int) -> Any:
    message = types.Message(id=pts, peer_id=types.PeerChannel(CHANNEL), date=DATE, message="")
    return types.Updates([types.UpdateNewChannelMessage(message, pts, 1)], [], [], DATE, 0)


def too_long(number: int) -> Any:
    return types.UpdatesTooLong()


def channel_too_long(number: int) -> Any:
    return types.UpdateShort(types.UpdateChannelTooLong(CHANNEL + number % 2), DATE)


def numbered(number: int) -> Any:
    """Return a push with a number of its own: the next, an old one, or one too far."""
    return types.Updates([types.UpdateUserTyping(7, types.SendMessageTypingAction())], [types.User(number)], [], DATE, number % 4)


PUSHES = st.lists(
    st.tuples(st.sampled_from([short] * 6 + [in_channel] * 3 + [numbered, too_long, channel_too_long]), st.integers(-1, 2)), max_size=80
)


@given(PUSHES)
def test_a_batch_is_what_its_pushes_are_one_by_one(plan: list[tuple[Any, int]]) -> None:
    """The same updates in the same order, and the same state behind them; whatever follows a gap stays in the queue."""

    async def run() -> None:
        together, single, queue = a_box(), a_box(), UpdateQueue(lambda: None)
        pushes = list(_numbered(plan))
        for push in pushes:
            queue.put_nowait(push)
        hashes, updates, users = ChannelHashes({}), list[Any](), list[Any]()
        apply_waiting(queue, together, hashes, updates, users, [])
        wanted: list[Any] = []
        wanted_users: list[Any] = []
        taken = len(pushes) - queue.qsize()
        for push in pushes[:taken]:
            assert single.settled
            try:
                wanted_users += single.process_updates(push, hashes, wanted)[0]
            except GapError:
                break
        assert updates == wanted
        assert users == wanted_users
        assert _state(together) == _state(single)
        assert queue.empty() or not single.settled or len(updates) >= TOGETHER or taken >= TOGETHER or len(users) >= TOGETHER

    asyncio.run(run())


def _numbered(plan: list[tuple[Any, int]]) -> Any:
    """Yield pushes, each with a pts near the one that is due in its sequence; one request for a difference at most, as in the queue."""
    due = {short: PTS, in_channel: PTS}
    for number, (kind, off) in enumerate(plan):
        if kind in due:
            due[kind] += 1
            yield kind(due[kind] + (off if off in (-1, 2) and number % 5 == 0 else 0))
        elif kind is not too_long or number == len(plan) // 2:
            yield kind(number)


def _state(box: Any) -> Any:
    gaps = {entry: [update.to_dict() for update in gap.updates] for entry, gap in box.possible_gaps.items()}
    return {entry: state.pts for entry, state in box.map.items()}, box.seq, box.date, gaps, box.getting_diff_for, box.unknown, box.moved
