"""What Telegram no longer tells by a difference: read from the history, in order, and again where a death cut it off."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from telethon import errors
from telethon.tl import functions, types

from listener.telegram.connection.client import connected
from listener.telegram.updates.update_state import ChannelState
from testing.telegram_server.control.specs import CodeSpec, GroupSpec, PersonPatch, SendSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import KINDS, Books, Chats, chats_of, quiet, serving
from tests.listener.telegram.clients import ANN, BOB, Desk, ends
from tests.support.listener_harness import until


@pytest.fixture
def chats(desk: Desk) -> Chats:
    """One chat of each kind."""
    return chats_of(desk)


def too_long(desk: Desk, kind: str) -> None:
    """Have every difference that would bring what is missing of such a chat be too long."""
    fault = "difference_too_long" if kind in ("private", "basic") else "channel_difference_too_long"
    desk.server.operation.inject(FaultSpec.model_validate({"kind": fault, "phone": ANN, "times": None}))


async def caught_up(desk: Desk, books: Books, chats: Chats) -> None:
    """Connect and wait until everything that was sent has come."""
    async with serving(desk, books) as client:
        await until(lambda: books.holds(chats) or client.ended_by)
        assert client.ended_by is None


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_difference_is_too_long_for_is_read_from_the_history(desk: Desk, chats: Chats, kind: str) -> None:
    """More than two pages of it, in order, each message once, as fetched late; and the marks end where Telegram stands."""
    books = Books(await desk.log_in())
    chats.write(kind, 230)
    too_long(desk, kind)
    await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent
    assert len(books.accepted) == 230
    assert all(event.backfilled for event in books.accepted)
    if kind in ("supergroup", "channel"):
        pts = desk.server.groups.get(str(chats.ids[kind]))["pts"]
        assert next(marks.pts for channel, marks in books.ledger.durable.channels.items() if chats.ids[kind] == -(10**12) - channel) == pts


async def test_too_long_all_at_once_loses_nothing_of_any_chat(desk: Desk, chats: Chats) -> None:
    """Account and channels, with what is pushed meanwhile behind what was missed."""
    books = Books(await desk.log_in())
    for kind in KINDS:
        chats.write(kind, 20)
    desk.server.operation.inject(FaultSpec(kind="difference_too_long", phone=ANN))
    desk.server.operation.inject(FaultSpec(kind="channel_difference_too_long", phone=ANN, times=2))
    async with serving(desk, books):
        for kind in KINDS:
            chats.write(kind, 5)
        await until(lambda: books.holds(chats))
    assert books.by_chat(chats) == chats.sent


@pytest.mark.parametrize("kind", ["private", "supergroup"])
@pytest.mark.parametrize("durable", [0, 1, 99, 100, 101, 150])
async def test_a_death_while_reading_history_reads_on_behind_what_was_durable(desk: Desk, chats: Chats, kind: str, durable: int) -> None:
    """Whole pages that were accepted are not read again, everything else is."""
    books = Books(await desk.log_in())
    books.held = True
    chats.write(kind, 250)
    desk.server.operation.clock(60)
    too_long(desk, kind)
    async with serving(desk, books) as client:
        await until(lambda: books.ledger._size == 250)
        books.accept(durable)
        assert client.ended_by is None
    books.die()
    books.held = False
    await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent
    assert len(books.accepted) == 250 + durable % 100


async def test_marks_stay_before_the_jump_until_the_history_was_taken(desk: Desk, chats: Chats) -> None:
    """The message id moves page by page, the pts with the last one."""
    books = Books(await desk.log_in(), bound=100)
    books.held = True
    chats.write("private", 150)
    too_long(desk, "private")
    before = books.ledger.durable
    async with serving(desk, books):
        await until(lambda: books.ledger._size == 100)
        books.accept(100)
        await until(lambda: books.ledger._size)
        assert (books.ledger.durable.pts, books.ledger.durable.channels) == (before.pts, before.channels)
        assert books.ledger.durable.message_id > before.message_id
        books.held = False
        books.accept()
        await until(lambda: books.holds(chats))


async def test_history_waits_for_room(desk: Desk, chats: Chats) -> None:
    """A ledger that is full is no reason to drop what would only be read again."""
    books = Books(await desk.log_in(), bound=50)
    books.held = True
    chats.write("channel", 230)
    too_long(desk, "channel")
    async with serving(desk, books) as client:
        while not books.holds(chats):
            await until(lambda: books._waiting)
            books.accept(10)
        assert not client.full.is_set()
    assert len(books.accepted) == 230


@pytest.mark.parametrize("kind", ["private", "channel"])
@pytest.mark.parametrize("fault", [{"kind": "error", "code": 500}, {"kind": "flood_wait", "seconds": 31}, {"kind": "drop_before"}])
async def test_a_history_that_cannot_be_read_ends_the_connection_before_the_jump(
    desk: Desk, chats: Chats, kind: str, fault: dict[str, Any]
) -> None:
    """The next one starts from the marks before it, and loses nothing."""
    books = Books(await desk.log_in())
    chats.write(kind, 120)
    desk.server.operation.clock(60)
    too_long(desk, kind)
    method = "messages.getMessages" if kind == "private" else "messages.getHistory"
    desk.server.operation.inject(FaultSpec.model_validate({**fault, "method": method}))
    async with serving(desk, books) as client:
        assert isinstance(await ends(client.serve()), errors.RPCError | ConnectionError)
    assert books.accepted == []
    await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent


async def test_a_short_flood_wait_is_waited_out(desk: Desk, chats: Chats) -> None:
    """Telegram asks for a second; no connection ends for that."""
    books = Books(await desk.log_in())
    chats.write("private", 3)
    too_long(desk, "private")
    desk.server.operation.inject(FaultSpec(kind="flood_wait", seconds=1, method="messages.getMessages"))
    await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent


async def test_a_channel_that_refuses_its_history_is_passed_over(desk: Desk, chats: Chats) -> None:
    """The account was put out, or it is gone: no reason to come back for ever. Everything else goes on."""
    books = Books(await desk.log_in())
    chats.write("channel", 3)
    chats.sent[chats.ids["channel"]].clear()
    too_long(desk, "channel")
    desk.server.operation.inject(FaultSpec(kind="error", code=400, message="CHANNEL_PRIVATE", method="messages.getHistory"))
    async with serving(desk, books) as client:
        await quiet(client)
        for kind in KINDS:
            chats.write(kind)
        await until(lambda: books.holds(chats))


async def test_a_channel_without_a_known_message_is_read_since_the_log_in(desk: Desk, chats: Chats) -> None:
    """There is no message to read on from, and what was before the log-in is nobody's business."""
    account = await desk.log_in()
    marks = {channel: ChannelState(known.pts, 0, known.access_hash) for channel, known in account.marks.channels.items()}
    books = Books(account)
    books.open(replace(account.marks, channels=marks, seeded=account.marks.seeded + 1))  # Telegram's dates are whole seconds
    desk.server.operation.clock(60)
    chats.write("channel", 3)
    too_long(desk, "channel")
    async with serving(desk, books) as client:
        await quiet(client)
        chats.write("channel")
        await until(lambda: books.holds(chats))
    assert books.by_chat(chats) == chats.sent


