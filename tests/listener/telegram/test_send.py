"""Sending: the recipient, exactly once, and the outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import functions, types

from listener.telegram.operations.find_sent import likeliest
from listener.telegram.operations.outgoing import MessageMade
from listener.telegram.operations.recipients import resolve
from listener.telegram.operations.send import outcome
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.recent_sends import RecentSends
from shared.errors import AvioError, Code
from shared.store.peers import Peer
from testing.telegram_server.control.specs import GroupSpec, MessageFilter, PersonPatch, SendSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.clients import ANN, BOB, CY, TelegramHarness
from tests.listener.telegram.sending import SendingClient, sending_client

DATE = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class StillMin:
    """A client for which Telegram never sends a user's hash; it passes all other requests on."""

    def __init__(self, client: Any) -> None:
        self._client = client

    async def invoke(self, request: Any) -> Any:
        """Answer for users with what little a `min` one has."""
        if isinstance(request, functions.users.GetUsersRequest):
            return [types.User(id=user.user_id, min=True, access_hash=1) for user in request.id]
        return await self._client.invoke(request)


class LearnsMeanwhile(StillMin):
    """A client that learns a whole user by an update while it asks for users."""

    def __init__(self, client: Any, peers: PeerCache, user: Any) -> None:
        super().__init__(client)
        self._news = peers, user

    async def invoke(self, request: Any) -> Any:
        """Ask; the update is there first."""
        peers, user = self._news
        if isinstance(request, functions.users.GetUsersRequest):
            peers.learn([user])
        return await self._client.invoke(request)


async def resolved(ann: SendingClient) -> Any:
    """Return Bob as Telegram sends him, without the peer cache learning him."""
    answer = await ann.client.invoke(functions.contacts.ResolveUsernameRequest("bob_ray"))
    return answer.users[0]


# Recipients


@pytest.mark.parametrize("by_id", [False, True])
async def test_me_is_saved_messages(telegram: TelegramHarness, by_id: bool) -> None:
    """So is the account's own id."""
    async with sending_client(telegram) as ann:
        sent = await ann.send(str(ann.user_id) if by_id else "me")
        (found,) = telegram.server.messages.select(ANN, MessageFilter(chat=ANN))
    assert (sent.chat_id, sent.message_id, found["text"]) == (ann.user_id, found["id"], "hello")


async def test_a_username_is_resolved_once(telegram: TelegramHarness) -> None:
    """In any case; afterwards username and id are known."""
    async with sending_client(telegram) as ann:
        first = await ann.send("@bob_ray")
        await ann.send("@Bob_Ray", "again", random_id=2)
        await ann.send(str(first.chat_id), "by id", random_id=3)
        assert ann.calls("contacts.resolveUsername") == 1
        assert ann.arrived() == ["hello", "again", "by id"]
    assert first.chat_id == telegram.id_of(BOB)


async def test_an_id_is_resolved_from_the_store(telegram: TelegramHarness) -> None:
    """After a restart nothing is in memory."""
    account = await telegram.log_in()
    async with sending_client(telegram, account) as ann:
        await ann.send("@bob_ray")
        stored = {int(peer.id): peer for peer in ann.peers.unsaved(telegram.id_of(BOB))}
    async with sending_client(telegram, account) as ann:
        ann.stored.update(stored)
        await ann.send(str(telegram.id_of(BOB)), "after", random_id=2)
        assert ann.calls("contacts.resolveUsername") == 1
        assert ann.arrived() == ["hello", "after"]


async def test_an_id_that_was_never_met_is_not_found(telegram: TelegramHarness) -> None:
    """Telegram needs more than an id, so it is not asked."""
    async with sending_client(telegram) as ann:
        assert (await ann.refusal(str(telegram.id_of(BOB)))).code is Code.PEER_NOT_FOUND
        assert (await ann.refusal("-1000000004000")).code is Code.PEER_NOT_FOUND
        assert ann.calls("messages.sendMessage") == 0


