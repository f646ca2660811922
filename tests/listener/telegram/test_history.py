"""Messages that no difference brings are read from the history, in order, and again after a crash."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from telethon import errors
from telethon.tl import functions, types

from listener.telegram.connection.connect import connected
from listener.telegram.updates.update_state import ChannelState
from testing.telegram_server.control.specs import CodeSpec, GroupSpec, PersonPatch, SendSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import KINDS, Chats, InboundPipeline, chats_of, serving, until_idle
from tests.listener.telegram.clients import ANN, BOB, TelegramHarness, ends
from tests.support.listener_harness import until


@pytest.fixture
def chats(telegram: TelegramHarness) -> Chats:
    """One chat of each kind."""
    return chats_of(telegram)


def too_long(telegram: TelegramHarness, kind: str) -> None:
    """Make the next difference of such a chat too long."""
    fault = "difference_too_long" if kind in ("private", "basic") else "channel_difference_too_long"
    telegram.server.operation.inject(FaultSpec.model_validate({"kind": fault, "phone": ANN, "times": None}))


async def caught_up(telegram: TelegramHarness, inbound: InboundPipeline, chats: Chats) -> None:
    """Connect and wait until everything that was sent has arrived."""
    async with serving(telegram, inbound) as client:
        await until(lambda: inbound.holds(chats) or client.ended_by)
        assert client.ended_by is None


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_difference_is_too_long_for_is_read_from_the_history(telegram: TelegramHarness, chats: Chats, kind: str) -> None:
    """More than two pages, in order, each message once, as backfilled; the state ends at Telegram's."""
    inbound = InboundPipeline(await telegram.log_in())
    chats.write(kind, 230)
    too_long(telegram, kind)
    await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent
    assert len(inbound.accepted) == 230
    assert all(event.backfilled for event in inbound.accepted)
    if kind in ("supergroup", "channel"):
        pts = telegram.server.groups.get(str(chats.ids[kind]))["pts"]
        assert (
            next(state.pts for channel, state in inbound.ledger.durable.channels.items() if chats.ids[kind] == -(10**12) - channel) == pts
        )


async def test_too_long_all_at_once_loses_nothing_of_any_chat(telegram: TelegramHarness, chats: Chats) -> None:
    """Account and channels at once; pushes meanwhile come after what was missed."""
    inbound = InboundPipeline(await telegram.log_in())
    for kind in KINDS:
        chats.write(kind, 20)
    telegram.server.operation.inject(FaultSpec(kind="difference_too_long", phone=ANN))
    telegram.server.operation.inject(FaultSpec(kind="channel_difference_too_long", phone=ANN, times=2))
    async with serving(telegram, inbound):
        for kind in KINDS:
            chats.write(kind, 5)
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent


@pytest.mark.parametrize("kind", ["private", "supergroup"])
@pytest.mark.parametrize("durable", [0, 1, 99, 100, 101, 150])
async def test_after_a_crash_history_is_read_on_behind_the_durable_part(
    telegram: TelegramHarness, chats: Chats, kind: str, durable: int
) -> None:
    """Whole pages that were accepted are not read again; all others are."""
    inbound = InboundPipeline(await telegram.log_in())
    inbound.held = True
    chats.write(kind, 250)
    telegram.server.operation.clock(60)
    too_long(telegram, kind)
    async with serving(telegram, inbound) as client:
        await until(lambda: inbound.ledger._size == 250)
        inbound.accept(durable)
        assert client.ended_by is None
    inbound.die()
    inbound.held = False
    await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent
    assert len(inbound.accepted) == 250 + durable % 100


async def test_the_state_stays_before_the_jump_until_the_history_was_taken(telegram: TelegramHarness, chats: Chats) -> None:
    """The message id moves page by page, the pts with the last page."""
    inbound = InboundPipeline(await telegram.log_in(), bound=100)
    inbound.held = True
    chats.write("private", 150)
    too_long(telegram, "private")
    before = inbound.ledger.durable
    async with serving(telegram, inbound):
        await until(lambda: inbound.ledger._size == 100)
        inbound.accept(100)
        await until(lambda: inbound.ledger._size)
        assert (inbound.ledger.durable.pts, inbound.ledger.durable.channels) == (before.pts, before.channels)
        assert inbound.ledger.durable.message_id > before.message_id
        inbound.held = False
        inbound.accept()
        await until(lambda: inbound.holds(chats))


async def test_history_waits_for_room(telegram: TelegramHarness, chats: Chats) -> None:
    """A full ledger does not drop history that would be read again."""
    inbound = InboundPipeline(await telegram.log_in(), bound=50)
    inbound.held = True
    chats.write("channel", 230)
    too_long(telegram, "channel")
    async with serving(telegram, inbound) as client:
        while not inbound.holds(chats):
            await until(lambda: inbound._waiting)
            inbound.accept(10)
        assert not client.full.is_set()
    assert len(inbound.accepted) == 230


