"""What a client missed of a channel (https://core.telegram.org/api/updates#recovering-gaps)."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import errors, events, functions, types

from testing.telegram_server.control.specs import EditSpec, GroupSpec, SendSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, Inbox, logged_in


@pytest.fixture
def group(server: TelegramServer) -> int:
    """A supergroup of Ann and Bob, by its number."""
    return int(server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=ANN, members=[BOB]))["id"])


def write(server: TelegramServer, group: int, *texts: str) -> list[int]:
    return [int(server.messages.send(ANN, SendSpec(to=str(group), text=text))["id"]) for text in texts]


def pts_of(server: TelegramServer, group: int) -> int:
    return int(server.groups.get(str(group))["pts"])


async def difference(client: Any, group: int, pts: int, limit: int = 100) -> Any:
    await client.get_dialogs()
    channel = await client.get_input_entity(group)
    return await client(functions.updates.GetChannelDifferenceRequest(channel, types.ChannelMessagesFilterEmpty(), pts, limit))


async def test_a_channel_difference_is_exactly_what_was_missed(server: TelegramServer, group: int) -> None:
    """New messages, edits and deletions in their order, the pts after them, `final` at the end, and then empty."""
    before = pts_of(server, group)
    first, second, third = write(server, group, "one", "two", "three")
    server.messages.edit(ANN, first, EditSpec(text="ONE", chat=str(group)))
    server.messages.delete(ANN, third, str(group))
    async with logged_in(server, BOB, receive_updates=False) as bob:
        missed = await difference(bob, group, before)
        assert [(message.id, message.message) for message in missed.new_messages] == [(first, "ONE"), (second, "two")]
        edited, deleted = missed.other_updates
        assert (edited.message.id, edited.pts) == (first, before + 4)
        assert (deleted.messages, deleted.pts, deleted.pts_count) == ([third], before + 5, 1)
        assert (missed.pts, missed.final, missed.timeout) == (before + 5, True, 60)
        rest = await difference(bob, group, missed.pts)
        assert (type(rest), rest.pts, rest.final) == (types.updates.ChannelDifferenceEmpty, missed.pts, True)
        with pytest.raises(errors.PersistentTimestampEmptyError):
            await difference(bob, group, 0)


async def test_a_channel_difference_comes_in_slices(server: TelegramServer, group: int) -> None:
    """As small as the setting or the client's limit, each with the pts to go on from."""
    server.operation.settings({"channel_difference_slice": 3, "channel_timeout_s": 7})
    pts = pts_of(server, group)
    write(server, group, *map(str, range(5)))
    async with logged_in(server, BOB, receive_updates=False) as bob:
        first = await difference(bob, group, pts)
        assert ([message.message for message in first.new_messages], first.final, first.timeout) == (["0", "1", "2"], False, 7)
        second = await difference(bob, group, first.pts, limit=1)
        assert ([message.message for message in second.new_messages], second.final) == (["3"], False)
        third = await difference(bob, group, second.pts)
        assert ([message.message for message in third.new_messages], third.final) == (["4"], True)


async def test_a_channel_difference_that_is_too_long(server: TelegramServer, group: int) -> None:
    """By fault, or when more was missed than the setting allows: the dialog with its pts, and the latest messages."""
    pts = pts_of(server, group)
    *_, last = write(server, group, *map(str, range(30)))
    async with logged_in(server, BOB, receive_updates=False) as bob:
        server.operation.inject(FaultSpec(kind="channel_difference_too_long", phone=BOB))
        by_fault = await difference(bob, group, pts + 30)
        assert (by_fault.dialog.pts, by_fault.dialog.top_message, by_fault.final) == (pts + 30, last, True)
        server.operation.settings({"too_long_after": 29})
        too_long = await difference(bob, group, pts)
        assert isinstance(too_long, types.updates.ChannelDifferenceTooLong)
        assert [message.message for message in too_long.messages] == [str(number) for number in range(29, 9, -1)]
        assert isinstance(await difference(bob, group, pts + 1), types.updates.ChannelDifference)


async def test_an_accounts_difference_can_be_too_long_by_setting(server: TelegramServer) -> None:
    """`too_long_after` is for accounts as well."""
    async with logged_in(server, BOB, receive_updates=False) as bob:
        state = await bob(functions.updates.GetStateRequest())
        for text in ("one", "two"):
            server.messages.send(ANN, SendSpec(to=BOB, text=text))
        server.operation.settings({"too_long_after": 1})
        assert (await bob(functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts))).pts == state.pts + 2


