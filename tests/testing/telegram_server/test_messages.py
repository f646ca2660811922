"""Private chats with unmodified Telethon: both directions, copies, replies, repeats, reads, refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon import errors, events, functions, types

from testing.telegram_server.control.errors import ControlError
from testing.telegram_server.control.specs import MessageFilter, PersonPatch, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, CY, Inbox, logged_in


async def test_messages_go_both_ways(server: TelegramServer) -> None:
    """What Ann sends reaches Bob's client with its formatting, and Bob's answer, as a reply, reaches hers."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        ann_inbox, bob_inbox = Inbox(ann, events.NewMessage(incoming=True)), Inbox(bob, events.NewMessage(incoming=True))
        sent = await ann.send_message("bob_ray", "hello **Bob**")
        first = await bob_inbox.next()
        assert (first.raw_text, first.text, first.chat_id, first.out) == ("hello Bob", "hello **Bob**", (await ann.get_me()).id, False)
        await first.reply("hello Ann")
        answer = await ann_inbox.next()
        assert answer.raw_text == "hello Ann"
        assert answer.message.reply_to.reply_to_msg_id == sent.id
        assert (await answer.get_sender()).first_name == "Bob"


async def test_a_first_message_brings_its_sender_and_later_ones_are_short(server: TelegramServer) -> None:
    """A stranger's message comes with the person, so that it can be answered; what follows is updateShortMessage."""
    async with logged_in(server, BOB) as bob:
        raw = Inbox(bob, events.Raw())
        server.messages.send(ANN, SendSpec(to=BOB, text="first"))
        first = await raw.next()
        assert isinstance(first, types.UpdateNewMessage)
        assert await bob.send_message(first.message.peer_id, "who are you?")
        server.messages.send(ANN, SendSpec(to=BOB, text="second"))
        second = await raw.next()
        assert isinstance(second, types.UpdateShortMessage)
        assert (second.pts, second.pts_count, second.message) == (first.pts + 2, 1, "second")


async def test_saved_messages(server: TelegramServer) -> None:
    """A message to oneself is one message, in the chat with oneself, and not unread."""
    async with logged_in(server, ANN) as ann:
        await ann.send_message("me", "note")
        (message,) = await ann.get_messages("me", limit=10)
        assert (message.raw_text, message.chat_id) == ("note", (await ann.get_me()).id)
        (dialog,) = [dialog for dialog in await ann.get_dialogs() if dialog.id != 777000]
        assert dialog.unread_count == 0


async def test_other_authorisations_get_copies(server: TelegramServer) -> None:
    """Ann's second client sees what the first sends, as her own message; the first is told by the answer only."""
    async with logged_in(server, ANN) as first, logged_in(server, ANN) as second:
        inbox, own = Inbox(second, events.NewMessage(outgoing=True)), Inbox(first, events.NewMessage(outgoing=True))
        sent = await first.send_message("bob_ray", "from the first")
        copy = await inbox.next()
        assert (copy.message.id, copy.raw_text, copy.out) == (sent.id, "from the first", True)
        assert own.empty


async def test_message_ids_are_each_accounts_own(server: TelegramServer) -> None:
    """Both copies of a message have ids of their own, rising by one over all chats of the account."""
    server.messages.send(CY, SendSpec(to=BOB, text="shifts Bob's ids by one"))
    sent = server.messages.send(ANN, SendSpec(to=BOB, text="hi"))
    (received,) = server.messages.select(BOB, MessageFilter(chat=ANN))
    assert (sent["id"], received["id"]) == (1, 2)


@pytest.mark.parametrize("answer", ["original", "error"])
async def test_a_repeated_random_id_sends_once(server: TelegramServer, answer: str) -> None:
    """The repeat is answered by the original message, or by RANDOM_ID_DUPLICATE; Bob gets one message."""
    server.operation.settings({"repeated_random_id": answer})
    async with logged_in(server, ANN) as ann:
        request = functions.messages.SendMessageRequest(await ann.get_input_entity("bob_ray"), "once", random_id=77)
        first = await ann._sender.send(request)
        if answer == "error":
            with pytest.raises(errors.RandomIdDuplicateError):
                await ann._sender.send(request)
        else:
            again = await ann._sender.send(request)
            assert (again.id, again.pts) == (first.id, first.pts)
    assert len(server.messages.select(BOB)) == 1
    assert server.operation.counters()["sends_deduplicated"] == 1