async def test_a_hash_that_telegram_does_not_take_is_not_found(telegram: TelegramHarness) -> None:
    """For example a hash of another account."""
    async with sending_client(telegram) as ann:
        ann.stored[telegram.id_of(BOB)] = Peer(id=telegram.id_of(BOB), kind="user", access_hash=1)
        assert (await ann.refusal(str(telegram.id_of(BOB)))).code is Code.PEER_NOT_FOUND


@pytest.mark.parametrize("username", ["@nobody_here", "@?"])
async def test_a_username_that_nobody_has_is_not_found(telegram: TelegramHarness, username: str) -> None:
    """Nor a username that cannot exist."""
    async with sending_client(telegram) as ann:
        assert (await ann.refusal(username)).code is Code.USER_NOT_FOUND


async def test_a_username_that_moved_is_resolved_anew_once_that_was_seen(telegram: TelegramHarness) -> None:
    """Bob gave it up and Cy took it: the next message is Cy's."""
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray")
        telegram.server.people.patch(BOB, PersonPatch(username="bobby"))
        telegram.server.people.patch(CY, PersonPatch(username="bob_ray"))
        await ann.send("@bobby", "to Bob", random_id=2)
        assert (await ann.send("@bob_ray", "to Cy", random_id=3)).chat_id == telegram.id_of(CY)
        assert (ann.arrived(), ann.arrived(CY)) == (["hello", "to Bob"], ["to Cy"])


async def test_a_username_is_taken_on_trust_for_ten_minutes(telegram: TelegramHarness) -> None:
    """Then Telegram is asked for the user; if they still have it, it is not looked up."""
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray")
        asked = ann.calls("users.getUsers")
        ann.clock.advance(601)
        await ann.send("@bob_ray", "again", random_id=2)
        await ann.send("@bob_ray", "once more", random_id=3)
        assert ann.calls("users.getUsers") - asked == 1
        assert ann.calls("contacts.resolveUsername") == 1
        assert ann.arrived() == ["hello", "again", "once more"]


async def test_a_username_that_changed_hands_unseen_is_looked_up_after_ten_minutes(telegram: TelegramHarness) -> None:
    """No update said that Bob gave it up: he gets no message meant for the new owner."""
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray")
        telegram.server.people.patch(BOB, PersonPatch(username="bobby"))
        telegram.server.people.patch(CY, PersonPatch(username="bob_ray"))
        ann.clock.advance(601)
        await ann.send("@bob_ray", "to Cy", random_id=2)
        assert (ann.arrived(), ann.arrived(CY)) == (["hello"], ["to Cy"])


async def test_a_channels_username_is_taken_on_trust_for_ten_minutes_too(telegram: TelegramHarness) -> None:
    """Channels are asked for by another method."""
    telegram.server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=BOB, members=[ANN], username="the_town"))
    async with sending_client(telegram) as ann:
        await ann.send("@the_town")
        ann.clock.advance(601)
        await ann.send("@the_town", "again", random_id=2)
        assert (ann.calls("channels.getChannels"), ann.calls("contacts.resolveUsername")) == (1, 1)


async def test_where_telegram_does_not_say_whose_a_username_is_it_is_looked_up(telegram: TelegramHarness) -> None:
    """Telegram refused to send the user."""
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray")
        ann.clock.advance(601)
        telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="users.getUsers", seconds=5))
        await ann.send("@bob_ray", "again", random_id=2)
        assert ann.calls("contacts.resolveUsername") == 2


# Min users


