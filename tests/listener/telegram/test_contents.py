"""What can be sent besides a plain text, with its options, and each found again when Telegram only calls a repeat a duplicate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telethon.tl import functions, types

from listener.telegram.operations.forward import Forwarded, forward_messages
from listener.telegram.operations.outgoing import Content, Outgoing, Quote, SendAttempts, SendOptions, Sent
from listener.telegram.operations.send_text import Text, send_message
from listener.telegram.operations.send_things import send_contact, send_location, send_poll
from shared.errors import AvioError, Code
from shared.rpc.delivery_options import QuotedText
from shared.rpc.send import FormattedPart, ForwardMessages, SendContact, SendLocation, SendMessage, SendPoll
from shared.rpc.text import EntityType, MarkupEntity
from testing.telegram_server.control.specs import GroupSpec, MessageFilter
from tests.listener.telegram.clients import ANN, BOB, TelegramHarness
from tests.listener.telegram.sending import LONG_AGO, SendingClient, sending_client

COMMANDS: dict[str, Any] = {
    "place": SendLocation(to="@bob_ray", latitude=48.2, longitude=16.37, accuracy_m=20, random_id=7),
    "venue": SendLocation(to="@bob_ray", latitude=48.2, longitude=16.37, title="Café", address="Ring 1", random_id=7),
    "contact": SendContact(to="@bob_ray", phone="+15550100003", first_name="Cy", random_id=7),
    "poll": SendPoll(to="@bob_ray", question="Tea?", answers=("yes", "no"), several=True, random_id=7),
    "quiz": SendPoll(
        to="@bob_ray", kind="quiz", question="1+1", answers=("1", "2"), correct=1, solution=FormattedPart(text="2!"), random_id=7
    ),
}
HANDLERS: dict[Any, Any] = {SendLocation: send_location, SendContact: send_contact, SendPoll: send_poll, SendMessage: send_message}


class Account:
    """An account whose every send is one attempt."""

    def __init__(self, ann: SendingClient) -> None:
        self._ann = ann

    async def send(self, message: Outgoing) -> Sent:
        return await self._ann.send_content(message.to, message.content, message.random_ids, message.options, SendAttempts(LONG_AGO))


async def run(ann: SendingClient, command: Any) -> Any:
    handler: Any = HANDLERS[type(command)]
    return await handler(Account(ann), command)


def counted(telegram: TelegramHarness) -> None:
    """Check that the server knew all that was asked of it."""
    assert telegram.counted("unknown_methods") == {}
    assert telegram.counted("unknown_constructors") == {}


@pytest.mark.parametrize(
    ("kind", "shows"), [("place", "Geo"), ("venue", "Venue"), ("contact", "Contact"), ("poll", "Poll"), ("quiz", "Poll")]
)
async def test_things_arrive_as_what_they_are(telegram: TelegramHarness, kind: str, shows: str) -> None:
    """Once, also where Telegram only says that the repeat is one."""
    telegram.server.operation.settings({"repeated_random_id": "error"})
    async with sending_client(telegram) as ann:
        sent = await run(ann, COMMANDS[kind])
        assert await run(ann, COMMANDS[kind]) == sent
        await ann.send("@bob_ray", "another", random_id=8)
        (found, _) = (await ann.client.invoke(functions.messages.GetHistoryRequest(await bob(ann), 0, None, 0, 9, 0, 0, 0))).messages[::-1]
        assert type(found.media).__name__ == f"MessageMedia{shows}"
        assert found.id == int(sent.message_id)
    counted(telegram)


async def bob(ann: SendingClient) -> Any:
    return (await ann.peers.input_peers(ann.telegram.id_of(BOB)))[0]


async def test_a_text_carries_its_entities_and_options(telegram: TelegramHarness) -> None:
    """As entities of Telegram's own; a mention by a user whom the account has met."""
    question = telegram.write("a long question")
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", "first")
        answered = telegram.server.messages.select(ANN, MessageFilter(chat=BOB))[0]["id"]
        kinds = [kind for kind in EntityType if kind not in {EntityType.TEXT_LINK, EntityType.TEXT_MENTION, EntityType.CUSTOM_EMOJI}]
        entities = [MarkupEntity(type=kind, offset=0, length=1) for kind in kinds]
        entities += [
            MarkupEntity(type=EntityType.TEXT_LINK, offset=1, length=1, url="https://a.b"),
            MarkupEntity(type=EntityType.TEXT_MENTION, offset=2, length=1, user_id=str(telegram.id_of(BOB))),
            MarkupEntity(type=EntityType.CUSTOM_EMOJI, offset=3, length=1, custom_emoji_id="5"),
        ]
        quote = QuotedText(text="long", offset=2)
        await run(
            ann,
            SendMessage(
                to="@bob_ray", text="answer", random_id=2, entities=tuple(entities), silent=True, reply_to=str(answered), quote=quote
            ),
        )
    (found,) = telegram.server.messages.select(BOB, MessageFilter(contains="answer"))
    assert (found["reply_to"], found["quote"], found["silent"]) == (question["id"], "long", True)
    assert [entity["type"] for entity in found["entities"]][-3:] == ["TextUrl", "MentionName", "CustomEmoji"]
    assert len(found["entities"]) == len(entities)
    counted(telegram)


