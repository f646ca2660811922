"""Reading: chats, their messages and members, people. What lists name can be named afterwards."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import functions, types

from listener.telegram.operations.chat_list import list_chats
from listener.telegram.operations.chat_reading import get_chat, get_message, list_messages
from listener.telegram.operations.describing import person_of
from listener.telegram.operations.members import list_members
from listener.telegram.operations.people import add_contact, find_peer, get_person, get_self, list_contacts
from listener.telegram.updates.media_id import MediaPlace, media_id
from shared.errors import AvioError, Code
from shared.model.event import Message
from shared.model.ids import Channel
from shared.rpc.chats import Chat, GetChat, GetMessage, ListChats, ListMembers, ListMessages, Member
from shared.rpc.paging import MOST_BYTES, size_of
from shared.rpc.people import AddContact, FindPeer, GetPerson, GetSelf, LastSeen, ListContacts
from testing.telegram_server.control.specs import GroupSpec, MediaSpec, PersonPatch, SendSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.mtproto.raw import UNKNOWN
from tests.listener.telegram.chats import TENANT
from tests.listener.telegram.clients import ANN, BOB, CY, TelegramHarness
from tests.listener.telegram.performing import PerformingClient, performing_client

NOBODY = "+15550109999"


@pytest.fixture
async def ann(telegram: TelegramHarness) -> AsyncIterator[PerformingClient]:
    """Ann, who is connected and knows nobody yet."""
    async with performing_client(telegram) as client:
        yield client


async def refusal(read: Awaitable[Any]) -> AvioError:
    with pytest.raises(AvioError) as refused:
        await read
    return refused.value


async def all_chats(ann: PerformingClient, limit: int = 100) -> list[Chat]:
    """Return all chats, read in pages."""
    found: list[Chat] = []
    cursor = None
    while True:
        page = await list_chats(ann, ListChats(limit=limit, cursor=cursor))
        assert len(page.chats) <= limit
        found += page.chats
        cursor = page.next
        if cursor is None:
            return found


async def history(ann: PerformingClient, to: str, limit: int = 100, **asked: Any) -> list[Message]:
    """Return the messages of a chat, read in pages."""
    found: list[Message] = []
    cursor = None
    while True:
        page = await list_messages(ann, ListMessages(to=to, limit=limit, cursor=cursor, **asked))
        assert len(page.messages) <= limit
        found += page.messages
        cursor = page.next
        if cursor is None:
            return found


def group(telegram: TelegramHarness, kind: str = "supergroup", creator: str = ANN, members: tuple[str, ...] = (BOB,), **more: Any) -> str:
    spec = {"kind": kind, "title": "Town", "creator": creator, "members": list(members), **more}
    return str(telegram.server.groups.create(GroupSpec.model_validate(spec))["id"])


def write(telegram: TelegramHarness, text: str, to: str = ANN, sender: str = BOB, **more: Any) -> int:
    return int(telegram.server.messages.send(sender, SendSpec(to=to, text=text, **more))["id"])


def unreadable() -> MediaSpec:
    return MediaSpec.model_validate({"kind": "raw", "content": base64.b64encode(UNKNOWN)})


async def invoke(ann: PerformingClient, request: Any) -> Any:
    assert ann.runner.client is not None
    return await ann.runner.client.invoke(request)


async def dialog_peer(ann: PerformingClient, to: str) -> Any:
    """Return a chat as Telegram's requests about the list name it."""
    (peer,) = await ann.peers.input_peers(int(to))
    return types.InputDialogPeer(peer)


# chats


