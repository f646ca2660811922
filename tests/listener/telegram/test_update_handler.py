"""From batches to the ledger, with the names that short updates leave out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from telethon.tl import types

from listener.core.event_ledger import Ledger
from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.recent_sends import RecentSends
from listener.telegram.updates.update_handler import UpdateHandler
from listener.telegram.updates.update_state import UpdateState
from shared.model.event import MessageReceived
from shared.model.event_kinds import EventKind
from shared.model.ids import TenantId
from shared.store.peers import Peer
from testing.telegram_server.control.specs import EditSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import choice_of, until_idle
from tests.listener.telegram.clients import ANN, BOB, NOW, LoggedInAccount, TelegramHarness
from tests.support.events import message_of
from tests.support.listener_harness import until

TENANT = TenantId("0b7e9a52-0000-4000-8000-000000000001")


async def no_stored_peer(_: int) -> Peer | None:
    """Find no stored peer."""
    return None


@dataclass
class HandlerHarness:
    """An update handler, and what it appended to its ledger."""

    update_handler: UpdateHandler
    ledger: Ledger[UpdateState]
    peers: PeerCache
    groups: list[str]
    recent_sends: RecentSends

    @property
    def events(self) -> list[MessageReceived]:
        """The first waiting event of each chat, in order of arrival."""
        heads = [self.ledger.head(group).event for group in self.groups]
        return [event for event in heads if isinstance(event, MessageReceived)]


def handler_harness(account: LoggedInAccount, bound: int = 100, kinds: Iterable[EventKind] = ()) -> HandlerHarness:
    groups: list[str] = []
    peers, recent_sends = PeerCache(no_stored_peer), RecentSends()
    ledger = Ledger(account.state, lambda _, group: groups.append(group), lambda _: None, bound)
    update_handler = UpdateHandler(TENANT, account.user_id, peers, recent_sends, ledger, lambda: NOW, choice_of(*kinds))
    return HandlerHarness(update_handler, ledger, peers, groups, recent_sends)


@asynccontextmanager
async def serving(telegram: TelegramHarness, account: LoggedInAccount, handler_harness: HandlerHarness) -> AsyncIterator[Client]:
    async with connected(
        account.session, account.state, telegram.lease.guard(), telegram.endpoint, handler_harness.update_handler.take
    ) as client:
        yield client


async def test_a_message_becomes_an_event_with_the_state_behind_it(telegram: TelegramHarness) -> None:
    """With its sender's name, and the peers that have to be stored to answer it."""
    account = await telegram.log_in()
    found = handler_harness(account)
    async with serving(telegram, account, found):
        telegram.write("hello")
        await until(lambda: found.events)
    entry = found.ledger.head(found.groups[0])
    message = message_of(entry.event)
    assert (message.text, message.sender_name, message.sender_username) == ("hello", "Bob", "bob_ray")
    assert [peer.id for peer in entry.peers] == [telegram.id_of(BOB)]
    assert found.ledger.latest.pts > found.ledger.durable.pts
    assert found.update_handler.last_event_at == NOW


async def test_the_sender_of_a_short_update_is_asked_for_where_nobody_knows_them(telegram: TelegramHarness) -> None:
    """Telegram expects us to know them, but this process has forgotten them; after one request they are known."""
    telegram.server.operation.settings({"short_updates": "always"})
    account = await telegram.log_in()
    found = handler_harness(account)
    async with serving(telegram, account, found) as client:
        await until_idle(client)
        telegram.write("hello")
        await until(lambda: found.events)
        assert found.events[0].message.sender_name == "Bob"
        telegram.write("again")
        await until(lambda: found.ledger._size == 2)
    assert telegram.counted("calls")["messages.getMessages"] == 1


async def test_an_event_goes_without_a_name_where_telegram_gives_none(telegram: TelegramHarness) -> None:
    """That is better than no event."""
    telegram.server.operation.settings({"short_updates": "always"})
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="messages.getMessages", seconds=9, times=None))
    account = await telegram.log_in()
    found = handler_harness(account)
    async with serving(telegram, account, found) as client:
        await until_idle(client)
        telegram.write("hello")
        await until(lambda: found.events)
    assert (found.events[0].message.text, found.events[0].message.sender_name) == ("hello", None)


async def test_what_was_missed_is_marked_as_such(telegram: TelegramHarness) -> None:
    """It was fetched later, not pushed."""
    account = await telegram.log_in()
    telegram.write("while away")
    found = handler_harness(account)
    async with serving(telegram, account, found):
        await until(lambda: found.events)
    assert found.events[0].backfilled


async def test_a_note_to_oneself_is_no_event(telegram: TelegramHarness) -> None:
    """Telegram does not mark messages in Saved Messages as outgoing."""
    account = await telegram.log_in()
    telegram.write("shopping list", sender=ANN, to="me")
    telegram.write("hello")
    found = handler_harness(account)
    async with serving(telegram, account, found):
        await until(lambda: found.events)
    assert [event.message.text for event in found.events] == ["hello"]
    assert found.ledger._size == 1


async def test_a_full_ledger_refuses_a_batch_whole(telegram: TelegramHarness) -> None:
    """It takes neither events nor state."""
    account = await telegram.log_in()
    found = handler_harness(account, bound=1)
    async with serving(telegram, account, found) as client:
        await until_idle(client)
        telegram.write("taken")
        await until(lambda: found.events)
        state = found.ledger.latest
        telegram.write("refused")
        await until(client.full.is_set)
    assert (found.ledger.latest, found.ledger._size) == (state, 1)