async def test_a_quote_or_mention_that_is_wrong_sends_nothing(telegram: TelegramHarness) -> None:
    """Each with a code of its own."""
    telegram.write("a question")
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", "first")
        answered = telegram.server.messages.select(ANN, MessageFilter(chat=BOB))[0]["id"]
        options = SendOptions(reply_to=answered, quote=Quote("nowhere"))
        assert await refused(ann, Text("x"), options) is Code.QUOTE_NOT_FOUND
        mention = MarkupEntity(type=EntityType.TEXT_MENTION, offset=0, length=1, user_id="999")
        assert await refused(ann, Text("x", (mention,)), SendOptions()) is Code.PEER_NOT_FOUND
        assert ann.arrived() == ["first"]


async def refused(ann: SendingClient, content: Content, options: SendOptions) -> Code:
    with pytest.raises(AvioError) as raised:
        await ann.send_content("@bob_ray", content, (9,), options, SendAttempts(LONG_AGO))
    return raised.value.code


async def test_a_topic_has_its_messages(telegram: TelegramHarness) -> None:
    """With and without an answer to one of its messages."""
    group = telegram.server.groups.create(GroupSpec(kind="supergroup", title="Forum", creator=ANN, members=[BOB], username="the_forum"))
    topic = telegram.server.groups.begin_topic(str(group["id"]), ANN, "News")
    async with sending_client(telegram) as ann:
        first = await run(ann, SendMessage(to="@the_forum", text="one", random_id=1, thread_id=str(topic)))
        await run(ann, SendMessage(to="@the_forum", text="two", random_id=2, thread_id=str(topic), reply_to=first.message_id))
        await run(ann, SendMessage(to="@the_forum", text="general", random_id=3, thread_id="1"))
    found = telegram.server.messages.select(BOB, MessageFilter(chat=str(group["id"]), direction="in"))
    shown = [(message["text"], message["topic"], message["reply_to"]) for message in found if message["text"]]
    assert shown == [("one", topic, None), ("two", topic, int(first.message_id)), ("general", None, None)]


async def test_a_scheduled_message_waits_under_an_id_of_its_own(telegram: TelegramHarness) -> None:
    """Its date is when it will be sent; a repeat is the same one."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    command = SendMessage(to="@bob_ray", text="later", random_id=5, schedule_at=at)
    async with sending_client(telegram) as ann:
        sent = await run(ann, command)
        assert sent.date == at
        assert await run(ann, command) == sent
        assert ann.arrived() == []
        waiting = await ann.client.invoke(functions.messages.GetScheduledHistoryRequest(await bob(ann), 0))
        assert [(message.id, message.message) for message in waiting.messages] == [(int(sent.message_id), "later")]
        await ann.client.invoke(functions.messages.SendScheduledMessagesRequest(await bob(ann), [int(sent.message_id)]))
        assert ann.arrived() == ["later"]
    counted(telegram)


@pytest.mark.parametrize("drop_author", [False, True])
async def test_messages_are_forwarded_in_one_request(telegram: TelegramHarness, drop_author: bool) -> None:
    """Several ids come back, the same ones for a repeat."""
    written = [telegram.write(text)["id"] for text in ("one", "two")]
    assert written
    telegram.server.operation.settings({"repeated_random_id": "error"})
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", "x")
        theirs = [message["id"] for message in telegram.server.messages.select(ANN, MessageFilter(chat=BOB, direction="in"))]
        ids = tuple(map(str, theirs))
        command = ForwardMessages(to="me", source="@bob_ray", message_ids=ids, random_ids=(11, 12), drop_author=drop_author)
        sent = await forward_messages(Account(ann), command)
        assert await forward_messages(Account(ann), command) == sent
        notes = telegram.server.messages.select(ANN, MessageFilter(chat=ANN))
        assert [(note["id"], note["text"], note["forwarded"]) for note in notes] == [
            (int(number), text, not drop_author) for number, text in zip(sent.message_ids, ("one", "two"), strict=True)
        ]
        ann.recent_sends._messages.clear()
        assert await forward_messages(Account(ann), command) == sent
    counted(telegram)


async def test_of_messages_that_are_not_all_there_none_is_forwarded(telegram: TelegramHarness) -> None:
    """Telegram would forward the others."""
    telegram.write("one")
    async with sending_client(telegram) as ann:
        await ann.send("@bob_ray", "x")
        (there,) = [message["id"] for message in telegram.server.messages.select(ANN, MessageFilter(chat=BOB, direction="in"))]
        with pytest.raises(AvioError) as raised:
            await ann.send_content("me", Forwarded("@bob_ray", (there, 4000)), (1, 2), SendOptions(), SendAttempts(LONG_AGO))
        assert (raised.value.code, raised.value.fields) == (Code.MESSAGE_NOT_FOUND, {"message_ids": [4000]})
        assert ann.calls("messages.forwardMessages") == 0


async def test_the_codes_of_log_ins_are_not_forwarded(telegram: TelegramHarness) -> None:
    """Whoever reads one takes the account over."""
    account = await telegram.log_in()
    async with telegram.log_in_client() as other:
        await telegram.start(other)  # its code comes as a message to the account that is logged in
    async with sending_client(telegram, account) as ann:
        dialogs = await ann.client.invoke(functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 10, 0))
        ann.peers.learn(dialogs.users)
        (code,) = [message.id for message in dialogs.messages if message.peer_id == types.PeerUser(777000)]
        with pytest.raises(AvioError) as raised:
            await ann.send_content("@bob_ray", Forwarded("777000", (code,)), (1,), SendOptions(), SendAttempts(LONG_AGO))
        assert raised.value.code is Code.PEER_NOT_FOUND
        assert ann.arrived() == []