# Channels that were not known


@pytest.mark.parametrize("kind", ["supergroup", "channel"])
@pytest.mark.parametrize("connected_then", [True, False])
async def test_a_channel_that_was_joined_since_is_read_from_the_joining_on(
    desk: Desk, chats: Chats, kind: str, connected_then: bool
) -> None:
    """Also where the first that is heard of it is that it is too long, or a push behind others that were lost."""
    books = Books(await desk.log_in())
    if connected_then:
        async with serving(desk, books) as client:
            await quiet(client)
            lost = desk.server.operation.inject(FaultSpec(kind="lose_push", phone=ANN, times=None))
            chats.make("new", kind)
            chats.write("new", 3)
            desk.server.operation.clear(lost["number"])
            chats.write("new", 2)
            await until(lambda: books.holds(chats))
    else:
        chats.make("new", kind)
        chats.write("new", 3)
        await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent
    chats.write("new", 3)
    await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent


@pytest.mark.parametrize("told", ["too_long_push", "lose_push"])
async def test_a_channel_whose_hash_was_lost_is_found_in_the_dialogs(desk: Desk, chats: Chats, told: str) -> None:
    """Its pts is still good: the difference from there is asked for once the hash is known."""
    account = await desk.log_in()
    books = Books(account)
    hashless = {channel: ChannelState(known.pts, known.message_id) for channel, known in account.marks.channels.items()}
    books.open(replace(account.marks, channels=hashless))
    chats.write("channel", 3)
    chats.write("supergroup", 3)
    async with serving(desk, books):
        await until(lambda: books.holds(chats))
    assert books.by_chat(chats) == chats.sent
    assert all(marks.access_hash for marks in books.ledger.durable.channels.values())


async def test_a_channel_comes_back_from_its_marks_after_a_restart(desk: Desk, chats: Chats) -> None:
    """Pts, message id and hash: nothing has to be asked but its difference."""
    books = Books(await desk.log_in())
    async with serving(desk, books) as client:
        await quiet(client)
        chats.write("supergroup", 3)
        await until(lambda: books.holds(chats))
    books.die()
    asked = dict(desk.counted("calls"))
    chats.write("supergroup", 3)
    await caught_up(desk, books, chats)
    assert books.by_chat(chats) == chats.sent
    calls = desk.counted("calls")
    assert calls["updates.getChannelDifference"] > asked.get("updates.getChannelDifference", 0)
    assert calls["messages.getDialogs"] == asked["messages.getDialogs"]


