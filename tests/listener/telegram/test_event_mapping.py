"""Mapping of raw updates to events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telethon.tl import types

from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.event_mapping import SERVICE_USER_ID, happening_in
from listener.telegram.updates.happening import Setting
from listener.telegram.updates.media_id import MediaPlace, media_id, place_of
from shared.model.event import (
    ChatJoined,
    ChatLeft,
    ChatMigrated,
    Event,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessagesDeleted,
    MessageSent,
    MessagesRead,
    read_event,
)
from shared.model.ids import TenantId
from shared.store.peers import Peer
from tests.support.events import message_of

TENANT = TenantId("0b7e9a52-0000-4000-8000-000000000001")
SELF_ID, BOB, GROUP, CHANNEL = 5, 77, 300, 4000
MARKED_CHANNEL = -1000000004000
DATE = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def never(_: int) -> Peer | None:
    """Find no stored peer: mapping must not load any."""
    raise AssertionError


def message(**fields: Any) -> Any:
    return types.Message(**{"id": 1, "peer_id": types.PeerUser(BOB), "date": DATE, "message": "hello", **fields})


def new(**fields: Any) -> Any:
    return types.UpdateNewMessage(message(**fields), 10, 1)


def new_in_channel(**fields: Any) -> Any:
    return types.UpdateNewChannelMessage(message(**{"peer_id": types.PeerChannel(CHANNEL), **fields}), 10, 1)


def short(**fields: Any) -> Any:
    return types.UpdateShortMessage(**{"id": 1, "user_id": BOB, "message": "hello", "pts": 10, "pts_count": 1, "date": DATE, **fields})


def short_in_chat(**fields: Any) -> Any:
    given_fields = {"id": 1, "from_id": BOB, "chat_id": GROUP, "message": "hello", "pts": 10, "pts_count": 1, "date": DATE}
    return types.UpdateShortChatMessage(**{**given_fields, **fields})


def setting_of(peers: PeerCache, self_id: int = SELF_ID, *, backfilled: bool = False) -> Setting:
    return Setting(TENANT, self_id, peers, RECEIVED_AT, backfilled)


def told(update: Any, *entities: Any, self_id: int = SELF_ID, backfilled: bool = False) -> Event | None:
    """Return the event of an update, of whichever kind, for an account that knows these users and chats."""
    peers = PeerCache(never)
    peers.learn(entities)
    found = happening_in(update, self_id)
    return found.event(setting_of(peers, self_id, backfilled=backfilled)) if found else None


def event(update: Any, *entities: Any, self_id: int = SELF_ID, backfilled: bool = False) -> MessageReceived:
    """Return the event of an update that brings an incoming message."""
    found = told(update, *entities, self_id=self_id, backfilled=backfilled)
    assert isinstance(found, MessageReceived)
    return found


KINDS = pytest.mark.parametrize("make", [new, new_in_channel, short, short_in_chat])


@KINDS
def test_an_incoming_message_is_an_event(make: Any) -> None:
    """In each of Telegram's four forms."""
    found = event(make(id=8, message="hi there"), backfilled=True)
    assert (found.message.message_id, found.message.text, found.message.date) == ("8", "hi there", DATE)
    assert (found.tenant_id, found.received_at, found.backfilled) == (TENANT, RECEIVED_AT, True)


@KINDS
def test_what_the_account_wrote_is_told_as_sent(make: Any) -> None:
    """For example on another device."""
    found = told(make(out=True))
    assert isinstance(found, MessageSent)
    assert (found.message.text, found.message.outgoing) == ("hello", True)


@pytest.mark.parametrize("make", [new, short])
def test_what_the_account_wrote_in_a_private_chat_has_it_as_the_sender(make: Any) -> None:
    """Telegram may leave its id out; the chat is the other person."""
    found = told(make(out=True))
    assert isinstance(found, MessageSent)
    assert (found.message.chat_id, found.message.sender_id) == (str(BOB), str(SELF_ID))


