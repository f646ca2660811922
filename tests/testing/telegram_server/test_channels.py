"""Supergroups and channels with unmodified Telethon: one box for all, a pts of its own (https://core.telegram.org/api/channel)."""

from __future__ import annotations

from typing import Any

import pytest
from telethon import errors, events, functions, types

from testing.telegram_server.control.specs import GroupPatch, GroupSpec, MemberPatch, MemberSpec, MessageFilter, SendSpec
from testing.telegram_server.model.group import Kind
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, CY, Inbox, logged_in


def make(server: TelegramServer, *members: str, kind: Kind = "supergroup", username: str | None = None) -> int:
    """Make a supergroup or channel of Ann's; return its number."""
    spec = GroupSpec(kind=kind, title="Town", creator=ANN, members=list(members), username=username)
    return int(server.groups.create(spec)["id"])


async def named(client: Any, group: int) -> Any:
    """Return the channel as this account may name it: by the access hash that its dialogs bring."""
    await client.get_dialogs()
    return await client.get_input_entity(group)


async def test_a_supergroup_has_one_numbering_and_its_own_pts(server: TelegramServer) -> None:
    """All members see the same ids and the channel's pts; their own pts does not move; the answer has the whole message."""
    group = make(server, BOB)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        raw = Inbox(bob, events.Raw(types.UpdateNewChannelMessage))
        before = await bob(functions.updates.GetStateRequest())
        town = await named(ann, group)
        pts = server.groups.get(str(group))["pts"]
        sent = await ann.send_message(town, "hello", reply_to=1)
        update = await raw.next()
        assert (update.message.id, update.pts, update.pts_count) == (sent.id, pts + 1, 1)
        assert update.message.from_id == types.PeerUser((await ann.get_me()).id)
        assert update.message.reply_to.reply_to_msg_id == 1
        assert (await bob(functions.updates.GetStateRequest())).pts == before.pts
        request = functions.messages.SendMessageRequest(town, "once", random_id=5)
        first, again = await ann(request), await ann(request)
        assert first.updates[1].message.id == again.updates[1].message.id
        await bob.get_dialogs()
        assert [message.raw_text for message in await bob.get_messages(group, limit=2)] == ["once", "hello"]
        (one, none) = await bob.get_messages(group, ids=[sent.id, 999])
        assert (one.raw_text, none) == ("hello", None)
    counters = server.operation.counters()
    assert (counters["unknown_methods"], counters["handler_crashes"]) == ({}, 0)


async def test_a_post_hides_its_sender(server: TelegramServer) -> None:
    """In a broadcast channel a message has no `from_id`, and only admins write."""
    channel = make(server, BOB, kind="channel")
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        server.messages.send(ANN, SendSpec(to=str(channel), text="news"))
        event = await inbox.next()
        assert (event.message.from_id, event.message.post, event.is_channel, event.is_group) == (None, True, True, False)
        with pytest.raises(errors.ChatAdminRequiredError):
            await bob.send_message(await event.get_input_chat(), "me too")
        server.groups.change_member(str(channel), BOB, MemberPatch(role="admin"))
        assert (await bob.send_message(channel, "me too")).post


async def test_an_access_hash_of_a_channel_is_the_accounts_own(server: TelegramServer) -> None:
    """Neither a wrong hash nor another account's names a channel, and only members see what is in a private one."""
    group = make(server, BOB)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob, logged_in(server, CY) as cy:
        town, same = await named(ann, group), await named(bob, group)
        assert town.access_hash != same.access_hash
        for wrong in (town.access_hash, 0):
            with pytest.raises(errors.ChannelInvalidError):
                await bob(functions.channels.GetChannelsRequest([types.InputChannel(town.channel_id, wrong)]))
        server.groups.add(str(group), MemberSpec(person=CY))
        mine = await named(cy, group)
        server.groups.remove(str(group), CY, by=ANN)
        with pytest.raises(errors.ChannelPrivateError):
            await cy.get_messages(mine, limit=1)
        with pytest.raises(errors.ChannelPrivateError):
            await cy(functions.updates.GetChannelDifferenceRequest(mine, types.ChannelMessagesFilterEmpty(), 1, 10))
        (shown,) = (await cy(functions.channels.GetChannelsRequest([mine]))).chats
        assert isinstance(shown, types.ChannelForbidden)


async def test_a_public_channel_is_found_joined_and_left(server: TelegramServer) -> None:
    """By its username anybody finds and reads it; who joins gets its updates, who leaves does not."""
    group = make(server, username="the_town")
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        entity = await bob.get_entity("the_town")
        assert (entity.title, entity.left) == ("Town", True)
        await bob(functions.channels.JoinChannelRequest(entity))
        assert (await bob.get_messages(entity, limit=1))[0].action == types.MessageActionChatAddUser([(await bob.get_me()).id])
        server.messages.send(ANN, SendSpec(to="@the_town", text="welcome"))
        assert (await inbox.next()).raw_text == "welcome"
        full = await bob(functions.channels.GetFullChannelRequest(entity))
        assert (full.full_chat.participants_count, full.full_chat.pts) == (2, server.groups.get(str(group))["pts"])
        assert [user.first_name for user in await bob.get_participants(entity)] == ["Ann", "Bob"]
        await bob(functions.channels.LeaveChannelRequest(entity))
        server.messages.send(ANN, SendSpec(to="@the_town", text="gone"))
        await bob.get_me()
        assert inbox.empty