async def test_chats_come_with_what_their_list_shows(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Each kind; the chat with the codes of log-ins is not among them."""
    basic, town, news = (group(telegram, kind, BOB, (ANN,), title=kind) for kind in ("basic", "supergroup", "channel"))
    telegram.server.clock.advance(1)
    write(telegram, "hello")
    bob = str(telegram.id_of(BOB))
    chats = {chat.chat_id: chat for chat in await all_chats(ann)}
    assert {name: (chat.chat_type, chat.title) for name, chat in chats.items()} == {
        bob: ("private", "Bob"),
        basic: ("group", "basic"),
        town: ("group", "supergroup"),
        news: ("channel", "channel"),
    }
    assert (chats[bob].username, chats[bob].unread_count, chats[bob].marked_unread) == ("bob_ray", 1, False)
    last = chats[bob].last_message
    assert last is not None
    assert (last.text, last.sender_id, last.sender_name, last.chat_type) == ("hello", bob, "Bob", "private")
    assert chats[bob].last_message_at == last.date
    assert (chats[town].last_message, chats[town].last_message_at is None) == (None, False)  # it was made: no message


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_chats_come_in_their_order_each_once(ann: PerformingClient, telegram: TelegramHarness, limit: int) -> None:
    """Pinned, then by last message, then the archive in the same order; whatever the size of the pages."""
    ids = []
    for number in range(6):
        ids.append(group(telegram, title=f"group {number}"))
        telegram.server.clock.advance(1)
    await all_chats(ann)
    for number in (1, 2, 5):
        await invoke(ann, functions.folders.EditPeerFoldersRequest([types.InputFolderPeer((await dialog_peer(ann, ids[number])).peer, 1)]))
    for number in (0, 3, 1):
        await invoke(ann, functions.messages.ToggleDialogPinRequest(await dialog_peer(ann, ids[number]), pinned=True))
    ann.runner.answers.forget()
    chats = await all_chats(ann, limit)
    assert [chat.title for chat in chats] == [f"group {number}" for number in (3, 0, 4, 1, 5, 2)]
    assert [(chat.pinned, chat.archived) for chat in chats] == [
        *[(True, False)] * 2,
        (False, False),
        (True, True),
        *[(False, True)] * 2,
    ]


async def test_a_chat_is_muted_until_a_time(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Which the owner passes on."""
    write(telegram, "hello")
    (chat,) = await all_chats(ann)
    assert chat.muted_until is None
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=8)
    peer = types.InputNotifyPeer((await dialog_peer(ann, chat.chat_id)).peer)
    await invoke(ann, functions.account.UpdateNotifySettingsRequest(peer, types.InputPeerNotifySettings(mute_until=until)))
    ann.runner.answers.forget()
    assert [chat.muted_until for chat in await all_chats(ann)] == [until]