def test_a_note_to_oneself_is_told_as_sent() -> None:
    """Telegram does not call it outgoing."""
    found = told(new(peer_id=types.PeerUser(SELF_ID)))
    assert isinstance(found, MessageSent)
    assert found.message.sender_id == str(SELF_ID)


EDITED_AT = datetime(2026, 3, 1, 13, 0, tzinfo=UTC)


def edit(**fields: Any) -> Any:
    return types.UpdateEditMessage(message(**{"edit_date": EDITED_AT, **fields}), 10, 1)


def test_an_edit_is_told_with_the_message_as_it_is_now() -> None:
    """And with the time of the edit."""
    found = told(edit(message="better"))
    assert isinstance(found, MessageEdited)
    assert (found.message.text, found.message.date, found.edited_at, found.message.outgoing) == ("better", DATE, EDITED_AT, None)


def test_an_edit_of_the_accounts_own_message_says_so() -> None:
    """It was made on any device."""
    found = told(edit(out=True))
    assert isinstance(found, MessageEdited)
    assert found.message.outgoing


def test_each_edit_has_an_id_of_its_own_and_a_repeat_has_the_same() -> None:
    """Also two edits within the second that Telegram's time resolves, and whichever pts they come with."""
    first, again = edit(message="better"), types.UpdateEditMessage(message(edit_date=EDITED_AT, message="better"), 99, 1)
    later = edit(message="better", edit_date=EDITED_AT.replace(second=1))
    bold = edit(message="better", entities=[types.MessageEntityBold(0, 6)])
    ids = [getattr(told(update), "id", None) for update in (first, again, edit(message="best"), later, bold, new(message="better"))]
    assert ids[0] == ids[1]
    assert len(set(ids)) == len(ids) - 1


def test_what_telegram_hides_as_an_edit_is_no_event() -> None:
    """Buttons, reactions and views change a message without an edit that people see."""
    assert told(edit(edit_hide=True)) is None
    assert told(edit(edit_date=None)) is None


def test_a_deletion_outside_channels_names_no_chat() -> None:
    """Telegram does not say it; such deletions have an order of their own."""
    found = told(types.UpdateDeleteMessages([3, 1], 10, 2))
    assert isinstance(found, MessagesDeleted)
    assert (found.deleted.chat_id, found.deleted.message_ids, found.chat, found.chat_type) == (None, ("3", "1"), "telegram:-", None)


def test_a_deletion_in_a_channel_names_it_and_its_kind() -> None:
    """So that it is in order with the chat's messages, and goes to whoever wants such chats."""
    found = told(types.UpdateDeleteChannelMessages(CHANNEL, [3], 10, 1), channel(CHANNEL, 9))
    assert isinstance(found, MessagesDeleted)
    assert (found.deleted.chat_id, found.chat_type) == (str(MARKED_CHANNEL), "group")


def test_a_deletion_told_twice_has_the_same_id() -> None:
    """In whichever order the messages are named."""
    updates = [types.UpdateDeleteMessages([3, 1], 10, 2), types.UpdateDeleteMessages([1, 3], 12, 2), types.UpdateDeleteMessages([1], 12, 1)]
    ids = [getattr(told(update), "id", None) for update in updates]
    assert ids[0] == ids[1] != ids[2]
    assert told(types.UpdateDeleteMessages([], 10, 0)) is None


def test_a_service_message_is_no_event() -> None:
    """Somebody joined, a title changed, or an empty message stands for a deleted message."""
    joined = types.MessageService(id=1, peer_id=types.PeerChat(GROUP), date=DATE, action=types.MessageActionChatJoinedByLink(1))
    assert told(types.UpdateNewMessage(joined, 10, 1)) is None
    assert told(types.UpdateNewChannelMessage(types.MessageEmpty(1, None), 10, 1)) is None