@pytest.mark.parametrize("kind", ["private", "channel"])
@pytest.mark.parametrize("fault", [{"kind": "error", "code": 500}, {"kind": "flood_wait", "seconds": 31}, {"kind": "drop_before"}])
async def test_a_history_that_cannot_be_read_ends_the_connection_before_the_jump(
    telegram: TelegramHarness, chats: Chats, kind: str, fault: dict[str, Any]
) -> None:
    """The next connection starts from the state before the jump, and loses nothing."""
    inbound = InboundPipeline(await telegram.log_in())
    chats.write(kind, 120)
    telegram.server.operation.clock(60)
    too_long(telegram, kind)
    method = "messages.getMessages" if kind == "private" else "messages.getHistory"
    telegram.server.operation.inject(FaultSpec.model_validate({**fault, "method": method}))
    async with serving(telegram, inbound) as client:
        assert isinstance(await ends(client.serve()), errors.RPCError | ConnectionError)
    assert inbound.accepted == []
    await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent


async def test_a_short_flood_wait_is_waited_out(telegram: TelegramHarness, chats: Chats) -> None:
    """Telegram asks for a second; the connection stays."""
    inbound = InboundPipeline(await telegram.log_in())
    chats.write("private", 3)
    too_long(telegram, "private")
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", seconds=1, method="messages.getMessages"))
    await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent


async def test_a_channel_that_refuses_its_history_is_passed_over(telegram: TelegramHarness, chats: Chats) -> None:
    """The account was removed, or the channel was deleted: it is not asked for ever, and everything else works."""
    inbound = InboundPipeline(await telegram.log_in())
    chats.write("channel", 3)
    chats.sent[chats.ids["channel"]].clear()
    too_long(telegram, "channel")
    telegram.server.operation.inject(FaultSpec(kind="error", code=400, message="CHANNEL_PRIVATE", method="messages.getHistory"))
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        for kind in KINDS:
            chats.write(kind)
        await until(lambda: inbound.holds(chats))


async def test_a_channel_without_a_known_message_is_read_since_the_log_in(telegram: TelegramHarness, chats: Chats) -> None:
    """There is no message to read on from, and messages before the log-in are not ours to deliver."""
    account = await telegram.log_in()
    state = {channel: ChannelState(known.pts, 0, known.access_hash) for channel, known in account.state.channels.items()}
    inbound = InboundPipeline(account)
    inbound.open(replace(account.state, channels=state, seeded=account.state.seeded + 1))  # Telegram's dates are whole seconds
    telegram.server.operation.clock(60)
    chats.write("channel", 3)
    too_long(telegram, "channel")
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        chats.write("channel")
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent


# Unknown channels


@pytest.mark.parametrize("kind", ["supergroup", "channel"])
@pytest.mark.parametrize("connected_then", [True, False])
async def test_a_channel_that_was_joined_since_is_read_from_the_joining_on(
    telegram: TelegramHarness, chats: Chats, kind: str, connected_then: bool
) -> None:
    """Even if its first news is `channelTooLong`, or a push behind lost pushes."""
    inbound = InboundPipeline(await telegram.log_in())
    if connected_then:
        async with serving(telegram, inbound) as client:
            await until_idle(client)
            lost = telegram.server.operation.inject(FaultSpec(kind="lose_push", phone=ANN, times=None))
            chats.make("new", kind)
            chats.write("new", 3)
            telegram.server.operation.clear(lost["number"])
            chats.write("new", 2)
            await until(lambda: inbound.holds(chats))
    else:
        chats.make("new", kind)
        chats.write("new", 3)
        await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent
    chats.write("new", 3)
    await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent


@pytest.mark.parametrize("told", ["too_long_push", "lose_push"])
async def test_a_channel_whose_hash_was_lost_is_found_in_the_dialogs(telegram: TelegramHarness, chats: Chats, told: str) -> None:
    """Its pts is still good: the difference is requested once the hash is known."""
    account = await telegram.log_in()
    inbound = InboundPipeline(account)
    hashless = {channel: ChannelState(known.pts, known.message_id) for channel, known in account.state.channels.items()}
    inbound.open(replace(account.state, channels=hashless))
    chats.write("channel", 3)
    chats.write("supergroup", 3)
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent
    assert all(state.access_hash for state in inbound.ledger.durable.channels.values())


async def test_a_channel_resumes_from_its_state_after_a_restart(telegram: TelegramHarness, chats: Chats) -> None:
    """Pts, message id and hash: only its difference is requested."""
    inbound = InboundPipeline(await telegram.log_in())
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        chats.write("supergroup", 3)
        await until(lambda: inbound.holds(chats))
    inbound.die()
    asked = dict(telegram.counted("calls"))
    chats.write("supergroup", 3)
    await caught_up(telegram, inbound, chats)
    assert inbound.by_chat(chats) == chats.sent
    calls = telegram.counted("calls")
    assert calls["updates.getChannelDifference"] > asked.get("updates.getChannelDifference", 0)
    assert calls["messages.getDialogs"] == asked["messages.getDialogs"]


# Dialogs, once after a log-in


