"""A message that our layer cannot read is skipped alone, wherever it stands; what follows it arrives."""

from __future__ import annotations

import logging
import struct
from functools import partial
from typing import Any

import pytest
from telethon.tl import functions, types
from telethon.tl.core import MessageContainer

from listener.telegram.connection.message_handlers import UNREAD_APART_S
from listener.telegram.requests.flood_waits import wait_out_floods
from listener.telegram.requests.unreadable import Unread, Unreadable, content
from listener.telegram.updates import dialogs
from shared.errors import Code
from testing.telegram_server.control.specs import GroupSpec, MessageFilter
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.mtproto.raw import UNKNOWN, Raw
from tests.listener.telegram.chats import KINDS, Chats, InboundPipeline, chats_of, serving, until_idle
from tests.listener.telegram.clients import ANN, BOB, BatchRecorder, TelegramHarness
from tests.listener.telegram.sending import sending_client
from tests.support.listener_harness import until


@pytest.fixture
def chats(telegram: TelegramHarness) -> Chats:
    """One chat of each kind."""
    return chats_of(telegram)


def passed_over(log: pytest.LogCaptureFixture) -> list[str]:
    """Return the constructors of the messages that the log names as unreadable."""
    return [vars(line)["constructor"] for line in log.records if line.getMessage() == "message unreadable"]


@pytest.mark.parametrize("kind", KINDS)
async def test_what_follows_an_unreadable_push_arrives(
    telegram: TelegramHarness, chats: Chats, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """On the same connection, in order; the log names the constructor and no content."""
    caplog.set_level(logging.WARNING)
    inbound = InboundPipeline(await telegram.log_in())
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        chats.write(kind, 2)
        chats.write_unreadable(kind)
        chats.write(kind, 2)
        await until(lambda: inbound.holds(chats) or client.ended_by)
        assert client.ended_by is None
    assert inbound.by_chat(chats) == chats.sent
    assert passed_over(caplog) == ["0badf00d"]
    assert "unreadable\\x" not in caplog.text


@pytest.mark.parametrize("kind", KINDS)
async def test_what_stands_around_unreadable_messages_in_a_difference_arrives(telegram: TelegramHarness, chats: Chats, kind: str) -> None:
    """More than two pages, and the state ends at Telegram's: the next connection requests nothing."""
    inbound = InboundPipeline(await telegram.log_in())
    for count in (1, 120, 0, 99, 30):
        chats.write(kind, count)
        chats.write_unreadable(kind)
    async with serving(telegram, inbound) as client:
        await until(lambda: inbound.holds(chats) or client.ended_by)
        await until_idle(client)
        assert client.ended_by is None
    assert inbound.by_chat(chats) == chats.sent
    assert len(inbound.accepted) == 250
    before = sum(telegram.counted("calls").values())
    async with serving(telegram, inbound) as client:
        await until_idle(client)
    assert sum(telegram.counted("calls").values()) - before < 8


@pytest.mark.parametrize("kind", KINDS)
async def test_what_was_unreadable_before_is_passed_over_again_after_a_death(telegram: TelegramHarness, chats: Chats, kind: str) -> None:
    """Nothing was durable: everything comes again from the earlier state."""
    inbound = InboundPipeline(await telegram.log_in())
    inbound.held = True
    async with serving(telegram, inbound):
        chats.write(kind, 3)
        chats.write_unreadable(kind)
        chats.write(kind, 3)
        await until(lambda: inbound.ledger._size == 6)
    inbound.die()
    inbound.held = False
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))
    assert inbound.by_chat(chats) == chats.sent


@pytest.mark.parametrize("kind", KINDS)
async def test_an_account_with_an_unreadable_last_message_logs_in_and_serves(telegram: TelegramHarness, chats: Chats, kind: str) -> None:
    """Its list of chats contains an unreadable message."""
    chats.write_unreadable(kind)
    inbound = InboundPipeline(await telegram.log_in())
    async with serving(telegram, inbound) as client:
        for name in KINDS:
            chats.write(name, 2)
        await until(lambda: inbound.holds(chats) or client.ended_by)
    assert inbound.by_chat(chats) == chats.sent


async def test_a_difference_whose_unreadable_part_is_no_message_is_passed_over(telegram: TelegramHarness, chats: Chats) -> None:
    """It is unreadable although the account has no news: channels are asked about, and the connection stays."""
    inbound = InboundPipeline(await telegram.log_in())
    chats.write("channel", 2)
    telegram.server.operation.clock(60)
    telegram.server.operation.inject(FaultSpec(kind="unreadable", method="updates.getDifference"))
    async with serving(telegram, inbound) as client:
        client.message_box._spread = lambda low, high: low
        chats.write("private", 1)
        await until(lambda: inbound.holds(chats) or client.ended_by)
    assert inbound.by_chat(chats) == chats.sent


async def test_unreadable_pushes_ask_for_a_difference_every_few_seconds_at_most(telegram: TelegramHarness, chats: Chats) -> None:
    """A hundred at once cost one or two requests."""
    inbound = InboundPipeline(await telegram.log_in())
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        before = telegram.counted("calls")["updates.getDifference"]
        for _ in range(100):
            await client.messages._unread(type("Message", (), {"obj": Unread(1)}))
        assert client.messages.next_unread_at - client.loop.time() <= UNREAD_APART_S
        chats.write("private")
        await until(lambda: inbound.holds(chats))
        await until_idle(client)
        assert telegram.counted("calls")["updates.getDifference"] - before <= 2