async def test_reading_is_told_to_both_sides(server: TelegramServer) -> None:
    """Bob reads: his other client learns how much is unread, Ann's that her message was read, each with its pts."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob, logged_in(server, BOB) as other:
        for text in ("one", "two", "three"):
            sent = await ann.send_message("bob_ray", text)
        ann_raw, other_raw = Inbox(ann, events.Raw(types.UpdateReadHistoryOutbox)), Inbox(other, events.Raw(types.UpdateReadHistoryInbox))
        await bob.get_dialogs()
        second = (await bob.get_messages("ann_lee", limit=10))[1]
        assert await bob.send_read_acknowledge("ann_lee", max_id=second.id)
        inbox, outbox = await other_raw.next(), await ann_raw.next()
        assert (inbox.max_id, inbox.still_unread_count, inbox.pts_count) == (second.id, 1, 1)
        assert outbox.max_id == sent.id - 1
        (dialog,) = [dialog for dialog in await bob.get_dialogs() if dialog.id != 777000]
        assert (dialog.unread_count, dialog.dialog.read_inbox_max_id) == (1, second.id)


async def test_typing_is_shown(server: TelegramServer) -> None:
    """messages.setTyping reaches the other side as updateUserTyping."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        raw = Inbox(bob, events.Raw(types.UpdateUserTyping))
        async with ann.action("bob_ray", "typing"):
            assert isinstance((await raw.next()).action, types.SendMessageTypingAction)


async def test_history_pages_as_documented(server: TelegramServer) -> None:
    """A chat of 250 messages is read whole by pages of 100, newest first, and from an offset; ids that are not there are empty."""
    for number in range(250):
        server.messages.send(ANN, SendSpec(to=BOB, text=str(number)))
    async with logged_in(server, BOB) as bob:
        await bob.get_dialogs()
        texts = [message.raw_text async for message in bob.iter_messages("ann_lee", wait_time=0)]
        assert texts == [str(number) for number in reversed(range(250))]
        oldest = [message.raw_text async for message in bob.iter_messages("ann_lee", reverse=True, limit=3)]
        assert oldest == ["0", "1", "2"]
        page = await bob.get_messages("ann_lee", limit=2, offset_id=10, min_id=3)
        assert [message.id for message in page] == [9, 8]
        assert page.total == 250
        one, none = await bob.get_messages("ann_lee", ids=[5, 9999])
        assert (one.raw_text, none) == ("4", None)


async def test_dialogs_are_paged_newest_first(server: TelegramServer) -> None:
    """getDialogs names every chat once, with its last message and unread count."""
    for sender in (BOB, CY, BOB):
        server.messages.send(sender, SendSpec(to=ANN, text=f"from {sender}"))
    async with logged_in(server, ANN) as ann:
        dialogs = [dialog for dialog in await ann.get_dialogs() if dialog.id != 777000]
        assert [(d.name, d.unread_count, d.message.raw_text) for d in dialogs] == [("Bob", 2, f"from {BOB}"), ("Cy", 1, f"from {CY}")]


async def test_what_telegram_refuses(server: TelegramServer) -> None:
    """Too long, empty, a reply to nothing, a stranger's id or a wrong hash: each has its documented error."""
    async with logged_in(server, ANN) as ann:
        bob = await ann.get_input_entity("bob_ray")

        def send(text: str, peer: Any = bob, reply_to: Any = None) -> Any:
            return ann(functions.messages.SendMessageRequest(peer, text, reply_to=reply_to))

        await send("x" * 4096)
        with pytest.raises(errors.MessageTooLongError):
            await send("x" * 4097)
        with pytest.raises(errors.MessageEmptyError):
            await send("  ")
        with pytest.raises(errors.BadRequestError, match="REPLY_MESSAGE_ID_INVALID"):
            await send("x", reply_to=types.InputReplyToMessage(99))
        with pytest.raises(errors.PeerIdInvalidError):
            await send("x", types.InputPeerUser(bob.user_id, bob.access_hash + 1))
        with pytest.raises(errors.UserIdInvalidError):
            await ann(functions.users.GetFullUserRequest(types.InputUser(bob.user_id, 0)))
    assert len(server.messages.select(BOB)) == 1