@pytest.mark.parametrize(
    "update",
    [
        new(peer_id=types.PeerUser(SERVICE_USER_ID)),
        new(peer_id=types.PeerUser(SERVICE_USER_ID), from_id=types.PeerUser(SERVICE_USER_ID)),
        short(user_id=SERVICE_USER_ID),
        short_in_chat(from_id=SERVICE_USER_ID),
        types.UpdateEditMessage(message(peer_id=types.PeerUser(SERVICE_USER_ID), edit_date=DATE), 10, 1),
    ],
)
def test_telegrams_service_account_makes_no_event(update: Any) -> None:
    """Its messages carry log-in codes."""
    assert told(update) is None


@pytest.mark.parametrize(
    "update",
    [
        types.UpdateUserTyping(BOB, types.SendMessageTypingAction()),
        types.Updates([], [], [], DATE, 0),
    ],
)
def test_other_updates_are_no_events(update: Any) -> None:
    """Only the update types of the table are mapped."""
    assert told(update) is None


def test_a_private_chat_is_its_users_id() -> None:
    """Telegram leaves out the sender if it is the chat itself."""
    bob = types.User(id=BOB, access_hash=1, first_name="Bob", last_name="Ray", username="bob_ray", phone="15550100002")
    for update in (new(), short()):
        found = event(update, bob).message
        assert (found.chat_id, found.sender_id, found.chat_type) == (str(BOB), str(BOB), "private")
        assert (found.sender_name, found.sender_username, found.sender_phone) == ("Bob Ray", "bob_ray", "+15550100002")


def test_a_basic_group_is_marked_by_a_minus() -> None:
    """Its sender has an id of their own."""
    for update in (new(peer_id=types.PeerChat(GROUP), from_id=types.PeerUser(BOB)), short_in_chat()):
        found = event(update).message
        assert (found.chat_id, found.sender_id, found.chat_type) == (str(-GROUP), str(BOB), "group")


@pytest.mark.parametrize(("megagroup", "kind"), [(True, "group"), (False, "channel")])
def test_a_channel_is_marked_by_minus_one_hundred(megagroup: bool, kind: str) -> None:
    """Large groups are channels to Telegram and groups to people."""
    chat = types.Channel(id=CHANNEL, title="News", photo=types.ChatPhotoEmpty(), date=DATE, access_hash=9, megagroup=megagroup)
    found = event(new_in_channel(from_id=types.PeerUser(BOB)), chat).message
    assert (found.chat_id, found.sender_id, found.chat_type) == (str(MARKED_CHANNEL), str(BOB), kind)


def test_a_channels_post_has_the_channel_as_its_sender() -> None:
    """Telegram names no author."""
    assert event(new_in_channel(post=True)).message.sender_id == str(MARKED_CHANNEL)


def test_an_anonymous_admin_writes_as_the_group() -> None:
    """The sender is the group, with the chat's marked id."""
    found = event(new_in_channel(from_id=types.PeerChannel(CHANNEL))).message
    assert found.sender_id == found.chat_id == str(MARKED_CHANNEL)


NEWS = 5000
LINKED = types.MessageFwdHeader(DATE, from_id=types.PeerChannel(NEWS), channel_post=3, saved_from_peer=types.PeerChannel(NEWS))


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        ({"post": True}, MARKED_CHANNEL),
        ({"post": True, "post_author": "Bob"}, MARKED_CHANNEL),
        ({"from_id": types.PeerChannel(CHANNEL)}, MARKED_CHANNEL),
        ({"from_id": types.PeerChannel(NEWS), "fwd_from": LINKED}, -1000000005000),
        ({"from_id": types.PeerChannel(NEWS)}, -1000000005000),
    ],
    ids=["post", "signed post", "anonymous admin", "linked channel's forward", "sent as a channel"],
)
async def test_whoever_hides_behind_a_chat_can_be_answered_there(fields: dict[str, Any], sender: int | None) -> None:
    """The sender is missing or is a chat; the chat is stored under the event's id."""
    peers = PeerCache(never)
    peers.learn([channel(CHANNEL, 9), channel(NEWS, 8)])
    found = happening_in(new_in_channel(**fields), SELF_ID)
    assert found is not None
    assert found.chat_id is not None
    seen = message_of(found.event(setting_of(peers)))
    assert (seen.chat_id, seen.sender_id) == (str(MARKED_CHANNEL), sender and str(sender))
    assert await peers.input_peers(found.chat_id) == [types.InputPeerChannel(CHANNEL, 9)]
    assert found.chat_id in {peer.id for peer in peers.unsaved(found.chat_id, found.sender_id, found.message)}


