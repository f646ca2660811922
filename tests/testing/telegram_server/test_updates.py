"""Catching up and gaps: nothing is lost, nothing comes twice (https://core.telegram.org/api/updates)."""

from __future__ import annotations

import pytest
from telethon import errors, events, functions, types

from testing.telegram_server.control.specs import ConnectionSpec, SendSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, Inbox, logged_in


@pytest.mark.parametrize("slice_size", [1000, 7])
async def test_an_offline_client_catches_up(server: TelegramServer, slice_size: int) -> None:
    """What arrived in between is fetched by getDifference, in order, in one answer or in slices."""
    server.operation.settings({"difference_slice": slice_size})
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        server.messages.send(ANN, SendSpec(to=BOB, text="seen"))
        assert (await inbox.next()).raw_text == "seen"
        state = await bob(functions.updates.GetStateRequest())
        await bob.disconnect()
        for number in range(60):
            server.messages.send(ANN, SendSpec(to=BOB, text=str(number)))
        await bob.connect()
        bob._message_box.set_state(state)
        await bob.catch_up()
        assert [event.raw_text for event in await inbox.take(60)] == [str(number) for number in range(60)]
    calls = server.operation.counters()["calls"]["updates.getDifference"]
    assert calls >= (60 // slice_size)


async def test_the_difference_is_exactly_what_was_missed(server: TelegramServer) -> None:
    """New messages, reads among the other updates, the state after them, and empty once there is nothing left."""
    async with logged_in(server, BOB, receive_updates=False) as bob:
        before = await bob(functions.updates.GetStateRequest())
        sent = server.messages.send(BOB, SendSpec(to=ANN, text="question"))
        server.messages.send(ANN, SendSpec(to=BOB, text="answer"))
        server.messages.read(ANN, BOB)
        missed = await bob(functions.updates.GetDifferenceRequest(before.pts, before.date, before.qts))
        assert [(message.message, message.out) for message in missed.new_messages] == [("question", True), ("answer", False)]
        (read,) = missed.other_updates
        assert isinstance(read, types.UpdateReadHistoryOutbox)
        assert (read.max_id, read.pts) == (sent["id"], before.pts + 3)
        assert (missed.state.pts, missed.state.qts, missed.state.seq) == (before.pts + 3, before.qts, before.seq)
        assert {user.first_name for user in missed.users} == {"Ann", "Bob"}
        rest = await bob(functions.updates.GetDifferenceRequest(missed.state.pts, missed.state.date, missed.state.qts))
        assert isinstance(rest, types.updates.DifferenceEmpty)


async def test_a_difference_that_is_too_long(server: TelegramServer) -> None:
    """By fault, or where the client says how much it wants at most: differenceTooLong with the present pts."""
    async with logged_in(server, BOB, receive_updates=False) as bob:
        state = await bob(functions.updates.GetStateRequest())
        for _ in range(3):
            server.messages.send(ANN, SendSpec(to=BOB, text="hi"))
        request = functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts)
        limited = functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts, pts_total_limit=2)
        assert (await bob(limited)).pts == state.pts + 3
        server.operation.inject(FaultSpec(kind="difference_too_long", phone=BOB))
        assert isinstance(await bob(request), types.updates.DifferenceTooLong)
        assert isinstance(await bob(request), types.updates.Difference)
        with pytest.raises(errors.PersistentTimestampEmptyError):
            await bob(functions.updates.GetDifferenceRequest(0, state.date, 0))


@pytest.mark.parametrize("kind", ["lose_push", "repeat_push", "hold_push"])
async def test_pushes_go_wrong_with_right_pts(server: TelegramServer, kind: str) -> None:
    """A lost push shows as a gap that the client fills, a repeat is dropped by it, and swapped ones are put in order."""
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        server.messages.send(ANN, SendSpec(to=BOB, text="0"))
        assert (await inbox.next()).raw_text == "0"
        server.operation.inject(FaultSpec.model_validate({"kind": kind, "phone": BOB}))
        for number in (1, 2):
            server.messages.send(ANN, SendSpec(to=BOB, text=str(number)))
        assert [event.raw_text for event in await inbox.take(2)] == ["1", "2"]
        server.messages.send(ANN, SendSpec(to=BOB, text="3"))
        assert (await inbox.next()).raw_text == "3"
        assert inbox.empty


async def test_no_updates_for_who_wants_none(server: TelegramServer) -> None:
    """A client whose calls all come in invokeWithoutUpdates is pushed nothing."""
    async with logged_in(server, BOB, receive_updates=False) as bob:
        server.messages.send(ANN, SendSpec(to=BOB, text="hi"))
        await bob.get_me()
        assert server.operation.counters()["pushes"] == 0


async def test_a_cut_connection_comes_back_and_says_so(server: TelegramServer) -> None:
    """After a kick Telethon reconnects with the same key, is greeted with a new session, and pushes reach it again."""
    async with logged_in(server, BOB) as bob:
        inbox, made = Inbox(bob, events.NewMessage()), server.operation.counters()["keys_created"]
        assert server.operation.kick(ConnectionSpec(person=BOB)) == 1
        await bob.get_me()
        server.messages.send(ANN, SendSpec(to=BOB, text="after the cut"))
        assert (await inbox.next()).raw_text == "after the cut"
    counters = server.operation.counters()
    assert (counters["auth_key_duplicated"], counters["keys_created"]) == (0, made)


async def test_a_client_that_does_not_read_is_cut_off_and_catches_up(server: TelegramServer) -> None:
    """What waits for a slow client is bounded; it loses its connection, not its messages."""
    server.services.hub.max_unsent = 2000
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        server.messages.send(ANN, SendSpec(to=BOB, text="0"))
        await inbox.next()
        server.operation.stall(ConnectionSpec(person=BOB))
        for number in range(1, 40):
            server.messages.send(ANN, SendSpec(to=BOB, text=str(number)))
        assert server.operation.counters()["connections_dropped_slow"] == 1
        server.services.hub.max_unsent = 1 << 20
        await bob.get_me()
        await bob.catch_up()
        assert [event.raw_text for event in await inbox.take(39)] == [str(number) for number in range(1, 40)]


@pytest.mark.parametrize(("short", "kind"), [("always", types.UpdateShortMessage), ("never", types.UpdateNewMessage)])
async def test_the_form_of_pushes_can_be_chosen(server: TelegramServer, short: str, kind: type) -> None:
    """`Settings.short_updates`: always short, even from strangers, or never."""
    server.operation.settings({"short_updates": short})
    async with logged_in(server, BOB) as bob:
        raw = Inbox(bob, events.Raw())
        for _ in range(2):
            server.messages.send(ANN, SendSpec(to=BOB, text="hi"))
            assert isinstance(await raw.next(), kind)
