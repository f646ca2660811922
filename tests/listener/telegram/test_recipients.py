"""Recipients in every form: phones, bare ids, several usernames, groups that moved."""

from __future__ import annotations

import pytest
from telethon.tl import functions, types

from listener.telegram.operations.outgoing import SendAttempts, SendOptions, Sent
from listener.telegram.operations.send_text import Text
from shared.errors import Code
from testing.telegram_server.control.specs import GroupSpec, MessageFilter, PersonPatch, PersonSpec
from tests.listener.telegram.clients import ANN, BOB, CY, TelegramHarness
from tests.listener.telegram.sending import LONG_AGO, SendingClient, sending_client

NOBODY = "+15550109999"


async def imported(ann: SendingClient, to: str, random_id: int = 1) -> Sent:
    """Send with leave to add a contact."""
    return await ann.send_content(to, Text("hello"), (random_id,), SendOptions(import_contact=True), SendAttempts(LONG_AGO))


async def test_a_phone_is_looked_up_and_remembered(telegram: TelegramHarness) -> None:
    """No contact is added if Telegram names the user."""
    async with sending_client(telegram) as ann:
        assert (await imported(ann, BOB)).chat_id == telegram.id_of(BOB)
        await imported(ann, BOB, 2)
        assert ann.arrived() == ["hello", "hello"]
        assert (ann.calls("contacts.resolvePhone"), ann.calls("contacts.importContacts")) == (1, 0)
        assert (await imported(ann, ANN, 3)).chat_id == ann.user_id


async def test_a_contact_is_found_although_others_cannot_find_them(telegram: TelegramHarness) -> None:
    """And keeps the name that the person gave it: nothing is imported."""
    async with sending_client(telegram) as ann:
        await ann.client.invoke(functions.contacts.ImportContactsRequest([types.InputPhoneContact(0, BOB, "Bobby", "")]))
        telegram.server.people.patch(BOB, PersonPatch(found_by_phone="nobody"))
        assert (await ann.send(BOB)).chat_id == telegram.id_of(BOB)
        assert ann.calls("contacts.importContacts") == 1
        (bob,) = (await ann.client.invoke(functions.contacts.GetContactsRequest(0))).users
        assert bob.first_name == "Bobby"


async def test_who_is_not_found_is_imported_only_where_that_is_allowed(telegram: TelegramHarness) -> None:
    """Both absences have the first seed's codes, and neither is asked for again at once."""
    async with sending_client(telegram) as ann:
        for _ in range(2):
            assert (await ann.refusal(NOBODY)).code is Code.PHONE_NOT_IN_CONTACTS
        assert (ann.calls("contacts.resolvePhone"), ann.calls("contacts.importContacts")) == (1, 0)
        for _ in range(2):
            with pytest.raises(Exception, match="PHONE_NOT_IN_CONTACTS_OR_NOT_ON_TELEGRAM"):
                await imported(ann, NOBODY)
        assert (ann.calls("contacts.resolvePhone"), ann.calls("contacts.importContacts")) == (1, 1)
        telegram.server.people.create(PersonSpec(phone=NOBODY, first_name="New"))
        ann.clock.advance(61)
        assert (await ann.send(NOBODY)).chat_id == telegram.id_of(NOBODY)


async def test_an_import_that_is_put_off_is_a_wait_and_no_absence(telegram: TelegramHarness) -> None:
    """Telegram is not asked again until then."""
    telegram.server.operation.settings({"contacts_put_off": True})
    async with sending_client(telegram) as ann:
        for phone in (NOBODY, "+15550109998"):
            with pytest.raises(Exception, match="flood_wait") as refused:
                await imported(ann, phone)
            assert refused.value.retry_after_s == 3600  # type: ignore[attr-defined]
        assert ann.calls("contacts.importContacts") == 1


async def test_a_name_that_nobody_has_is_not_looked_up_again_at_once(telegram: TelegramHarness) -> None:
    """Telegram allows few look-ups; after a minute somebody may have it."""
    async with sending_client(telegram) as ann:
        for name in ("@nobody_here", "@Nobody_Here"):
            assert (await ann.refusal(name)).code is Code.USER_NOT_FOUND
        assert ann.calls("contacts.resolveUsername") == 1
        telegram.server.people.patch(CY, PersonPatch(username="nobody_here"))
        ann.clock.advance(61)
        assert (await ann.send("@nobody_here")).chat_id == telegram.id_of(CY)


async def test_each_of_several_usernames_is_known(telegram: TelegramHarness) -> None:
    """Telegram lists them apart from the one."""
    dee = "+15550100004"
    telegram.server.people.create(PersonSpec(phone=dee, first_name="Dee", username="dee_one", more_usernames=["dee_two"]))
    async with sending_client(telegram) as ann:
        sent = [await ann.send(name, random_id=number) for number, name in enumerate(("@dee_two", "@DEE_TWO", "@dee_one"), 1)]
        assert {one.chat_id for one in sent} == {telegram.id_of(dee)}
        assert ann.calls("contacts.resolveUsername") == 1


async def test_a_bare_id_is_a_user_or_a_group_without_its_mark(telegram: TelegramHarness) -> None:
    """A phone without its + is no known id, and the refusal says that phones have one (field case S3)."""
    town = telegram.server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=ANN, username="the_town"))["id"]
    club = telegram.server.groups.create(GroupSpec(kind="basic", title="Club", creator=ANN, members=[BOB]))["id"]
    async with sending_client(telegram) as ann:
        await ann.send("@the_town")
        dialogs = await ann.client.invoke(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 10, 0))
        ann.peers.learn(dialogs.chats)
        assert (await ann.send(str(-town - 10**12), random_id=2)).chat_id == town
        assert (await ann.send(str(-club), random_id=3)).chat_id == club
        refusal = await ann.refusal("9996610001")
        assert refusal.code is Code.PEER_NOT_FOUND
        assert "begin with +" in refusal.detail


@pytest.mark.parametrize("seen", [False, True])
async def test_a_group_that_became_a_supergroup_is_followed(telegram: TelegramHarness, seen: bool) -> None:
    """Field case R6: whether or not the account saw it happen, the message arrives in the new chat, once."""
    club = telegram.server.groups.create(GroupSpec(kind="basic", title="Club", creator=ANN, members=[BOB]))["id"]
    async with sending_client(telegram) as ann:
        ann.peers.learn(await _chats(ann, club))
        assert (await ann.send(str(club))).chat_id == club
        moved = telegram.server.groups.migrate(str(club), ANN)["id"]
        if seen:
            ann.peers.learn(await _chats(ann, club))
        before = ann.calls("messages.sendMessage")
        assert (await ann.send(str(club), "to the new one", random_id=2)).chat_id == moved
        assert ann.calls("messages.sendMessage") - before == (1 if seen else 2)
        await ann.send(str(club), "again", random_id=3)
        arrived = telegram.server.messages.select(BOB, MessageFilter(chat=str(moved), direction="in"))
        assert [message["text"] for message in arrived if message["text"]] == ["to the new one", "again"]


async def _chats(ann: SendingClient, club: int) -> list[object]:
    found = await ann.client.invoke(functions.messages.GetChatsRequest([-club]))
    return list(found.chats)