async def test_writing_in_a_supergroup_can_be_forbidden(server: TelegramServer) -> None:
    """To all members, to one, and to who is not in it."""
    group = make(server, BOB, username="the_town")
    async with logged_in(server, BOB) as bob, logged_in(server, CY) as cy:
        server.groups.change_member(str(group), BOB, MemberPatch(may_write=False))
        with pytest.raises(errors.UserBannedInChannelError):
            await bob.send_message("the_town", "hi")
        server.groups.patch(str(group), GroupPatch(members_write=False))
        for client in (bob, cy):
            with pytest.raises(errors.ChatWriteForbiddenError):
                await client.send_message("the_town", "hi")


async def test_dialogs_hold_every_kind_of_chat(server: TelegramServer) -> None:
    """Channels carry their pts, other chats none; unread counts are each person's own."""
    channel = make(server, BOB, kind="channel")
    server.groups.create(GroupSpec(kind="basic", title="Trip", creator=ANN, members=[BOB]))
    server.messages.send(ANN, SendSpec(to=BOB, text="private"))
    server.messages.send(ANN, SendSpec(to=str(channel), text="news"))
    async with logged_in(server, BOB) as bob:
        dialogs = {dialog.name: dialog for dialog in await bob.get_dialogs() if dialog.id != 777000}
        assert {name: dialog.dialog.pts for name, dialog in dialogs.items()} == {"Town": 3, "Trip": None, "Ann Lee": None}
        assert (dialogs["Town"].unread_count, dialogs["Town"].message.raw_text) == (2, "news")
        assert [len(await bob.get_dialogs(limit=1)), len([dialog async for dialog in bob.iter_dialogs()])] == [1, 4]


async def test_channel_edits_deletions_and_reads(server: TelegramServer) -> None:
    """Edits and deletions count in the channel's pts; a read names that pts and counts nothing."""
    group = make(server, BOB)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob, logged_in(server, BOB) as other:
        await ann.get_dialogs()
        kinds = (types.UpdateEditChannelMessage, types.UpdateDeleteChannelMessages)
        changes, inbox = Inbox(bob, events.Raw(kinds)), Inbox(other, events.Raw(types.UpdateReadChannelInbox))
        outbox = Inbox(ann, events.Raw(types.UpdateReadChannelOutbox))
        sent = await ann.send_message(await named(ann, group), "helo")
        await bob.send_read_acknowledge(await named(bob, group), max_id=sent.id)
        read = await inbox.next()
        assert (read.max_id, read.still_unread_count) == (sent.id, 0)
        assert (await outbox.next()).max_id == sent.id
        pts = server.groups.get(str(group))["pts"]
        assert read.pts == pts
        await ann.edit_message(group, sent.id, "hello")
        edited = await changes.next()
        assert (edited.message.message, edited.pts, edited.message.edit_date is None) == ("hello", pts + 1, False)
        with pytest.raises(errors.MessageDeleteForbiddenError):
            await bob.delete_messages(group, [sent.id])
        await ann.delete_messages(group, [sent.id, 1])
        deleted = await changes.next()
        assert (deleted.messages, deleted.pts, deleted.pts_count) == ([1, sent.id], pts + 3, 2)
        with pytest.raises(errors.MessageIdInvalidError):
            await ann.edit_message(group, sent.id, "again")


async def test_strangers_in_groups_are_min(server: TelegramServer) -> None:
    """A stranger's hash cannot be used; the message that names them can, by whoever sees it and for nobody else."""
    group = make(server, BOB, CY)
    async with logged_in(server, BOB) as bob, logged_in(server, CY) as cy:
        inbox, bobs_id = Inbox(cy, events.Raw(types.UpdateNewChannelMessage)), (await bob.get_me()).id
        server.messages.send(BOB, SendSpec(to=str(group), text="hello"))
        update = await inbox.next()
        stranger = update._entities[bobs_id]
        assert stranger.min
        with pytest.raises(errors.PeerIdInvalidError):
            await cy(functions.messages.SendMessageRequest(types.InputPeerUser(bobs_id, stranger.access_hash), "hi"))
        town = await named(cy, group)
        ann_id = server.people.get(ANN)["id"]
        with pytest.raises(errors.PeerIdInvalidError):
            await cy(functions.messages.SendMessageRequest(types.InputPeerUserFromMessage(town, update.message.id, ann_id), "hi"))
        await cy(functions.messages.SendMessageRequest(types.InputPeerUserFromMessage(town, update.message.id, bobs_id), "hi"))
        assert server.messages.select(BOB, MessageFilter(direction="in"))[-1]["text"] == "hi"
        server.messages.send(BOB, SendSpec(to=str(group), text="we know each other"))
        assert not (await inbox.next())._entities[bobs_id].min