async def test_a_log_in_takes_the_first_page_of_dialogs(telegram: TelegramHarness, chats: Chats) -> None:
    """Channels' pts, top message and hash, and the account's newest message; a few dialogs fit on one page."""
    state = (await telegram.log_in()).state
    assert len(state.channels) == 2
    for kind in ("supergroup", "channel"):
        known = state.channels[-(10**12) - chats.ids[kind]]
        assert known.pts == telegram.server.groups.get(str(chats.ids[kind]))["pts"]
        assert known.message_id
        assert known.access_hash
    assert state.message_id
    assert state.seeded == state.date


def many_channels(telegram: TelegramHarness, count: int) -> None:
    """Make channels some time ago: a difference would name channels with recent news."""
    for number in range(count):
        telegram.server.groups.create(GroupSpec(kind="channel", title=f"channel {number}", creator=BOB, members=[ANN]))
    telegram.server.operation.clock(60)


async def test_more_dialogs_than_a_page_are_read_after_the_first_connect(telegram: TelegramHarness) -> None:
    """Once: the state of all channels becomes durable, and then `seeded`."""
    many_channels(telegram, 205)
    account = await telegram.log_in()
    assert 0 < len(account.state.channels) < 100
    assert account.state.seeded == 0
    inbound = InboundPipeline(account)
    async with serving(telegram, inbound) as client:
        assert client.receiver is not None
        await client.receiver.seed(pages_apart_s=0)
        assert len(client.message_box.map) >= 205
    assert len(inbound.ledger.durable.channels) == 205
    assert all(known.pts and known.message_id and known.access_hash for known in inbound.ledger.durable.channels.values())
    assert inbound.ledger.durable.seeded >= account.state.date
    asked = telegram.counted("calls")["messages.getDialogs"]
    async with serving(telegram, inbound) as client:
        assert client.receiver is not None
        await client.receiver.seed(pages_apart_s=0)
    assert telegram.counted("calls")["messages.getDialogs"] == asked


async def test_the_accounts_newest_message_is_found_behind_a_page_of_channels(telegram: TelegramHarness) -> None:
    """Otherwise history could not be read on from it."""
    telegram.server.people.patch(ANN, PersonPatch(code=CodeSpec(deliveries=["sms"])))  # a code by app would be a message as well
    telegram.write("long ago")
    telegram.server.operation.clock(60)
    many_channels(telegram, 120)
    state = (await telegram.log_in()).state
    (own,) = (message["id"] for message in telegram.server.messages.select(ANN) if message["text"] == "long ago")
    assert (state.message_id, len(state.channels)) == (own, 100)


async def test_dialogs_that_cannot_be_read_are_read_by_the_next_connection(telegram: TelegramHarness) -> None:
    """The connection that failed to read them stays."""
    many_channels(telegram, 105)
    account = await telegram.log_in()
    inbound = InboundPipeline(account)
    telegram.server.operation.inject(FaultSpec(kind="error", code=500, method="messages.getDialogs", times=None))
    async with serving(telegram, inbound) as client:
        task = asyncio.create_task(client.serve())
        await until(lambda: telegram.server.operation.faults()[0]["struck"])
        await until_idle(client)
        assert (client.up, inbound.ledger.latest.seeded) == (True, 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    telegram.server.operation.clear()
    telegram.write("the connection is not quite useless")
    async with serving(telegram, inbound) as client:
        task = asyncio.create_task(client.serve())
        await until(lambda: inbound.ledger.latest.seeded)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(inbound.ledger.durable.channels) == 105


# Other changes that move the state


async def test_own_messages_and_reads_move_the_state_of_their_chats(telegram: TelegramHarness, chats: Chats) -> None:
    """They are not events; otherwise they would be fetched again after every restart, and history read from before them."""
    inbound = InboundPipeline(await telegram.log_in())
    before = inbound.ledger.durable
    supergroup = -(10**12) - chats.ids["supergroup"]
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        for chat in (chats.ids["private"], chats.ids["supergroup"]):
            telegram.server.messages.send(ANN, SendSpec(to=str(chat), text="from my phone"))
        await until(lambda: inbound.ledger.durable.channels[supergroup].message_id > before.channels[supergroup].message_id)
        await until(lambda: inbound.ledger.durable.message_id > before.message_id)
        assert inbound.ledger.durable.pts > before.pts
        pts = inbound.ledger.durable.channels[supergroup].pts
        own = types.InputPeerChannel(supergroup, before.channels[supergroup].access_hash)
        await client.invoke(functions.messages.SendMessageRequest(own, "through this connection", random_id=1))
        await until(lambda: inbound.ledger.durable.channels[supergroup].pts > pts)
    assert inbound.accepted == []


async def test_a_log_ins_client_has_no_update_receiver(telegram: TelegramHarness) -> None:
    """It takes nothing, so it has no update state to move."""
    account = await telegram.log_in()
    async with connected(account.session, None, telegram.lease.guard(), telegram.endpoint) as client:
        assert client.receiver is None