async def test_a_group_that_became_a_supergroup_is_listed_once(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """As what it is now; its old id leads there."""
    club = group(telegram, "basic", title="Club")
    await all_chats(ann)
    moved = str(telegram.server.groups.migrate(club, ANN)["id"])
    ann.runner.answers.forget()
    assert [chat.chat_id for chat in await all_chats(ann)] == [moved]


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_a_chat_whose_last_message_cannot_be_read_costs_no_other(
    ann: PerformingClient, telegram: TelegramHarness, limit: int
) -> None:
    """It comes with what is known of it, and the chats around it come whole."""
    for title in ("oldest", "older"):
        write(telegram, title, group(telegram, title=title, creator=BOB, members=(ANN,)))
        telegram.server.clock.advance(5)
    write(telegram, "unreadable", media=unreadable())
    telegram.server.clock.advance(5)
    write(telegram, "newest", sender=CY)
    chats = await all_chats(ann, limit)
    assert [chat.title for chat in chats if chat.last_message] == ["Cy", "older", "oldest"]
    assert [chat.chat_id for chat in chats if not chat.last_message] == [str(telegram.id_of(BOB))]


async def test_what_a_list_has_named_is_known_to_a_process_that_starts_anew(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """But counts as nobody whom the account has met: to whom it may not write while it is restricted."""
    town = group(telegram, creator=BOB, members=(ANN, CY))
    await all_chats(ann)
    await list_members(ann, ListMembers(to=town))
    for known in (int(town), telegram.id_of(CY)):
        listed = ann.stored.get_any(TENANT, Channel.TELEGRAM, known)
        assert listed is not None
        assert listed.whole
        assert ann.stored.get(TENANT, Channel.TELEGRAM, known) is None
    assert ann.peers.known(telegram.id_of(CY)) is None  # it pushes nobody out of memory
    assert (await get_chat(ann, GetChat(to=str(telegram.id_of(CY))))).title == "Cy"


# one chat


async def test_a_chat_tells_more_when_asked_alone(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """A private one, one that is in no list, oneself."""
    telegram.server.people.patch(BOB, PersonPatch(about="Tea, mostly."))
    write(telegram, "one")
    written = int(ann.written("two"))
    telegram.server.messages.read(BOB, ANN, 0)
    bob = await get_chat(ann, GetChat(to="@bob_ray"))
    assert (bob.title, bob.about, bob.members_count, bob.member, bob.unread_count) == ("Bob", "Tea, mostly.", None, True, 1)
    assert (bob.read_up_to, bob.others_read_up_to) == (None, str(written))
    cy = await get_chat(ann, GetChat(to=CY))
    assert (cy.title, cy.last_message, cy.last_message_at, cy.unread_count) == ("Cy", None, None, 0)
    assert (await get_chat(ann, GetChat(to="me"))).chat_id == str(ann.user_id)


@pytest.mark.parametrize("kind", ["basic", "supergroup", "channel"])
async def test_a_group_tells_how_many_are_in_it(ann: PerformingClient, telegram: TelegramHarness, kind: str) -> None:
    """And what it says of itself."""
    town = group(telegram, kind, BOB, (ANN, CY), about="All of us.")
    await all_chats(ann)
    chat = await get_chat(ann, GetChat(to=town))
    assert (chat.title, chat.about, chat.members_count, chat.member) == ("Town", "All of us.", 3, True)


async def test_a_public_group_is_read_from_outside(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """And says that the account is not in it."""
    town = group(telegram, creator=BOB, members=(CY,), username="the_town")
    write(telegram, "hello", town)
    chat = await get_chat(ann, GetChat(to="@the_town"))
    assert (chat.chat_id, chat.member) == (town, False)
    assert [message.text for message in await history(ann, "@the_town")] == ["hello"]


@pytest.mark.parametrize("kind", ["supergroup", "channel", "basic"])
async def test_who_was_removed_reads_nothing_more(ann: PerformingClient, telegram: TelegramHarness, kind: str) -> None:
    """403 with a code of its own."""
    town = group(telegram, kind, BOB, (ANN,))
    await all_chats(ann)
    telegram.server.groups.remove(town, ANN, by=BOB)
    ann.runner.answers.forget()
    reads: list[Callable[[], Awaitable[Any]]] = [lambda: list_members(ann, ListMembers(to=town))]
    if kind != "basic":  # of that one the account keeps its own copy
        reads += [lambda: get_chat(ann, GetChat(to=town)), lambda: list_messages(ann, ListMessages(to=town))]
    for read in reads:
        assert (await refusal(read())).code is Code.NOT_A_MEMBER


@pytest.mark.parametrize(
    ("to", "code"), [("-100123", Code.PEER_NOT_FOUND), ("@nobody_here", Code.USER_NOT_FOUND), ("777000", Code.PEER_NOT_FOUND)]
)
async def test_what_is_no_chat_is_not_read(ann: PerformingClient, to: str, code: Code) -> None:
    """Telegram's own chat least of all: its messages open the account."""
    await all_chats(ann)
    await ann.learn_chats()
    for read in (
        get_chat(ann, GetChat(to=to)),
        list_messages(ann, ListMessages(to=to)),
        get_message(ann, GetMessage(to=to, message_id="1")),
    ):
        assert (await refusal(read)).code is code


# messages


@pytest.mark.parametrize("limit", [1, 3, 100])
@pytest.mark.parametrize("kind", ["private", "basic", "supergroup", "channel"])
async def test_a_history_comes_newest_first_each_message_once(
    ann: PerformingClient, telegram: TelegramHarness, kind: str, limit: int
) -> None:
    """What is no message is passed over; numbers bound it on both sides."""
    to = str(telegram.id_of(BOB)) if kind == "private" else group(telegram, kind, BOB, (ANN,))
    for number in range(7):
        write(telegram, f"text {number}", ANN if kind == "private" else to)
    await all_chats(ann)
    messages = await history(ann, to, limit)
    assert [message.text for message in messages] == [f"text {number}" for number in reversed(range(7))]
    assert {(message.chat_id, message.chat_type) for message in messages} == {
        (to, {"private": "private", "channel": "channel"}.get(kind, "group"))
    }
    between = await history(ann, to, limit, before=messages[1].message_id, after=messages[5].message_id)
    assert [message.text for message in between] == ["text 4", "text 3", "text 2"]
    assert await history(ann, to, limit, after=messages[0].message_id) == []


async def test_pages_of_messages_skip_none_and_show_none_twice_while_messages_come_and_go(
    ann: PerformingClient, telegram: TelegramHarness
) -> None:
    """Field case W8: of those that were there at the first page and still are."""
    ids = [ann.received(f"text {number}") for number in range(12)]
    seen: list[str] = []
    cursor = None
    for step in range(100):
        page = await list_messages(ann, ListMessages(to="@bob_ray", limit=2, cursor=cursor))
        seen += [message.text for message in page.messages]
        cursor = page.next
        if cursor is None:
            break
        write(telegram, f"new {step}")
        if step < 3:
            telegram.server.messages.delete(ANN, int(ids[step]))  # yet to be read
            telegram.server.messages.delete(ANN, int(ids[-1 - step]))  # read already, or the one that the page ended with
        ann.runner.answers.forget_chats()
    assert len(set(seen)) == len(seen)
    assert {f"text {number}" for number in range(3, 9)} <= set(seen)
    assert not any(text.startswith("new") for text in seen)


async def test_a_message_of_the_history_is_what_its_event_was(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """An answer, a name, a file; and one's own."""
    first = write(telegram, "hello", media=MediaSpec.model_validate({"content": base64.b64encode(b"x"), "name": "a.txt"}))
    ann.written("mine")
    newest, oldest = await history(ann, "@bob_ray")
    assert (newest.text, newest.outgoing, newest.sender_id, newest.sender_name) == ("mine", True, str(ann.user_id), "Ann Lee")
    assert oldest.media is not None
    assert (oldest.media.name, oldest.outgoing, oldest.sender_username) == ("a.txt", None, "bob_ray")
    assert first
    found = await get_message(ann, GetMessage(to="@bob_ray", message_id=oldest.message_id))
    assert found.message == oldest
    ann.written("note", to="me")
    (noted,) = await history(ann, "me")
    assert (noted.text, noted.outgoing) == ("note", True)


async def test_words_are_searched_in_a_chat(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """In pages, and within bounds."""
    for number in range(5):
        write(telegram, f"green tea {number}")
        write(telegram, f"coffee {number}")
    found = await history(ann, "@bob_ray", 2, query="TEA")
    assert [message.text for message in found] == [f"green tea {number}" for number in (4, 3, 2, 1, 0)]
    assert [message.text for message in await history(ann, "@bob_ray", query="tea", before=found[3].message_id)] == ["green tea 0"]
    assert await history(ann, "@bob_ray", query="milk") == []


@pytest.mark.parametrize("limit", [1, 4, 100])
async def test_a_message_that_cannot_be_read_costs_no_other(ann: PerformingClient, telegram: TelegramHarness, limit: int) -> None:
    """Alone, and several in a row; in pages of any size (field case R2)."""
    for number in range(12):
        write(telegram, f"text {number}", media=unreadable() if number in (2, 5, 6, 11) else None)
    texts = [message.text for message in await history(ann, "@bob_ray", limit)]
    assert texts == [f"text {number}" for number in (10, 9, 8, 7, 4, 3, 1, 0)]


async def test_a_message_is_found_in_its_own_chat_alone(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Numbers of private chats are the account's, whatever the chat."""
    write(telegram, "from Bob")
    write(telegram, "from Cy", sender=CY)
    (message,) = await history(ann, "@bob_ray")
    for to, number in ((CY, message.message_id), ("@bob_ray", "999")):
        assert (await refusal(get_message(ann, GetMessage(to=to, message_id=number)))).code is Code.MESSAGE_NOT_FOUND


# members


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("kind", ["basic", "supergroup", "channel"])
async def test_members_come_each_once_with_their_roles(ann: PerformingClient, telegram: TelegramHarness, kind: str, limit: int) -> None:
    """In pages of any size."""
    town = group(telegram, kind, ANN, (BOB, CY))
    await all_chats(ann)
    found: list[Member] = []
    cursor = None
    while True:
        page = await list_members(ann, ListMembers(to=town, limit=limit, cursor=cursor))
        found += page.members
        cursor = page.next
        if cursor is None:
            break
    assert {member.person.name: member.role for member in found} == {"Ann Lee": "creator", "Bob": "member", "Cy": "member"}
    assert len(found) == 3


@pytest.mark.parametrize("kind", ["basic", "supergroup"])
async def test_members_are_searched(ann: PerformingClient, telegram: TelegramHarness, kind: str) -> None:
    """By the beginning of a name or username."""
    town = group(telegram, kind, ANN, (BOB, CY))
    await all_chats(ann)
    for query, names in (("bob_r", ["Bob"]), ("lee", ["Ann Lee"]), ("x", [])):
        page = await list_members(ann, ListMembers(to=town, query=query))
        assert [member.person.name for member in page.members] == names


async def test_a_channels_members_are_for_its_admins(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """And one person's chat has none."""
    news = group(telegram, "channel", BOB, (ANN,))
    await all_chats(ann)
    assert (await refusal(list_members(ann, ListMembers(to=news)))).code is Code.ADMIN_REQUIRED
    assert (await refusal(list_members(ann, ListMembers(to="@bob_ray")))).code is Code.NOT_A_GROUP


# people


async def test_a_user_is_what_telegram_shows_of_them(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """By name and by id; oneself with one's own phone."""
    telegram.server.people.patch(BOB, PersonPatch(about="Tea, mostly."))
    bob = await get_person(ann, GetPerson(to="@bob_ray"))
    assert (bob.user_id, bob.name, bob.username, bob.phone, bob.about) == (str(telegram.id_of(BOB)), "Bob", "bob_ray", None, "Tea, mostly.")
    assert await get_person(ann, GetPerson(to=bob.user_id)) == bob
    me = await get_self(ann, GetSelf())
    assert (me.user_id, me.first_name, me.last_name, me.phone) == (str(ann.user_id), "Ann", "Lee", ANN)
    town = group(telegram)
    await all_chats(ann)
    assert (await refusal(get_person(ann, GetPerson(to=town)))).code is Code.USER_NOT_FOUND


async def test_a_deleted_account_is_a_user_without_a_name(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Its chat stays readable."""
    write(telegram, "goodbye")
    telegram.server.people.patch(BOB, PersonPatch(deleted=True))
    (chat,) = await all_chats(ann)
    assert (chat.title, chat.chat_type) == (None, "private")
    assert [message.text for message in await history(ann, chat.chat_id)] == ["goodbye"]
    person = await get_person(ann, GetPerson(to=chat.chat_id))
    assert (person.deleted, person.name) == (True, None)


async def test_contacts_are_added_and_listed(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """In pages, by id; with the name that the account has given."""
    for phone, name in ((CY, "Cyrus"), (BOB, "Bobby")):
        added = await add_contact(ann, AddContact(phone=phone, first_name=name, last_name="X"))
        assert added.person is not None
        assert (added.person.name, added.person.phone, added.person.contact) == (f"{name} X", phone, True)
    first = await list_contacts(ann, ListContacts(limit=1))
    second = await list_contacts(ann, ListContacts(limit=1, cursor=first.next))
    assert [person.first_name for person in (*first.people, *second.people)] == ["Bobby", "Cyrus"]
    assert second.next is None
    assert (await add_contact(ann, AddContact(phone=BOB, first_name="Robert"))).person is not None
    assert [person.name for person in (await list_contacts(ann, ListContacts())).people] == ["Robert", "Cyrus X"]


async def test_a_phone_that_is_not_on_telegram_is_no_contact(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Telegram is not asked twice in a row. If it puts the import off, that is a wait and no absence."""
    for _ in range(2):
        assert (await add_contact(ann, AddContact(phone=NOBODY, first_name="No"))).person is None
    assert ann.calls("contacts.importContacts") == 1
    telegram.server.operation.settings({"contacts_put_off": True})
    assert (await refusal(add_contact(ann, AddContact(phone=BOB, first_name="Bob")))).code is Code.FLOOD_WAIT


async def test_whom_a_name_phone_or_id_leads_to(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Nothing is sent, and no contact added."""
    bob, town = telegram.id_of(BOB), group(telegram, username="the_town")
    for to in ("@bob_ray", BOB, str(bob)):
        found = await find_peer(ann, FindPeer(to=to))
        assert (found.chat_id, found.chat_type, found.name, found.username) == (str(bob), "private", "Bob", "bob_ray")
    found = await find_peer(ann, FindPeer(to="@the_town"))
    assert (found.chat_id, found.chat_type, found.name) == (town, "group", "Town")
    for to in ("@nobody_here", NOBODY, "12345"):
        assert (await find_peer(ann, FindPeer(to=to))).chat_id is None
    assert (await find_peer(ann, FindPeer(to="me"))).chat_id == str(ann.user_id)
    assert (ann.calls("contacts.importContacts"), ann.texts()) == (0, [])
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="contacts.resolveUsername", seconds=30))
    assert (await refusal(find_peer(ann, FindPeer(to="@somebody_else")))).code is Code.FLOOD_WAIT


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (types.UserStatusOnline(datetime(2026, 3, 1, tzinfo=UTC)), LastSeen(status="online", at=datetime(2026, 3, 1, tzinfo=UTC))),
        (types.UserStatusOffline(datetime(2026, 3, 1, tzinfo=UTC)), LastSeen(status="offline", at=datetime(2026, 3, 1, tzinfo=UTC))),
        (types.UserStatusRecently(), LastSeen(status="recently")),
        (types.UserStatusLastWeek(), LastSeen(status="within_week")),
        (types.UserStatusLastMonth(), LastSeen(status="within_month")),
        (types.UserStatusEmpty(), None),
        (None, None),
    ],
)
def test_when_somebody_was_last_online_is_as_exact_as_they_show_it(status: Any, shown: LastSeen | None) -> None:
    """https://core.telegram.org/type/UserStatus"""
    assert person_of(types.User(5, first_name="Bob", status=status)).last_seen == shown


# pages that would be too large


async def write_long(ann: PerformingClient, peer: Any, number: int) -> None:
    """Have Ann write a message of a fifth of a megabyte: its links make it so long."""
    links = [types.MessageEntityTextUrl(place, 1, "https://example.com/" + "x" * 2000) for place in range(100)]
    text = f"{number}".rjust(100, "x")
    await invoke(ann, functions.messages.SendMessageRequest(peer, text, random_id=number + 1, entities=links))


async def test_a_page_of_long_messages_is_shorter(ann: PerformingClient) -> None:
    """Each comes once all the same, and no page is larger than a function may answer."""
    for number in range(25):
        await write_long(ann, types.InputPeerSelf(), number)
    found: list[str] = []
    cursor = None
    while True:
        page = await list_messages(ann, ListMessages(to="me", limit=100, cursor=cursor))
        assert 0 < size_of(page.messages) <= MOST_BYTES
        found += [message.text for message in page.messages]
        cursor = page.next
        if cursor is None:
            break
    assert [int(text.strip("x")) for text in found] == list(reversed(range(25)))


async def test_a_page_of_chats_with_long_messages_is_shorter(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """The same of the list of chats."""
    ids = [group(telegram, "basic", title=f"group {number}") for number in range(15)]
    for number, chat in enumerate(ids):
        await write_long(ann, types.InputPeerChat(-int(chat)), number)
    pages, cursor = [], None
    while True:
        page = await list_chats(ann, ListChats(limit=100, cursor=cursor))
        assert size_of(page.chats) <= MOST_BYTES
        pages.append(page)
        cursor = page.next
        if cursor is None:
            break
    assert len(pages) > 1
    assert sorted(chat.chat_id for page in pages for chat in page.chats) == sorted(ids)


# asking Telegram


async def test_the_same_is_not_asked_again_at_once(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """Until something happens in a chat, the account changes something, or half a minute has gone by."""
    write(telegram, "hello")
    for _ in range(3):
        await history(ann, "@bob_ray", 1)
    before = ann.calls("messages.getHistory")
    assert before == 2  # the message, and the end behind it
    ann.clock.advance(31)
    await history(ann, "@bob_ray", 1)
    assert ann.calls("messages.getHistory") == before + 2
    await add_contact(ann, AddContact(phone=CY, first_name="Cy"))
    await history(ann, "@bob_ray", 1)
    assert ann.calls("messages.getHistory") == before + 4


async def test_a_flood_wait_is_answered_without_asking_telegram(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """With the seconds that are left; other methods go on."""
    write(telegram, "hello")
    await all_chats(ann)
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="messages.getHistory", seconds=30))
    for _ in range(3):
        refused = await refusal(history(ann, "@bob_ray"))
        assert refused.code is Code.FLOOD_WAIT
        assert refused.retry_after_s
        assert 0 < refused.retry_after_s <= 30
    assert ann.calls("messages.getHistory") == 1
    assert (await get_chat(ann, GetChat(to="@bob_ray"))).title == "Bob"


@pytest.mark.parametrize("cursor", ["x", "chats_1", "chats_0_0_0_0", "members_1", "chats_0_0_0_0_0x", "chats_" + "9" * 60, "messages_1_2"])
async def test_a_cursor_of_another_list_is_none(ann: PerformingClient, cursor: str) -> None:
    """It is refused with its field, and nothing is asked."""
    refused = await refusal(list_chats(ann, ListChats(cursor=cursor)))
    assert (refused.code, refused.fields["fields"][0]["field"]) == (Code.INVALID_REQUEST, "query.cursor")


async def test_any_place_of_the_right_form_is_answered(ann: PerformingClient, telegram: TelegramHarness) -> None:
    """A cursor is not signed: what somebody makes up is a place like others, or refused, and never a fault."""
    write(telegram, "hello")
    for made_up in ("chats_7_0_0_0_0", "chats_0_-5_0_0_0", "chats_0_-1_9999999999999_1_1", "chats_1_99_0_0_0", "chats_0_-1_1_-1_-1"):
        with contextlib.suppress(AvioError):
            await list_chats(ann, ListChats(cursor=made_up))
    for made_up in ("messages_-1_0", "messages_99999999999_0", "messages_0_-3", "messages_5_999999"):
        with contextlib.suppress(AvioError):
            await list_messages(ann, ListMessages(to="me", cursor=made_up))
    assert telegram.counted("handler_crashes") == 0


async def test_media_has_the_id_that_events_give_it(telegram: TelegramHarness, ann: PerformingClient) -> None:
    """In the list of chats, in a chat's messages, and of one message."""
    write(telegram, "a file", media=MediaSpec(content=base64.b64encode(b"hello")))
    bob = str(telegram.id_of(BOB))
    (shown,) = [chat.last_message for chat in await all_chats(ann) if chat.chat_id == bob]
    listed = (await history(ann, bob))[0]
    single = (await get_message(ann, GetMessage(to=bob, message_id=listed.message_id))).message
    expected = media_id(TENANT, MediaPlace(ann.user_id, int(bob), int(listed.message_id)))
    assert [message and message.media and message.media.id for message in (shown, listed, single)] == [expected] * 3