async def test_an_access_hash_is_the_accounts_own(server: TelegramServer) -> None:
    """Cy cannot use the hash under which Ann knows Bob, unless a message names Bob."""
    async with logged_in(server, ANN) as ann, logged_in(server, CY) as cy:
        bob = await ann.get_input_entity("bob_ray")
        with pytest.raises(errors.PeerIdInvalidError):
            await cy(functions.messages.SendMessageRequest(types.InputPeerUser(bob.user_id, bob.access_hash), "hi"))
        inbox = Inbox(cy)
        server.messages.send(BOB, SendSpec(to=CY, text="hello"))
        event = await inbox.next()
        named = types.InputPeerUserFromMessage(await event.get_input_chat(), event.message.id, bob.user_id)
        await cy(functions.messages.SendMessageRequest(named, "hi"))
        assert server.messages.select(BOB, MessageFilter(direction="in"))[0]["text"] == "hi"


async def test_blocked_and_private(server: TelegramServer) -> None:
    """Who is blocked, or no contact of somebody who takes messages from contacts only, cannot write."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        await bob(functions.contacts.BlockRequest(await bob.get_input_entity("ann_lee")))
        with pytest.raises(errors.UserIsBlockedError):
            await ann.send_message("bob_ray", "hi")
        await bob(functions.contacts.UnblockRequest(await bob.get_input_entity("ann_lee")))
        server.people.patch(BOB, PersonPatch(messages_from="contacts"))
        with pytest.raises(errors.ForbiddenError, match="PRIVACY_PREMIUM_REQUIRED"):
            await ann.send_message("bob_ray", "hi")
        with pytest.raises(ControlError, match="PRIVACY_PREMIUM_REQUIRED"):
            server.messages.send(ANN, SendSpec(to=BOB, text="hi"))


async def test_people_are_found(server: TelegramServer) -> None:
    """By username, by phone, by importing; each with its error where there is nobody."""
    async with logged_in(server, ANN) as ann:
        found = await ann(functions.contacts.ResolveUsernameRequest("bob_ray"))
        assert (found.users[0].first_name, found.users[0].phone) == ("Bob", None)
        assert (await ann(functions.contacts.ResolvePhoneRequest(CY))).users[0].first_name == "Cy"
        with pytest.raises(errors.UsernameNotOccupiedError):
            await ann(functions.contacts.ResolveUsernameRequest("nobody_here"))
        with pytest.raises(errors.PhoneNotOccupiedError):
            await ann(functions.contacts.ResolvePhoneRequest("+15550109999"))
        contacts = [types.InputPhoneContact(1, CY, "My", "Cy"), types.InputPhoneContact(2, "+15550109999", "No", "One")]
        imported = await ann(functions.contacts.ImportContactsRequest(contacts))
        assert [(each.client_id, imported.users[0].id) for each in imported.imported] == [(1, imported.imported[0].user_id)]
        assert (imported.users[0].first_name, imported.users[0].phone) == ("My", CY[1:])
        book = await ann(functions.contacts.GetContactsRequest(0))
        assert [(user.first_name, user.contact) for user in book.users] == [("My", True)]
        assert (await ann.get_entity(CY)).id == imported.users[0].id


async def test_who_hides_is_not_found_by_phone(server: TelegramServer) -> None:
    """`found_by_phone: nobody` behaves as if the phone were not on Telegram."""
    server.people.patch(CY, PersonPatch(found_by_phone="nobody"))
    async with logged_in(server, ANN) as ann:
        with pytest.raises(errors.PhoneNotOccupiedError):
            await ann(functions.contacts.ResolvePhoneRequest(CY))
        imported = await ann(functions.contacts.ImportContactsRequest([types.InputPhoneContact(1, CY, "My", "Cy")]))
        assert (imported.imported, imported.users) == ([], [])


async def test_many_sends_at_once_arrive_in_order(server: TelegramServer) -> None:
    """A burst in containers is executed in its order, and every message arrives once."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        inbox, peer = Inbox(bob, events.Raw()), await ann.get_input_entity("bob_ray")
        requests = [functions.messages.SendMessageRequest(peer, str(number)) for number in range(150)]
        await asyncio.gather(*[ann._sender.send(request) for request in requests])
        texts = [update.message if isinstance(update.message, str) else update.message.message for update in await inbox.take(150)]
        assert sorted(texts, key=int) == [message["text"] for message in server.messages.select(BOB, MessageFilter(chat=ANN, limit=200))]
        assert len(set(texts)) == 150