async def stranger(telegram: TelegramHarness, ann: SendingClient) -> Peer:
    """Make Bob write in Ann's group, where she sees him as `min`; return him as stored, with the group's hash stored too."""
    group = telegram.server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=ANN, members=[BOB]))
    written = telegram.server.messages.send(BOB, SendSpec(to=str(group["id"]), text="who can help?"))
    dialogs = await ann.client.invoke(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 10, 0))
    ann.peers.learn(dialogs.chats)
    ann.peers.learn([types.User(id=telegram.id_of(BOB), min=True, access_hash=1, first_name="Bob")])
    town, bob = ann.peers.unsaved(group["id"], telegram.id_of(BOB), (written["id"], DATE))
    ann.stored.update({int(town.id): town, int(bob.id): bob})
    ann.peers = PeerCache(ann.peers._load, clock=ann.clock.boottime)
    return bob


async def test_a_min_user_is_answered_by_the_message_that_names_them(telegram: TelegramHarness) -> None:
    """The message is stored; Telegram then sends the hash, so the message may be deleted."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        await ann.send(str(bob.id), "I can")
        telegram.server.messages.delete(BOB, bob.min_message or 0, str(bob.min_chat))
        await ann.send(str(bob.id), "still here?", random_id=2)
        assert ann.arrived() == ["I can", "still here?"]
        (whole,) = ann.peers.unsaved(int(bob.id))
        assert whole.access_hash is not None


async def test_a_min_user_whose_message_is_gone_is_not_found(telegram: TelegramHarness) -> None:
    """Telegram cannot name them otherwise; that is not our fault."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        telegram.server.messages.delete(BOB, bob.min_message or 0, str(bob.min_chat))
        assert (await ann.refusal(str(bob.id))).code is Code.PEER_NOT_FOUND


@pytest.mark.parametrize("method", ["users.getUsers", "messages.sendMessage"])
@pytest.mark.parametrize("name", ["MSG_ID_INVALID", "PEER_ID_INVALID", "CHANNEL_PRIVATE"])
async def test_a_reference_that_telegram_refuses_is_not_found(telegram: TelegramHarness, method: str, name: str) -> None:
    """The message is gone, or the account has left its chat."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        ann.client = StillMin(ann.client) if method == "messages.sendMessage" else ann.client
        telegram.server.operation.inject(FaultSpec(kind="error", method=method, code=400, message=name))
        assert (await ann.refusal(str(bob.id))).code is Code.PEER_NOT_FOUND


async def test_a_min_user_of_whom_telegram_gives_no_hash_is_written_to_by_the_message(telegram: TelegramHarness) -> None:
    """Every method accepts the message as a name."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        ann.client = StillMin(ann.client)
        await ann.send(str(bob.id), "I can")
        assert ann.arrived() == ["I can"]


async def test_a_flood_while_a_min_user_is_asked_for_is_told(telegram: TelegramHarness) -> None:
    """It says nothing about the user."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="users.getUsers", seconds=5))
        assert (await ann.refusal(str(bob.id))).code is Code.FLOOD_WAIT


async def test_a_newer_message_names_a_min_user_if_the_stored_one_is_gone(telegram: TelegramHarness) -> None:
    """And the other way round: both are tried before `peer_not_found`."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        newer = telegram.server.messages.send(BOB, SendSpec(to=str(bob.min_chat), text="hello?"))
        ann.peers.learn([types.User(id=bob.id, min=True, first_name="Bob")])
        ann.peers.unsaved(bob.min_chat or 0, int(bob.id), (newer["id"], DATE))
        telegram.server.messages.delete(BOB, newer["id"], str(bob.min_chat))
        await ann.send(str(bob.id), "I can")
        assert ann.arrived() == ["I can"]


async def test_a_min_user_who_has_become_whole_meanwhile_is_written_to(telegram: TelegramHarness) -> None:
    """Their message was gone, but an update brought the whole user during the request."""
    async with sending_client(telegram) as ann:
        bob = await stranger(telegram, ann)
        hash_of_bob = (await resolved(ann)).access_hash
        telegram.server.messages.delete(BOB, bob.min_message or 0, str(bob.min_chat))
        ann.client = LearnsMeanwhile(ann.client, ann.peers, types.User(id=bob.id, access_hash=hash_of_bob))
        await ann.send(str(bob.id), "I can")
        assert ann.arrived() == ["I can"]


