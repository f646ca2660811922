"""What an account reads with unmodified Telethon: its list of chats, searches, members, and people as they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon import errors, events, functions, types

from testing.telegram_server.control.specs import GroupSpec, PersonPatch, PersonSpec, SendSpec
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, CY, Inbox, logged_in


async def chats(client: Any, **options: Any) -> list[str]:
    """Return the names of the chats, that of the log-in codes left out."""
    return [dialog.name for dialog in await client.get_dialogs(**options) if dialog.id != 777000]


def write_to_ann(server: TelegramServer) -> None:
    """Have Bob, then Cy, then a town write to Ann."""
    server.messages.send(BOB, SendSpec(to=ANN, text="from Bob"))
    server.messages.send(CY, SendSpec(to=ANN, text="from Cy"))
    server.clock.advance(1)
    server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=BOB, members=[ANN]))


async def test_pinned_chats_come_first_and_once(server: TelegramServer) -> None:
    """The one that was pinned last before the others; also in pages of one chat; another device is told."""
    write_to_ann(server)
    async with logged_in(server, ANN) as ann, logged_in(server, ANN) as other:
        told = Inbox(other, events.Raw(types.UpdateDialogPinned))
        assert await chats(ann) == ["Town", "Cy", "Bob"]
        for name in ("Cy", "Bob"):
            await ann(functions.messages.ToggleDialogPinRequest(await _dialog_peer(ann, name), pinned=True))
        assert await chats(ann) == ["Bob", "Cy", "Town"]
        assert [dialog.name async for dialog in ann.iter_dialogs() if dialog.pinned] == ["Bob", "Cy"]
        assert await chats(ann, ignore_pinned=True) == ["Town"]
        pinned = await ann(functions.messages.GetPinnedDialogsRequest(0))
        ids = {user.first_name: user.id for user in pinned.users}
        assert [dialog.peer.user_id for dialog in pinned.dialogs] == [ids["Bob"], ids["Cy"]]
        assert [(await told.next()).pinned for _ in range(2)] == [True, True]
        await ann(functions.messages.ToggleDialogPinRequest(await _dialog_peer(ann, "Bob"), pinned=False))
        assert await chats(ann) == ["Cy", "Town", "Bob"]


async def test_the_archive_is_a_folder(server: TelegramServer) -> None:
    """Without a folder all chats come; what is archived is no longer pinned."""
    write_to_ann(server)
    async with logged_in(server, ANN) as ann:
        await chats(ann)
        await ann(functions.messages.ToggleDialogPinRequest(await _dialog_peer(ann, "Bob"), pinned=True))
        await ann.edit_folder(await ann.get_input_entity(await _id(ann, "Bob")), 1)
        assert await chats(ann, folder=0) == ["Town", "Cy"]
        assert await chats(ann, folder=1) == ["Bob"]
        assert set(await chats(ann)) == {"Town", "Cy", "Bob"}
        (archived,) = [dialog for dialog in await ann.get_dialogs() if dialog.archived]
        assert (archived.name, archived.pinned) == ("Bob", False)
        await ann.edit_folder(await ann.get_input_entity(archived.id), 0)
        assert await chats(ann, folder=1) == []


async def test_a_chat_is_muted(server: TelegramServer) -> None:
    """Until a time, which the list shows; and no longer."""
    write_to_ann(server)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=8)
    async with logged_in(server, ANN) as ann:
        await chats(ann)
        peer = types.InputNotifyPeer(await ann.get_input_entity(await _id(ann, "Bob")))
        for asked in (until, None):
            await ann(functions.account.UpdateNotifySettingsRequest(peer, types.InputPeerNotifySettings(mute_until=asked)))
            shown = {dialog.name: dialog.dialog.notify_settings.mute_until for dialog in await ann.get_dialogs()}
            assert (shown["Bob"], shown["Cy"]) == (asked, None)
            assert (await ann(functions.account.GetNotifySettingsRequest(peer))).mute_until == asked


async def test_messages_are_searched(server: TelegramServer) -> None:
    """By words in any case, newest first, in pages; in private chats and supergroups."""
    write_to_ann(server)
    town = server.groups.all()[0]["id"]
    for to in (ANN, str(town)):
        for number in range(5):
            server.messages.send(BOB, SendSpec(to=to, text=f"Green Tea {number}"))
            server.messages.send(BOB, SendSpec(to=to, text=f"coffee {number}"))
    async with logged_in(server, ANN) as ann:
        await chats(ann)
        for chat in (await _id(ann, "Bob"), town):
            found = await ann.get_messages(chat, search="tea gre", limit=None)
            assert [message.raw_text for message in found] == [f"Green Tea {number}" for number in (4, 3, 2, 1, 0)]
            assert found.total == 5
            older = await ann.get_messages(chat, search="TEA", limit=2, offset_id=found[1].id, min_id=found[4].id)
            assert [message.raw_text for message in older] == ["Green Tea 2", "Green Tea 1"]
        peer = await ann.get_input_entity(town)
        everything = types.InputMessagesFilterEmpty()
        with pytest.raises(errors.SearchQueryEmptyError):
            await ann(functions.messages.SearchRequest(peer, "", everything, None, None, 0, 0, 10, 0, 0, 0))


async def test_members_are_searched_and_paged(server: TelegramServer) -> None:
    """By the beginning of a name or username; a channel's members are for its admins."""
    town = server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=ANN, members=[BOB, CY]))["id"]
    news = server.groups.create(GroupSpec(kind="channel", title="News", creator=ANN, members=[BOB]))["id"]
    async with logged_in(server, BOB) as bob:
        await chats(bob)
        channel = await bob.get_input_entity(town)
        assert [user.first_name for user in await bob.get_participants(town, search="bob_r")] == ["Bob"]
        assert [user.first_name for user in await bob.get_participants(town, search="le an")] == ["Ann"]
        everybody = types.ChannelParticipantsSearch("")
        page = await bob(functions.channels.GetParticipantsRequest(channel, everybody, 1, 1, 0))
        assert (page.count, [user.first_name for user in page.users]) == (3, ["Bob"])
        with pytest.raises(errors.ChatAdminRequiredError):
            await bob.get_participants(news)