async def test_a_batch_without_a_state_is_skipped(telegram: TelegramHarness) -> None:
    """Nothing could resume from it; the account's own state comes first."""
    account = await telegram.log_in()
    found = handler_harness(account)
    nobody: Any = None
    assert await found.update_handler.take(Batch([], [], [], None, fetched=False), nobody)
    assert found.ledger.latest == account.state


@pytest.mark.parametrize("pts", [0, 7])
async def test_an_empty_batch_moves_the_state(telegram: TelegramHarness, pts: int) -> None:
    """For example own sends and reads on other devices."""
    account = await telegram.log_in()
    found = handler_harness(account)
    state = UpdateState(pts=pts, qts=1, date=1, seq=1)
    nobody: Any = None
    assert await found.update_handler.take(Batch([], [], [], state, fetched=True), nobody)
    assert found.ledger.durable == account.state.then(state)
    assert found.ledger.durable.pts == pts


class BrokenText:
    """A text that makes our mapping fail."""

    def __bool__(self) -> bool:
        raise LookupError("secret content")


def message_update(number: int, text: Any, **more: Any) -> types.UpdateNewMessage:
    message = types.Message(id=number, peer_id=types.PeerUser(7), date=NOW, message=text)
    for name, value in more.items():
        setattr(message, name, value)
    return types.UpdateNewMessage(message, 0, 0)


async def test_what_is_not_understood_is_skipped_and_logged_once(telegram: TelegramHarness, caplog: pytest.LogCaptureFixture) -> None:
    """With its state, or every connection would fetch it again; the log has type and ids, never content."""
    found = handler_harness(await telegram.log_in())
    found.peers.learn([types.User(id=7, access_hash=1, first_name="Bob")])
    odd = [message_update(1, BrokenText()), message_update(2, "x" * 9, date="no date"), message_update(3, "fine")]
    state = UpdateState(pts=7, qts=1, date=1, seq=1, message_id=3)
    nobody: Any = None
    peculiar: Any = types.User(id=8, usernames=5)
    assert await found.update_handler.take(Batch([*odd], [peculiar], [], state, fetched=True), nobody)
    assert [event.message.text for event in found.events] == ["fine"]
    assert found.ledger.latest.pts == 7
    said = [record for record in caplog.records if record.name == "listener.telegram.updates.update_handler"]
    assert [record.message for record in said] == ["peers not understood", "update not understood", "event not understood"]
    assert "secret" not in str([vars(record) for record in said])


async def test_a_connection_that_breaks_while_a_batch_is_completed_skips_nothing(telegram: TelegramHarness) -> None:
    """The message arrives without its sender's name."""
    telegram.server.operation.settings({"short_updates": "always"})
    account = await telegram.log_in()
    found = handler_harness(account)
    async with serving(telegram, account, found) as client:
        await until_idle(client)
        telegram.server.operation.inject(FaultSpec(kind="drop_before", method="messages.getMessages"))
        telegram.write("hello")
        await until(lambda: found.events)
    assert found.events[0].message.text == "hello"


ALL = (EventKind.MESSAGE, EventKind.MESSAGE_EDITED, EventKind.MESSAGE_DELETED, EventKind.MESSAGE_SENT)


def kinds_of(found: HandlerHarness) -> list[str]:
    """Return the kinds of everything in the ledger, chat by chat."""
    return sorted(entry.event.event for chat in found.ledger._chats.values() for entry in chat)


async def change_everything(telegram: TelegramHarness) -> None:
    """Bob writes, edits and deletes; Ann writes on another device."""
    written = telegram.write("helo")
    telegram.server.messages.edit(BOB, written["id"], EditSpec(text="hello"))
    gone = telegram.write("oops")
    telegram.server.messages.delete(BOB, gone["id"], None, for_all=True)
    telegram.write("from my phone", sender=ANN, to=BOB)


@pytest.mark.parametrize("away", [False, True], ids=["pushed", "while away"])
async def test_edits_deletions_and_own_messages_are_told_to_whoever_has_chosen_them(telegram: TelegramHarness, away: bool) -> None:
    """As they happen, and in the difference after a time away, whose edits and deletions Telethon itself drops."""
    account = await telegram.log_in()
    found = handler_harness(account, kinds=ALL)
    if away:
        await change_everything(telegram)
    async with serving(telegram, account, found) as client:
        await until_idle(client)
        if not away:
            await change_everything(telegram)
        await until(lambda: len(kinds_of(found)) >= (4 if away else 5))
        await until_idle(client)
    told = kinds_of(found)
    assert set(told) == {"message", "message.edited", "message.deleted", "message.sent"}
    assert len(told) == len({entry.event.id for chat in found.ledger._chats.values() for entry in chat})


async def test_what_nobody_has_chosen_goes_no_further_and_moves_the_state(telegram: TelegramHarness) -> None:
    """A tenant that wants messages alone pays for nothing else."""
    account = await telegram.log_in()
    found = handler_harness(account)
    async with serving(telegram, account, found) as client:
        await until_idle(client)
        await change_everything(telegram)
        telegram.write("the end")
        await until(lambda: len(kinds_of(found)) == 3)
        await until_idle(client)
    assert set(kinds_of(found)) == {"message"}


async def test_what_was_sent_through_us_is_not_told_as_sent(telegram: TelegramHarness) -> None:
    """Its caller has the answer: only what other devices send is news."""
    account = await telegram.log_in()
    found = handler_harness(account, kinds=ALL)
    own = telegram.write("through us", sender=ANN, to=BOB)
    found.recent_sends.note(1, telegram.id_of(BOB), own["id"])
    telegram.write("from my phone", sender=ANN, to=BOB)
    async with serving(telegram, account, found) as client:
        await until(lambda: kinds_of(found))
        await until_idle(client)
    assert [message_of(found.ledger.head(group).event).text for group in found.groups] == ["from my phone"]