async def test_a_ban_of_the_account_is_not_the_recipients(telegram: TelegramHarness) -> None:
    """USER_DEACTIVATED_BAN is about the account, INPUT_USER_DEACTIVATED about the recipient."""
    async with sending_client(telegram) as ann:
        telegram.server.operation.inject(FaultSpec(kind="error", method="messages.sendMessage", code=401, message="USER_DEACTIVATED_BAN"))
        error = await ann.refusal("me")
        assert (error.code, error.fields) == (Code.NOT_AUTHORIZED, {"state": "banned"})
        telegram.server.operation.inject(FaultSpec(kind="error", method="messages.sendMessage", code=400, message="INPUT_USER_DEACTIVATED"))
        assert (await ann.refusal("me")).code is Code.RECIPIENT_DELETED


async def test_a_min_user_is_resolved_before_being_written_to(telegram: TelegramHarness) -> None:
    """Its hash is useless."""
    async with sending_client(telegram) as ann:
        ann.peers.learn([types.User(id=telegram.id_of(BOB), min=True, access_hash=1, username="bob_ray")])
        await ann.send("@bob_ray")
        assert ann.calls("contacts.resolveUsername") == 1


async def test_a_flood_while_resolving_is_told(telegram: TelegramHarness) -> None:
    """Like a flood wait while sending."""
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="contacts.resolveUsername", seconds=400))
    async with sending_client(telegram) as ann:
        error = await ann.refusal("@bob_ray")
    assert (error.code, error.retry_after_s) == (Code.FLOOD_WAIT, 400)


async def test_resolving_gives_the_marked_id_and_the_input_peer(telegram: TelegramHarness) -> None:
    """The answer names the id; Telegram gets the input peer."""
    async with sending_client(telegram) as ann:
        assert await resolve(ann.client, ann.peers, ann.user_id, "me") == (ann.user_id, types.InputPeerSelf())
        chat_id, peer = await resolve(ann.client, ann.peers, ann.user_id, "@bob_ray")
    assert (chat_id, peer.user_id) == (telegram.id_of(BOB), telegram.id_of(BOB))


# Texts and replies


async def test_a_reply_hangs_on_its_message(telegram: TelegramHarness) -> None:
    """In the account's own numbering."""
    question = telegram.write("question")
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", "first")
        answered = telegram.server.messages.select(ANN, MessageFilter(chat=BOB))[0]["id"]
        await ann.send("@bob_ray", "answer", reply_to=answered, random_id=2)
    (found,) = telegram.server.messages.select(BOB, MessageFilter(contains="answer"))
    assert found["reply_to"] == question["id"]


async def test_a_reply_to_nothing_is_refused_by_name(telegram: TelegramHarness) -> None:
    """We have no code for it, so the error has Telegram's name."""
    async with sending_client(telegram) as ann:
        error = await ann.refusal("me", reply_to=999)
    assert (error.code, error.fields) == (Code.REPLY_NOT_FOUND, {})


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "שלום", "*not* _markup_ <b>", "a" * 4096])
async def test_a_text_arrives_as_it_is(telegram: TelegramHarness, text: str) -> None:
    """Nothing is interpreted as markup."""
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", text)
        assert ann.arrived() == [text]


async def test_a_message_that_is_too_long_is_refused(telegram: TelegramHarness) -> None:
    """One character more than Telegram accepts."""
    async with sending_client(telegram) as ann:
        assert (await ann.refusal("me", "a" * 4097)).code is Code.MESSAGE_TOO_LONG


