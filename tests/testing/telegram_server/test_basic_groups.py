"""Basic groups with unmodified Telethon: each member's own ids and pts (https://core.telegram.org/api/channel#basic-groups)."""

from __future__ import annotations

import pytest
from telethon import errors, events, functions, types

from testing.telegram_server.control.specs import GroupPatch, GroupSpec, MemberPatch, MemberSpec, MessageFilter, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, CY, Inbox, logged_in


def make(server: TelegramServer, *members: str) -> int:
    """Make a basic group of Ann's; return its number."""
    return int(server.groups.create(GroupSpec(kind="basic", title="Trip", creator=ANN, members=list(members)))["id"])


async def test_a_basic_group_counts_in_each_members_own_pts(server: TelegramServer) -> None:
    """What Ann sends reaches Bob under his own id and pts, whole at first, then short, and replies find their message."""
    server.messages.send(CY, SendSpec(to=BOB, text="shifts Bob's ids by one"))
    group = make(server, BOB)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        raw = Inbox(bob, events.Raw((types.UpdateNewMessage, types.UpdateShortChatMessage)))
        before = await bob(functions.updates.GetStateRequest())
        sent = await ann.send_message(await ann.get_input_entity(group), "first")
        first = await raw.next()
        assert isinstance(first, types.UpdateNewMessage)
        assert (first.message.peer_id, first.message.message) == (types.PeerChat(-group), "first")
        assert (first.pts, first.pts_count, first.message.id != sent.id) == (before.pts + 1, 1, True)
        await ann.send_message(group, "second", reply_to=sent.id)
        second = await raw.next()
        assert isinstance(second, types.UpdateShortChatMessage)
        assert (second.pts, second.chat_id, second.reply_to.reply_to_msg_id) == (first.pts + 1, -group, first.message.id)
        assert [message.raw_text for message in await bob.get_messages(group, limit=2)] == ["second", "first"]
    assert server.operation.counters()["unknown_methods"] == {}


async def test_members_come_and_go_with_service_messages(server: TelegramServer) -> None:
    """Creating, adding, leaving and kicking are told by messages; who is out gets nothing more and cannot write."""
    async with logged_in(server, ANN) as ann, logged_in(server, CY) as cy:
        inbox = Inbox(cy, events.Raw(types.UpdateNewMessage))
        made = await ann(functions.messages.CreateChatRequest(["bob_ray"], "Trip"))
        (chat,) = made.updates.chats
        assert (chat.title, chat.creator, chat.participants_count) == ("Trip", True, 2)
        assert isinstance(made.updates.updates[1].message.action, types.MessageActionChatCreate)
        server.groups.add(f"-{chat.id}", MemberSpec(person=CY, by=ANN))
        added = (await inbox.next()).message
        assert added.action == types.MessageActionChatAddUser([(await cy.get_me()).id])
        full = await cy(functions.messages.GetFullChatRequest(chat.id))
        assert [type(each).__name__ for each in full.full_chat.participants.participants] == [
            "ChatParticipantCreator",
            "ChatParticipant",
            "ChatParticipant",
        ]
        server.groups.remove(f"-{chat.id}", CY, by=ANN)
        assert isinstance((await inbox.next()).message.action, types.MessageActionChatDeleteUser)
        await ann.send_message(-chat.id, "without Cy")
        with pytest.raises(errors.ChatWriteForbiddenError):
            await cy.send_message(-chat.id, "let me in")
        assert inbox.empty
        assert isinstance((await cy(functions.messages.GetChatsRequest([chat.id]))).chats[0], types.ChatForbidden)
        await ann(functions.messages.DeleteChatUserRequest(chat.id, "me"))
    assert [message["action"] for message in server.messages.select(BOB)] == [
        "MessageActionChatCreate",
        "MessageActionChatAddUser",
        "MessageActionChatDeleteUser",
        None,
        "MessageActionChatDeleteUser",
    ]


async def test_strangers_cannot_name_a_basic_group(server: TelegramServer) -> None:
    """A basic group has no access hash, but only who is or was in it may name it."""
    group = make(server, BOB)
    async with logged_in(server, CY) as cy:
        with pytest.raises(errors.PeerIdInvalidError):
            await cy(functions.messages.SendMessageRequest(types.InputPeerChat(-group), "hi"))
        with pytest.raises(errors.ChatIdInvalidError):
            await cy(functions.messages.GetFullChatRequest(-group))


async def test_writing_can_be_forbidden(server: TelegramServer) -> None:
    """To all members but admins, or to one."""
    group = make(server, BOB)
    async with logged_in(server, BOB) as bob:
        server.groups.patch(str(group), GroupPatch(members_write=False))
        with pytest.raises(errors.ChatWriteForbiddenError):
            await bob.send_message(group, "hi")
        server.groups.change_member(str(group), BOB, MemberPatch(role="admin"))
        await bob.send_message(group, "hi")
    assert server.messages.select(ANN, MessageFilter(chat=str(group), direction="in"))[-1]["text"] == "hi"


async def test_a_groups_reads_edits_and_deletions_reach_every_copy(server: TelegramServer) -> None:
    """Each member learns of them in their own numbering, live and by the difference."""
    server.messages.send(CY, SendSpec(to=BOB, text="shifts Bob's ids by one"))
    group = make(server, BOB)
    async with logged_in(server, ANN) as ann, logged_in(server, BOB, receive_updates=False) as bob:
        reads = Inbox(ann, events.Raw(types.UpdateReadHistoryOutbox))
        state = await bob(functions.updates.GetStateRequest())
        sent = await ann.send_message(group, "helo")
        theirs = server.messages.select(BOB, MessageFilter(chat=str(group)))[-1]["id"]
        await bob(functions.messages.ReadHistoryRequest(types.InputPeerChat(-group), theirs))
        read = await reads.next()
        assert (read.peer, read.max_id) == (types.PeerChat(-group), sent.id)
        await ann.edit_message(group, sent.id, "hello")
        await ann.delete_messages(group, [sent.id])
        missed = await bob(functions.updates.GetDifferenceRequest(state.pts, state.date, state.qts))
        kinds = [type(update).__name__ for update in missed.other_updates]
        assert kinds == ["UpdateReadHistoryInbox", "UpdateEditMessage", "UpdateDeleteMessages"]
        assert (missed.new_messages, missed.other_updates[2].messages) == ([], [theirs])
        assert [update.pts for update in missed.other_updates] == [state.pts + 2, state.pts + 3, state.pts + 4]