PEERS = st.sampled_from([types.PeerUser(BOB), types.PeerChat(GROUP), types.PeerChannel(CHANNEL), types.PeerChannel(NEWS)])


@given(PEERS, st.none() | PEERS, st.booleans(), st.lists(st.sampled_from([CHANNEL, NEWS])))
def test_any_sender_in_any_chat_makes_an_event(chat: Any, sender: Any, post: bool, known: list[int]) -> None:
    """Whether or not sender and chat are known."""
    found = event(new(peer_id=chat, from_id=sender, post=post), *(channel(number, 9) for number in known))
    assert read_event(found.model_dump_json()) == found


def channel(number: int, access_hash: int) -> Any:
    return types.Channel(id=number, title="News", photo=types.ChatPhotoEmpty(), date=DATE, access_hash=access_hash, megagroup=True)


@pytest.mark.parametrize("make", [new, short, short_in_chat])
def test_a_reply_names_what_it_answers(make: Any) -> None:
    """By message id; a reply to a story has none."""
    assert event(make(reply_to=types.MessageReplyHeader(reply_to_msg_id=44))).message.reply_to == "44"
    assert event(make(reply_to=types.MessageReplyStoryHeader(types.PeerUser(BOB), 3))).message.reply_to is None
    assert event(make()).message.reply_to is None


def document(*attributes: Any, mime_type: str = "application/pdf", size: int = 1234) -> Any:
    held = types.Document(
        id=1, access_hash=2, file_reference=b"", date=DATE, mime_type=mime_type, size=size, dc_id=2, attributes=list(attributes)
    )
    return types.MessageMediaDocument(document=held)


VIDEO = types.DocumentAttributeVideo(1.0, 10, 10)
PLACE = types.GeoPoint(1.0, 2.0, 3)
STICKER = types.DocumentAttributeSticker("🙂", types.InputStickerSetEmpty())


@pytest.mark.parametrize(
    ("media", "kind"),
    [
        (types.MessageMediaPhoto(photo=types.PhotoEmpty(1)), "photo"),
        (document(), "file"),
        (document(VIDEO), "video"),
        (document(types.DocumentAttributeVideo(1.0, 10, 10, round_message=True)), "video_note"),
        (document(VIDEO, types.DocumentAttributeAnimated()), "animation"),
        (document(types.DocumentAttributeAudio(3)), "audio"),
        (document(types.DocumentAttributeAudio(3, voice=True)), "voice"),
        (document(STICKER), "sticker"),
        (document(VIDEO, STICKER), "sticker"),
        (types.MessageMediaDocument(), "file"),
        (types.MessageMediaDocument(voice=True, ttl_seconds=1), "voice"),
        (types.MessageMediaGeo(PLACE), "location"),
        (types.MessageMediaGeoLive(PLACE, 60), "location"),
        (types.MessageMediaVenue(PLACE, "Cafe", "", "", "", ""), "venue"),
        (types.MessageMediaContact("1", "Bob", "", "", 0), "contact"),
        (types.MessageMediaDice(3, "🎲"), "dice"),
        (types.MessageMediaGame(types.Game(1, 2, "g", "Game", "", types.PhotoEmpty(1))), "game"),
        (types.MessageMediaInvoice("A", "B", "EUR", 100, "p"), "invoice"),
        (types.MessageMediaStory(types.PeerUser(BOB), 3), "story"),
        (types.MessageMediaGiveaway([], 3, DATE), "giveaway"),
        (types.MessageMediaPaidMedia(5, []), "paid_media"),
        (types.MessageMediaUnsupported(), "other"),
    ],
)
def test_media_are_told_by_what_they_are_for(media: Any, kind: str) -> None:
    """A moving sticker is a sticker, though it is a video as well. Field case R8: no event is lost for being unknown."""
    found = event(new(media=media, message="")).message
    assert found.media is not None
    assert (found.media.type, found.text) == (kind, "")