async def test_a_deleted_account_is_still_there(server: TelegramServer) -> None:
    """Without a name; what it wrote stays, nobody writes to it or finds it, and its log-ins are over."""
    server.messages.send(BOB, SendSpec(to=ANN, text="from Bob"))
    server.people.patch(BOB, PersonPatch(deleted=True))
    async with logged_in(server, ANN) as ann:
        (dialog,) = [dialog for dialog in await ann.get_dialogs() if dialog.id != 777000]
        assert (dialog.entity.deleted, dialog.entity.first_name, dialog.message.raw_text) == (True, None, "from Bob")
        with pytest.raises(errors.InputUserDeactivatedError):
            await ann.send_message(dialog.input_entity, "are you there?")
        with pytest.raises(errors.UsernameNotOccupiedError):
            await ann(functions.contacts.ResolveUsernameRequest("bob_ray"))
        with pytest.raises(errors.PhoneNotOccupiedError):
            await ann(functions.contacts.ResolvePhoneRequest(BOB))


async def test_people_say_something_of_themselves(server: TelegramServer) -> None:
    """In their full information."""
    server.people.create(PersonSpec(phone="+15550100009", first_name="Dee", username="dee_ray", about="Tea, mostly."))
    async with logged_in(server, ANN) as ann:
        full = await ann(functions.users.GetFullUserRequest("dee_ray"))
        assert full.full_user.about == "Tea, mostly."
        assert (await ann(functions.users.GetFullUserRequest("me"))).full_user.about is None


async def _id(client: Any, name: str) -> int:
    return next(int(dialog.id) for dialog in await client.get_dialogs() if dialog.name == name)


async def _dialog_peer(client: Any, name: str) -> Any:
    return types.InputDialogPeer(await client.get_input_entity(await _id(client, name)))
