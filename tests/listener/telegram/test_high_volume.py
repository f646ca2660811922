"""Many messages at once, and many missed, with edits, reads and deletions in between: each arrives once, in order per chat."""

from __future__ import annotations

import pytest

from listener.telegram.connection.client import Client
from testing.telegram_server.control.specs import ConnectionSpec, EditSpec, PersonSpec, SendManySpec
from tests.listener.telegram.chats import InboundPipeline, chats_of, serving, until_idle
from tests.listener.telegram.clients import ANN, BOB, CY, TelegramHarness
from tests.support.listener_harness import until

ManySpecItem = SendManySpec.One


def accepted_by(inbound: InboundPipeline) -> list[tuple[int, int, str]]:
    """Return chat, message id and text of the accepted events, in order, repeats included."""
    return [(int(event.message.chat_id), int(event.message.message_id), event.message.text) for event in inbound.accepted]


@pytest.mark.parametrize("kind", ["private", "channel"])
async def test_an_hour_away_from_two_thousand_messages(telegram: TelegramHarness, kind: str) -> None:
    """With reads and deletions among them: every remaining message arrives once, in order, as backfilled."""
    chats = chats_of(telegram, [kind])
    inbound = InboundPipeline(await telegram.log_in(), bound=5000)
    chat = chats.ids[kind]
    to = ANN if chat > 0 else str(chat)
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        telegram.server.operation.kick(ConnectionSpec(person=ANN))
    telegram.server.operation.clock(3600)
    left = []
    for part in range(20):
        texts = [f"{part} {number}" for number in range(100)]
        telegram.server.messages.send_many(SendManySpec(messages=[ManySpecItem(sender=BOB, to=to, text=text) for text in texts]))
        doomed = telegram.write("taken back", to=to)
        telegram.server.messages.delete(BOB, doomed["id"], None if chat > 0 else str(chat))
        telegram.server.messages.read(ANN, str(chat))
        left += texts
    chats.sent[chat] = left
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))
    assert [text for _, _, text in accepted_by(inbound)] == left
    assert all(event.backfilled for event in inbound.accepted)


async def test_a_burst_in_fifty_chats_arrives_whole_and_disturbs_nobody(telegram: TelegramHarness) -> None:
    """A thousand messages at once to one account; a message to another account arrives too."""
    senders = [f"+1555020{number:04}" for number in range(50)]
    for number, phone in enumerate(senders):
        telegram.server.people.create(PersonSpec(phone=phone, first_name=f"Sender {number}"))
    anns, cys = InboundPipeline(await telegram.log_in(), bound=5000), InboundPipeline(await telegram.log_in(CY))
    burst = [ManySpecItem(sender=phone, to=ANN, text=f"{phone} {number}") for number in range(20) for phone in senders]
    async with serving(telegram, anns) as ann, serving(telegram, cys) as cy:
        await until_idle(ann)
        await until_idle(cy)
        telegram.server.messages.send_many(
            SendManySpec(messages=[*burst[:500], ManySpecItem(sender=BOB, to=CY, text="hello"), *burst[500:]])
        )
        await until(lambda: len(anns.accepted) >= len(burst) and cys.accepted)
    wanted = [(telegram.id_of(message.sender), message.text) for message in burst]
    found = [(chat, text) for chat, _, text in accepted_by(anns)]
    assert sorted(found) == sorted(wanted)
    for chat in {chat for chat, _ in wanted}:
        assert [item for item in found if item[0] == chat] == [item for item in wanted if item[0] == chat]
    assert [text for _, _, text in accepted_by(cys)] == ["hello"]


def edited(telegram: TelegramHarness, message_id: int, chat: str | None) -> None:
    telegram.server.messages.edit(BOB, message_id, EditSpec(text="second", chat=chat))


@pytest.mark.parametrize("kind", ["private", "channel"])
@pytest.mark.parametrize("away", [False, True], ids=["connected", "away"])
async def test_a_message_that_is_edited_at_once_is_one_event(telegram: TelegramHarness, kind: str, away: bool) -> None:
    """With the text that Telegram first sent us: the first if we are connected, the newest if we were away."""
    chats = chats_of(telegram, [kind])
    inbound = InboundPipeline(await telegram.log_in())
    chat = chats.ids[kind]

    def write_and_edit() -> None:
        sent = telegram.write("first", to=ANN if chat > 0 else str(chat))
        edited(telegram, sent["id"], None if chat > 0 else str(chat))

    async def then_another(client: Client) -> None:
        await until_idle(client)
        chats.write(kind)
        await until(lambda: inbound.holds(chats))

    if away:
        write_and_edit()
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        if not away:
            write_and_edit()
        await then_another(client)
    assert [text for _, _, text in accepted_by(inbound)] == ["second" if away else "first", *chats.sent[chat]]