@pytest.mark.parametrize("kind", ["lose_push", "repeat_push", "hold_push"])
async def test_channel_pushes_go_wrong_with_right_pts(server: TelegramServer, group: int, kind: str) -> None:
    """Telethon fills a channel's gap, drops its repeats and orders what was swapped; other chats are not struck."""
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        write(server, group, "0")
        assert (await inbox.next()).raw_text == "0"
        server.operation.inject(FaultSpec.model_validate({"kind": kind, "phone": BOB, "chat": group}))
        server.messages.send(ANN, SendSpec(to=BOB, text="private"))
        assert (await inbox.next()).raw_text == "private"
        write(server, group, "1", "2", "3")
        assert [event.raw_text for event in await inbox.take(3)] == ["1", "2", "3"]
        assert inbox.empty


async def test_a_channel_can_be_said_to_be_too_long(server: TelegramServer, group: int) -> None:
    """`updateChannelTooLong` instead of an update makes Telethon ask for the difference; `updatesTooLong` is for accounts."""
    async with logged_in(server, BOB) as bob:
        inbox, raw = Inbox(bob), Inbox(bob, events.Raw(types.UpdateChannelTooLong))
        write(server, group, "0")
        await inbox.next()
        server.operation.inject(FaultSpec(kind="too_long_push", phone=BOB, chat=group))
        write(server, group, "1")
        assert (await inbox.next()).raw_text == "1"
        assert raw.empty
        assert server.operation.counters()["calls"]["updates.getChannelDifference"] == 1
        server.operation.inject(FaultSpec(kind="too_long_push", phone=BOB))
        server.messages.send(ANN, SendSpec(to=BOB, text="private"))
        assert (await inbox.next()).raw_text == "private"


async def test_an_accounts_difference_names_the_channels_where_something_happened(server: TelegramServer, group: int) -> None:
    """What happened to a channel since the client's date comes as `updateChannelTooLong`; reads come as they are now."""
    async with logged_in(server, BOB, receive_updates=False) as bob:
        server.clock.advance(10)
        state = await bob(functions.updates.GetStateRequest())
        request = functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts)
        assert isinstance(await bob(request), types.updates.DifferenceEmpty)
        (last,) = write(server, group, "hello")
        server.messages.read(BOB, str(group))
        missed = await bob(request)
        too_long, inbox, outbox = missed.other_updates
        assert (too_long.channel_id, too_long.pts) == (missed.chats[0].id, pts_of(server, group))
        assert (inbox.max_id, inbox.still_unread_count, inbox.pts, outbox.max_id) == (last, 0, too_long.pts, 0)
        assert missed.state.pts == state.pts


async def test_private_edits_and_deletions(server: TelegramServer) -> None:
    """Both sides' copies change, live and in the difference; a deletion names ids but no chat, and rises pts by their number."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        state = await bob(functions.updates.GetStateRequest())
        raw = Inbox(bob, events.Raw((types.UpdateEditMessage, types.UpdateDeleteMessages)))
        sent = [await ann.send_message("bob_ray", text) for text in ("helo", "two", "three")]
        await ann.edit_message("bob_ray", sent[0].id, "hello")
        edited = await raw.next()
        assert (edited.message.message, edited.pts) == ("hello", state.pts + 4)
        with pytest.raises(errors.MessageNotModifiedError):
            await ann.edit_message("bob_ray", sent[0].id, "hello")
        with pytest.raises(errors.MessageAuthorRequiredError):
            await bob.edit_message("ann_lee", edited.message.id, "mine now")
        affected = await ann.delete_messages("bob_ray", sent[1:])
        assert affected[0].pts_count == 2
        deleted = await raw.next()
        assert (len(deleted.messages), deleted.pts, deleted.pts_count) == (2, state.pts + 6, 2)
        missed = await bob(functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts))
        assert [message.message for message in missed.new_messages] == ["hello"]
        assert [update.pts for update in missed.other_updates] == [state.pts + 4, state.pts + 6]
        await bob.delete_messages("ann_lee", [edited.message.id], revoke=False)
        assert [message.raw_text for message in await ann.get_messages("bob_ray", limit=5)] == ["hello"]
        assert await bob.get_messages("ann_lee", limit=5) == []
        (dialog,) = [dialog for dialog in await ann.get_dialogs() if dialog.id != 777000]
        assert dialog.unread_count == 0