def test_a_file_is_told_with_name_type_and_size() -> None:
    """As its sender set them."""
    media = event(new(media=document(types.DocumentAttributeFilename("счёт.pdf")))).message.media
    assert media is not None
    assert (media.name, media.mime_type, media.size) == ("счёт.pdf", "application/pdf", 1234)


def test_what_can_be_fetched_has_an_id_of_its_tenant() -> None:
    """Of nobody else: an id names a place, and another tenant's place is none here. What holds no bytes has none."""
    photo = types.MessageMediaPhoto(photo=types.Photo(1, 2, b"", DATE, [types.PhotoSize("x", 40, 30, 900)], 2))
    media = event(new(media=photo)).message.media
    assert media is not None
    assert (media.mime_type, media.size, media.width, media.height) == ("image/jpeg", 900, 40, 30)
    assert place_of(TENANT, media.id or "") == MediaPlace(SELF_ID, BOB, 1)
    assert place_of(TenantId("another"), media.id or "") is None
    contact = event(new(media=types.MessageMediaContact("1", "Bob", "", "", 0))).message.media
    assert contact is not None
    assert contact.id is None


@given(st.text() | st.from_regex(r"med_[A-Za-z0-9_-]{43}", fullmatch=True))
def test_no_other_text_is_an_id(text: str) -> None:
    """An id has one spelling, and 48 bits of digest."""
    assert place_of(TENANT, text) is None


@given(st.integers(-(1 << 62), 1 << 62), st.integers(1, (1 << 31) - 1))
def test_an_id_names_the_place_that_it_was_made_for(chat: int, number: int) -> None:
    """Whatever the chat and the message."""
    place = MediaPlace(SELF_ID, chat, number, 3)
    assert place_of(TENANT, media_id(TENANT, place)) == place


@pytest.mark.parametrize("media", [None, types.MessageMediaEmpty(), types.MessageMediaWebPage(types.WebPageEmpty(1))])
def test_a_link_preview_is_no_media(media: Any) -> None:
    """The message is its text."""
    assert event(new(media=media)).message.media is None


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧 🇩🇪 ❤️", "שלום \u202eעולם\u202c", "before\x00after", "one\u2028two\u2029\x85", "🙂" * 2048, "𝔘" * 4096, " \n\t ", "﷽"]
)
def test_any_text_comes_through_unchanged(text: str) -> None:
    """Into the event and through its JSON."""
    found = event(new(message=text))
    assert found.message.text == text
    assert read_event(found.model_dump_json()) == found


@given(st.text(max_size=4096), st.integers(1, 2**31 - 1), st.integers(1, 2**40))
def test_every_message_makes_an_event_that_survives_its_json(text: str, message_id: int, user_id: int) -> None:
    """With real-world text, and ids in their whole range."""
    if user_id == SERVICE_USER_ID:
        return
    found = event(short(message=text.encode("utf-8", "replace").decode(), id=message_id, user_id=user_id))
    assert read_event(found.model_dump_json()) == found


@given(st.integers(1, 2**31 - 1), st.integers(1, 2**40))
def test_an_event_is_named_by_what_happened(message_id: int, self_id: int) -> None:
    """A message has the same id when pushed short, pushed whole or fetched later, and another id for another account."""
    whole = types.UpdateNewMessage(message(id=message_id), 0, 0)
    names = {event(update, self_id=self_id).id for update in (short(id=message_id), whole, new(id=message_id))}
    assert len(names) == 1
    assert event(whole, self_id=self_id + 1).id not in names