@pytest.mark.parametrize(
    ("code", "name", "told"),
    [
        (400, "PEER_FLOOD", Code.PEER_FLOOD),
        (403, "CHAT_WRITE_FORBIDDEN", Code.WRITE_FORBIDDEN),
        (403, "ALLOW_PAYMENT_REQUIRED_50", Code.PAID_MESSAGE),
        (500, "INTERNAL", Code.TELEGRAM_UNAVAILABLE),
    ],
)
async def test_refusals_are_told_by_name(telegram: TelegramHarness, code: int, name: str, told: Code) -> None:
    """By the error table."""
    telegram.server.operation.inject(FaultSpec(kind="error", method="messages.sendMessage", code=code, message=name))
    async with sending_client(telegram) as ann:
        assert (await ann.refusal("me")).code is told


async def test_a_flood_says_how_long_to_wait(telegram: TelegramHarness) -> None:
    """It is not slept out: until then each send gets the same answer, and Telegram is not asked."""
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="messages.sendMessage", seconds=33))
    async with sending_client(telegram) as ann:
        for random_id in (1, 2):
            error = await ann.refusal("me", random_id=random_id)
            assert error.code is Code.FLOOD_WAIT
            assert 0 < (error.retry_after_s or 0) <= 33
        assert ann.calls("messages.sendMessage") == 1


async def test_a_stranger_who_takes_no_messages_is_restricted(telegram: TelegramHarness) -> None:
    """Telethon has no class for this error."""
    telegram.server.people.patch(BOB, PersonPatch(messages_from="contacts"))
    async with sending_client(telegram) as ann:
        assert (await ann.refusal("@bob_ray")).code is Code.PREMIUM_REQUIRED


# Exactly once


async def test_a_repeat_with_the_same_random_id_is_the_same_message(telegram: TelegramHarness) -> None:
    """Telegram answers it with the first message."""
    async with sending_client(telegram) as ann:
        first = await ann.send("@bob_ray", random_id=42)
        assert await ann.send("@bob_ray", random_id=42) == first
        assert ann.arrived() == ["hello"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_broken_connection_leaves_the_outcome_open_and_a_repeat_settles_it(telegram: TelegramHarness, kind: str) -> None:
    """Over another connection, by the same random id: there is one message in either case."""
    account = await telegram.log_in()
    async with sending_client(telegram, account) as ann:
        await ann.send("@bob_ray", "first")
        telegram.server.operation.inject(FaultSpec.model_validate({"kind": kind, "method": "messages.sendMessage"}))
        with pytest.raises(ConnectionError):
            await ann.send("@bob_ray", "second", random_id=2)
    async with sending_client(telegram, account) as ann:
        await ann.send("@bob_ray", "second", random_id=2)
        assert ann.arrived() == ["first", "second"]


@pytest.mark.parametrize("to", ["@bob_ray", "me"])
async def test_a_repeat_that_is_only_called_a_duplicate_is_found_in_the_history(telegram: TelegramHarness, to: str) -> None:
    """The same message, by its text, although others came after it."""
    telegram.server.operation.settings({"repeated_random_id": "error"})
    async with sending_client(telegram) as ann:
        first = await ann.send(to, "the one", random_id=42)
        await ann.send(to, "another", random_id=43)
        telegram.write("the one")  # Bob writes the same text, which is not an own message
        assert await ann.send(to, "the one", random_id=42, since=first.date) == first


async def test_a_duplicate_that_is_not_found_has_an_unknown_outcome(telegram: TelegramHarness) -> None:
    """This process did not send it, and its text differs, or it is older than the first attempt; nothing is guessed."""
    telegram.server.operation.settings({"repeated_random_id": "error"})
    async with sending_client(telegram) as ann:
        first = await ann.send("@bob_ray", "the one", random_id=42)
        ann.recent_sends = RecentSends()
        assert (await ann.refusal("@bob_ray", "different", random_id=42)).code is Code.OUTCOME_UNKNOWN
        later = first.date + timedelta(seconds=61)
        assert (await ann.refusal("@bob_ray", "the one", random_id=42, since=later)).code is Code.OUTCOME_UNKNOWN
        telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="messages.getHistory", seconds=5))
        assert (await ann.refusal("@bob_ray", "the one", random_id=42)).code is Code.OUTCOME_UNKNOWN