# Dialogs, once after a log-in


async def test_a_log_in_takes_the_first_page_of_dialogs(desk: Desk, chats: Chats) -> None:
    """Channels' pts, top message and hash, and the account's own newest message; few dialogs are all there are."""
    marks = (await desk.log_in()).marks
    assert len(marks.channels) == 2
    for kind in ("supergroup", "channel"):
        known = marks.channels[-(10**12) - chats.ids[kind]]
        assert known.pts == desk.server.groups.get(str(chats.ids[kind]))["pts"]
        assert known.message_id
        assert known.access_hash
    assert marks.message_id
    assert marks.seeded == marks.date


def many_channels(desk: Desk, count: int) -> None:
    """Make channels, a while ago: a difference would name those where something happened just now."""
    for number in range(count):
        desk.server.groups.create(GroupSpec(kind="channel", title=f"channel {number}", creator=BOB, members=[ANN]))
    desk.server.operation.clock(60)


async def test_more_dialogs_than_a_page_are_read_after_the_first_connect(desk: Desk) -> None:
    """Once: the marks of all channels become durable, and then that they are all."""
    many_channels(desk, 205)
    account = await desk.log_in()
    assert 0 < len(account.marks.channels) < 100
    assert account.marks.seeded == 0
    books = Books(account)
    async with serving(desk, books) as client:
        assert client.intake is not None
        await client.intake.seed(pages_apart_s=0)
        assert len(client.box.map) >= 205
    assert len(books.ledger.durable.channels) == 205
    assert all(known.pts and known.message_id and known.access_hash for known in books.ledger.durable.channels.values())
    assert books.ledger.durable.seeded >= account.marks.date
    asked = desk.counted("calls")["messages.getDialogs"]
    async with serving(desk, books) as client:
        assert client.intake is not None
        await client.intake.seed(pages_apart_s=0)
    assert desk.counted("calls")["messages.getDialogs"] == asked


async def test_the_accounts_newest_message_is_found_behind_a_page_of_channels(desk: Desk) -> None:
    """History could not be read on from it otherwise."""
    desk.server.people.patch(ANN, PersonPatch(code=CodeSpec(deliveries=["sms"])))  # by app it would be a message as well
    desk.write("long ago")
    desk.server.operation.clock(60)
    many_channels(desk, 120)
    marks = (await desk.log_in()).marks
    (own,) = (one["id"] for one in desk.server.messages.select(ANN) if one["text"] == "long ago")
    assert (marks.message_id, len(marks.channels)) == (own, 100)


async def test_dialogs_that_cannot_be_read_are_read_by_the_next_connection(desk: Desk) -> None:
    """The one that could not goes on."""
    many_channels(desk, 105)
    account = await desk.log_in()
    books = Books(account)
    desk.server.operation.inject(FaultSpec(kind="error", code=500, method="messages.getDialogs", times=None))
    async with serving(desk, books) as client:
        task = asyncio.create_task(client.serve())
        await until(lambda: desk.server.operation.faults()[0]["struck"])
        await quiet(client)
        assert (client.up, books.ledger.latest.seeded) == (True, 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    desk.server.operation.clear()
    desk.write("the connection is not quite useless")
    async with serving(desk, books) as client:
        task = asyncio.create_task(client.serve())
        await until(lambda: books.ledger.latest.seeded)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(books.ledger.durable.channels) == 105


# What moves the marks besides


async def test_own_messages_and_reads_move_the_marks_of_their_chats(desk: Desk, chats: Chats) -> None:
    """They are no events; unmarked they would be fetched again after every restart, and history read from before them."""
    books = Books(await desk.log_in())
    before = books.ledger.durable
    supergroup = -(10**12) - chats.ids["supergroup"]
    async with serving(desk, books) as client:
        await quiet(client)
        for chat in (chats.ids["private"], chats.ids["supergroup"]):
            desk.server.messages.send(ANN, SendSpec(to=str(chat), text="from my phone"))
        await until(lambda: books.ledger.durable.channels[supergroup].message_id > before.channels[supergroup].message_id)
        await until(lambda: books.ledger.durable.message_id > before.message_id)
        assert books.ledger.durable.pts > before.pts
        pts = books.ledger.durable.channels[supergroup].pts
        own = types.InputPeerChannel(supergroup, before.channels[supergroup].access_hash)
        await client.invoke(functions.messages.SendMessageRequest(own, "through this connection", random_id=1))
        await until(lambda: books.ledger.durable.channels[supergroup].pts > pts)
    assert books.accepted == []


async def test_a_log_ins_client_has_no_intake(desk: Desk) -> None:
    """It takes nothing, so it marks nothing."""
    account = await desk.log_in()
    async with connected(account.session, None, desk.lease.guard(), desk.telegram) as client:
        assert client.intake is None