def test_events_of_different_chats_and_messages_have_different_names() -> None:
    """Message ids are counted per account, and per channel."""
    updates = [new(), new(id=2), new(peer_id=types.PeerUser(78)), new(peer_id=types.PeerChat(BOB)), new_in_channel()]
    assert len({event(update).id for update in updates}) == len(updates)


def test_an_unknown_chat_is_told_by_its_id() -> None:
    """Chat and sender are unknown, and the event is published all the same."""
    found = event(new_in_channel(from_id=types.PeerUser(BOB))).message
    assert (found.chat_type, found.sender_name, found.sender_username) == ("group", None, None)


def test_a_message_says_what_telegram_says_of_it() -> None:
    """Formatting, album, forward, quote, thread, edit, inline bot, signature and mention; what it does not say is absent."""
    reply = types.MessageReplyHeader(reply_to_msg_id=44, reply_to_top_id=40, quote_text="the beginning", reply_to_peer_id=types.PeerUser(9))
    said = event(
        new(
            message="bold link",
            entities=[
                types.MessageEntityBold(0, 4),
                types.MessageEntityTextUrl(5, 4, "https://a.example/"),
                types.MessageEntityUnknown(0, 1),
            ],
            grouped_id=(1 << 62) + 1,
            fwd_from=types.MessageFwdHeader(DATE, from_id=types.PeerChannel(CHANNEL), channel_post=3),
            reply_to=reply,
            edit_date=RECEIVED_AT,
            via_bot_id=8,
            post_author="Bob",
            mentioned=True,
        )
    ).message
    assert said.entities
    assert [(one.type, one.offset, one.length, one.url) for one in said.entities] == [
        ("bold", 0, 4, None),
        ("text_link", 5, 4, "https://a.example/"),
    ]
    assert said.album_id == str((1 << 62) + 1)
    assert said.forward
    assert (said.forward.date, said.forward.sender_id, said.forward.message_id) == (DATE, str(MARKED_CHANNEL), "3")
    assert (said.reply_to, said.reply_chat_id, said.reply_quote, said.thread_id) == ("44", "9", "the beginning", "40")
    assert (said.edited_at, said.via_bot_id, said.author_signature, said.mentioned) == (RECEIVED_AT, "8", "Bob", True)
    plain = event(new()).message.model_dump(exclude_none=True)
    assert set(plain) == {"chat_id", "message_id", "sender_id", "chat_type", "text", "date"}


def test_a_topic_is_a_thread() -> None:
    """Its first message names it, also where a message answers nobody."""
    assert event(new(reply_to=types.MessageReplyHeader(reply_to_msg_id=40, forum_topic=True))).message.thread_id == "40"
    assert event(new(edit_date=RECEIVED_AT, edit_hide=True)).message.edited_at is None


def test_a_forward_from_somebody_hidden_has_a_name() -> None:
    """And no id."""
    forward = event(new(fwd_from=types.MessageFwdHeader(DATE, from_name="Zoe"))).message.forward
    assert forward
    assert (forward.sender_id, forward.sender_name) == (None, "Zoe")


def service(action: Any, **fields: Any) -> Any:
    held = types.MessageService(**{"id": 6, "peer_id": types.PeerChat(GROUP), "date": DATE, "action": action, **fields})
    return types.UpdateNewMessage(held, 10, 1)