async def test_a_list_of_chats_is_read_around_those_that_cannot_be(telegram: TelegramHarness) -> None:
    """Readable channels all come with their hashes, whichever chat is unreadable: the newest, two in a row, the oldest."""
    chats = Chats(telegram)
    unreadable = {0, 3, 4, 9}
    for number in range(10):
        telegram.server.operation.clock(1000 + number)
        chats.make(f"{number}", "channel")
        (chats.write_unreadable if number in unreadable else chats.write)(f"{number}")
    account = await telegram.log_in()
    found: dict[int, Any] = {}
    async with telegram.serving(account, BatchRecorder()) as client:
        request = dialogs.first()
        while request is not None:
            page = await dialogs.page(partial(wait_out_floods, client.invoke), request)
            found |= page.channels
            request = page.following
    wanted = {-(10**12) - chats.ids[f"{number}"] for number in range(10) if number not in unreadable}
    assert set(found) == wanted
    assert all(state.access_hash is not None for state in found.values())


async def test_the_newest_message_is_known_where_no_chat_can_be_read(telegram: TelegramHarness, chats: Chats) -> None:
    """Chats come before their last messages, so they are readable."""
    for kind in KINDS:
        chats.write_unreadable(kind)
    account = await telegram.log_in()
    newest = max(message["id"] for message in telegram.server.messages.select(ANN))
    assert account.state.message_id == newest


async def test_a_new_channel_is_read_around_what_cannot_be(telegram: TelegramHarness) -> None:
    """Since the account joined it, although a page of its history cannot be read."""
    inbound = InboundPipeline(await telegram.log_in())
    chats = Chats(telegram)
    chats.make("new", "supergroup")
    chats.write("new", 3)
    chats.write_unreadable("new")
    chats.write("new", 3)
    async with serving(telegram, inbound) as client:
        await until(lambda: inbound.holds(chats) or client.ended_by)
    assert inbound.by_chat(chats) == chats.sent


def test_of_a_container_only_the_unreadable_message_is_lost() -> None:
    """An answer in the same container still reaches its caller."""
    inner = [bytes(types.Pong(1, 2)), UNKNOWN + b"behind it", bytes(types.UpdatesTooLong())]
    body = b"".join(struct.pack("<qii", 4 * number + 1, number, len(data)) + data for number, data in enumerate(inner))
    container = content(struct.pack("<Ii", MessageContainer.CONSTRUCTOR_ID, len(inner)) + body)
    assert [type(message.obj) for message in container.messages] == [types.Pong, Unread, types.UpdatesTooLong]


def test_an_error_about_what_was_unreadable_quotes_nothing() -> None:
    """Neither its text nor its cause does: logs must not contain messages."""
    date = types.UpdateMessageID(5, 6)
    answer = types.Updates([date, Raw(UNKNOWN + b"a secret")], [], [], None, 0)
    error = Unreadable(functions.help.GetConfigRequest(), 0x0BADF00D, bytes(answer))
    assert error.items == [date]
    assert "0BADF00D" in str(error)
    assert "secret" not in str(error)


# The answer to a send


async def test_a_send_whose_answer_is_read_up_to_its_number_has_that(telegram: TelegramHarness) -> None:
    """In a channel Telegram names the message before it shows it."""
    async with sending_client(telegram) as ann:
        group = telegram.server.groups.create(GroupSpec(kind="supergroup", title="Town", creator=ANN, members=[BOB], username="the_town"))
        telegram.server.operation.inject(FaultSpec(kind="unreadable", method="messages.sendMessage"))
        sent = await ann.send("@the_town", "once")
        found = telegram.server.messages.select(BOB, MessageFilter(chat=str(group["id"]), contains="once"))
        assert [message["id"] for message in found] == [sent.message_id]


async def test_a_send_whose_answer_is_unreadable_is_found_in_the_history(telegram: TelegramHarness) -> None:
    """It was sent once, and is never called refused."""
    async with sending_client(telegram) as ann:
        telegram.server.operation.inject(FaultSpec(kind="unreadable", method="messages.sendMessage"))
        sent = await ann.send("@bob_ray", "once")
        assert ann.arrived() == ["once"]
        assert [message["id"] for message in telegram.server.messages.select(ANN, MessageFilter(contains="once"))] == [sent.message_id]


async def test_a_send_that_is_unreadable_wherever_it_shows_has_an_unknown_outcome(telegram: TelegramHarness) -> None:
    """It was sent all the same."""
    async with sending_client(telegram) as ann:
        for method in ("messages.sendMessage", "messages.getHistory"):
            telegram.server.operation.inject(FaultSpec(kind="unreadable", method=method))
        assert (await ann.refusal("@bob_ray", "once")).code is Code.OUTCOME_UNKNOWN
        assert ann.arrived() == ["once"]


async def test_a_recipient_who_is_unreadable_is_telegrams_trouble(telegram: TelegramHarness) -> None:
    """Nothing was sent, and the caller is not to blame; the error names Telegram's constructor."""
    async with sending_client(telegram) as ann:
        telegram.server.operation.inject(FaultSpec(kind="unreadable", method="contacts.resolveUsername"))
        error = await ann.refusal("@bob_ray")
        assert error.code is Code.TELEGRAM_ERROR
        assert ann.arrived() == []