async def test_of_two_sends_with_one_text_each_is_found(telegram: TelegramHarness) -> None:
    """The message of another send is skipped, although it is the older of the two."""
    telegram.server.operation.settings({"repeated_random_id": "error"})
    async with sending_client(telegram) as ann:
        other = await ann.send("@bob_ray", "yes", random_id=41)
        lost = await ann.send("@bob_ray", "yes", random_id=42)
        ann.recent_sends = RecentSends()
        ann.recent_sends.note(41, other.chat_id, other.message_id)
        assert await ann.send("@bob_ray", "yes", random_id=42, since=other.date) == lost
        assert await ann.send("@bob_ray", "yes", random_id=41, since=other.date) == other


async def test_a_send_that_a_difference_told_of_is_found_by_its_number(telegram: TelegramHarness) -> None:
    """Although another message has its text, and others came after it."""
    telegram.server.operation.settings({"repeated_random_id": "error"})
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", "yes", random_id=41)
        lost = await ann.send("@bob_ray", "yes", random_id=42)
        ann.recent_sends = RecentSends()
        ann.recent_sends.learn([types.UpdateMessageID(lost.message_id, 42), types.UpdateConfig()])
        assert await ann.send("@bob_ray", "yes", random_id=42, since=lost.date) == lost
        telegram.server.messages.delete(ANN, lost.message_id)
        assert (await ann.refusal("@bob_ray", "yes", random_id=42)).code is Code.OUTCOME_UNKNOWN


@pytest.mark.parametrize(
    ("ages", "chosen"),
    [([], None), ([-3, -2, 5], 5), ([-3, -2], -2), ([-70], None), ([1, 5, 9], 1), ([0.5], 0.5), ([-0.5, 7], -0.5)],
)
def test_the_oldest_message_since_the_first_try_is_the_likeliest(ages: list[float], chosen: float | None) -> None:
    """No earlier message, unless there is no other: clocks differ by some seconds."""
    since = DATE + timedelta(seconds=0.7)
    found = [message(number, since + timedelta(seconds=age)) for number, age in enumerate(ages)]
    assert likeliest(found[::-1], since) == (found[ages.index(chosen)] if chosen is not None else None)


# Telegram's answers


def message(number: int, date: datetime = DATE) -> Any:
    return types.Message(id=number, peer_id=types.PeerUser(7), date=date, message="hello")


def test_the_short_answer_names_the_message() -> None:
    """It has id and date."""
    assert outcome(types.UpdateShortSentMessage(8, 10, 1, DATE, out=True), [42]) == (MessageMade(8, DATE),)


def test_the_long_answer_names_the_message_by_its_random_id() -> None:
    """Among other messages, with the message's own date, which may be older than the answer's."""
    before = DATE - timedelta(days=1)
    updates = [
        types.UpdateMessageID(5, 41),
        types.UpdateMessageID(8, 42),
        types.UpdateNewMessage(message(5, DATE), 9, 1),
        types.UpdateNewMessage(message(8, before), 10, 1),
        types.UpdateServiceNotification("text", "not a message", types.MessageMediaEmpty(), []),
    ]
    assert outcome(types.Updates(updates, [], [], DATE, 0), [42, 41]) == (MessageMade(8, before), MessageMade(5, DATE))
    assert outcome(types.Updates(updates[:2], [], [], DATE, 0), [42]) == (MessageMade(8, DATE),)


@pytest.mark.parametrize(
    "answer",
    [
        types.Updates([], [], [], DATE, 0),
        types.Updates([types.UpdateMessageID(5, 41)], [], [], DATE, 0),
        types.UpdatesTooLong(),
    ],
)
def test_an_answer_that_names_no_message_is_an_unknown_outcome(answer: Any) -> None:
    """It was executed, but the message is unknown."""
    with pytest.raises(AvioError) as raised:
        outcome(answer, [42])
    assert raised.value.code is Code.OUTCOME_UNKNOWN