@pytest.mark.parametrize(
    ("action", "sender", "kind", "users", "by", "account"),
    [
        (types.MessageActionChatAddUser([BOB, SELF_ID]), 78, "chat.joined", (str(BOB), str(SELF_ID)), "78", True),
        (types.MessageActionChatAddUser([BOB]), BOB, "chat.joined", (str(BOB),), None, False),
        (types.MessageActionChatJoinedByLink(78), BOB, "chat.joined", (str(BOB),), None, False),
        (types.MessageActionChatJoinedByRequest(), BOB, "chat.joined", (str(BOB),), None, False),
        (types.MessageActionChatDeleteUser(SELF_ID), BOB, "chat.left", (str(SELF_ID),), str(BOB), True),
        (types.MessageActionChatDeleteUser(BOB), BOB, "chat.left", (str(BOB),), None, False),
    ],
)
def test_who_comes_and_who_leaves_is_told(action: Any, sender: int, kind: str, users: Any, by: str | None, account: bool) -> None:
    """With who else did it, and whether it is the account itself."""
    found = told(service(action, from_id=types.PeerUser(sender)))
    assert isinstance(found, ChatJoined | ChatLeft)
    members = found.joined if isinstance(found, ChatJoined) else found.left
    assert (found.event, members.user_ids, members.by_id, members.account) == (kind, users, by, account)
    assert (found.chat_id, found.chat_type) == (str(-GROUP), "group")
    assert read_event(found.model_dump_json()) == found


def test_a_migration_names_both_chats() -> None:
    """In the order of the group that was; the new one's own service message tells nothing more."""
    found = told(service(types.MessageActionChatMigrateTo(CHANNEL)))
    assert isinstance(found, ChatMigrated)
    assert (found.migrated.chat_id, found.migrated.to_chat_id, found.chat_id) == (str(-GROUP), str(MARKED_CHANNEL), str(-GROUP))
    assert told(service(types.MessageActionChannelMigrateFrom("Team", GROUP), peer_id=types.PeerChannel(CHANNEL))) is None


@pytest.mark.parametrize(
    "action",
    [
        types.MessageActionPinMessage(),
        types.MessageActionChatEditTitle("x"),
        types.MessageActionSetMessagesTTL(60),
        types.MessageActionEmpty(),
    ],
)
def test_other_service_messages_are_no_events(action: Any) -> None:
    """A pinned message, a title, a timer."""
    assert told(service(action, from_id=types.PeerUser(BOB))) is None


def test_what_the_others_have_read_is_told() -> None:
    """What the account itself reads elsewhere is not."""
    private = told(types.UpdateReadHistoryOutbox(types.PeerUser(BOB), 9, 10, 1))
    large = told(types.UpdateReadChannelOutbox(CHANNEL, 9))
    for found, chat in ((private, BOB), (large, MARKED_CHANNEL)):
        assert isinstance(found, MessagesRead)
        assert (found.read.chat_id, found.read.up_to_message_id, found.read.by_account) == (str(chat), "9", False)
    assert told(types.UpdateReadHistoryInbox(types.PeerUser(BOB), 9, 0, 10, 1)) is None


def test_reactions_are_told_as_they_are_now() -> None:
    """How many of each, whether the account's own is among them, and who reacted last."""
    thumb, custom = types.ReactionEmoji("👍"), types.ReactionCustomEmoji(5)
    counts = [types.ReactionCount(thumb, 2, chosen_order=0), types.ReactionCount(custom, 1)]
    recent = [types.MessagePeerReaction(types.PeerUser(BOB), DATE, thumb)]
    found = told(types.UpdateMessageReactions(types.PeerUser(BOB), 7, types.MessageReactions(counts, recent_reactions=recent)))
    assert isinstance(found, MessageReacted)
    told_counts = [(one.emoji, one.custom_emoji_id, one.count, one.by_account) for one in found.reaction.counts]
    assert told_counts == [("👍", None, 2, True), (None, "5", 1, None)]
    assert [(one.sender_id, one.emoji) for one in found.reaction.recent] == [(str(BOB), "👍")]
    none = told(types.UpdateMessageReactions(types.PeerUser(BOB), 7, types.MessageReactions([])))
    assert isinstance(none, MessageReacted)
    assert none.reaction.counts == ()
