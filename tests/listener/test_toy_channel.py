"""A second channel lives in the listener's core as Telegram does: logged in, received from, sent from, taken over and handed over."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from functions.callback_delivery.body import body_of
from listener.core import commands
from listener.telegram.channel import TelegramDriver
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel
from shared.model.live_status import Live
from shared.queues import parse
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.log_in import CancelLogIn, LogOut, StartLogIn, StateReached, VerifyLogIn
from shared.rpc.send import SendMessage, SendResult
from shared.rpc.status import GetStatus
from shared.rpc.wire import Addressed
from tests.support.listener_harness import TENANTS, ListenerHarness, WorkerHarness, until
from tests.support.toy_channel import CODE, ToyDriver, ToyMessenger
from tests.support.worker_interface import interface

TENANT, OTHER = TENANTS
TOY = Channel.WHATSAPP
PHONE, USER, BOB = "+79991234567", "79991234567@c.us", "79997654321@c.us"


@pytest.fixture
def messenger() -> ToyMessenger:
    """A messenger of the test's own."""
    return ToyMessenger()


def toy_worker(harness: ListenerHarness, messenger: ToyMessenger) -> WorkerHarness:
    """Return a worker that serves the toy channel alone."""
    return harness.worker(drivers=[ToyDriver(messenger)])


async def run(worker: WorkerHarness, command: Command[Any]) -> Any:
    """Run a command at a worker, as its private interface does."""
    return await commands.run(worker.ownership, Addressed(TENANT, TOY, command))


async def log_in(worker: WorkerHarness) -> None:
    """Log the account in and wait until it is connected."""
    await run(worker, StartLogIn(phone=PHONE))
    assert await run(worker, VerifyLogIn(phone=PHONE, code=CODE)) == StateReached(state=AccountState.AUTHORIZED)
    await connected(worker)


async def connected(worker: WorkerHarness) -> None:
    """Wait until the account is held by this worker and connected."""

    def is_connected() -> bool:
        account = worker.ownership.held_account(TENANT, TOY)
        return account is not None and account.live.connected

    await until(is_connected)


def send(text: str, random_id: int = 1) -> SendMessage:
    return SendMessage(to=BOB, text=text, random_id=random_id)


async def test_it_logs_in_receives_and_sends(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """Its ids are text all the way: in the row, in the queue, in the callback's body, in the answer to a send."""
    async with toy_worker(harness, messenger).running() as worker:
        await log_in(worker)
        row = harness.accounts.get(TENANT, TOY)
        assert row
        assert (row.state, row.user_id, row.phone) == (AccountState.AUTHORIZED, USER, PHONE)
        messenger.write(BOB, USER, "hello")
        event = parse(json.dumps((await harness.queued(1))[0]))
        body = json.loads(body_of(event, 3))  # type: ignore[arg-type]  # no pointer
        assert (body["channel"], body["message"]["chat_id"], body["message"]["text"]) == ("whatsapp", BOB, "hello")
        sent = await run(worker, send("hi"))
        assert sent == SendResult(chat_id=BOB, message_id="sent-1", date=sent.date)
        assert isinstance(await run(worker, GetStatus()), Live)
    assert not messenger.was_duplicated


async def test_after_a_crash_it_is_taken_over(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """Nothing is lost, nothing comes twice, and there are never two connections."""
    first, second = toy_worker(harness, messenger), toy_worker(harness, messenger)
    async with first.running():
        await log_in(first)
        messenger.write(BOB, USER, "before")
        assert [event["message"]["text"] for event in await harness.queued(1)] == ["before"]
        await first.crash()
    messenger.write(BOB, USER, "meanwhile")
    await harness.mark_dead(first.id)
    async with second.running():
        await connected(second)
        messenger.write(BOB, USER, "after")
        texts = [event["message"]["text"] for event in await harness.queued(2)]
        assert [text for text in texts if text != "before"] == ["meanwhile", "after"]  # what was not saved yet has the same id
        await run(second, send("still here"))
    assert messenger.texts == ["still here"]
    assert not messenger.was_duplicated


async def test_it_is_handed_over(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """A worker that ends leaves the account, its position saved, to the next."""
    async with toy_worker(harness, messenger).running() as first:
        await log_in(first)
        messenger.write(BOB, USER, "one")
        await harness.queued(1)
    async with toy_worker(harness, messenger).running() as second:
        await connected(second)
        messenger.write(BOB, USER, "two")
        assert [event["message"]["text"] for event in await harness.queued(1)] == ["two"]
    assert not messenger.was_duplicated


async def test_a_worker_takes_the_accounts_of_its_channels_alone(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """By its row, by a nudge and by the index; and functions ask a worker that serves the channel."""
    async with toy_worker(harness, messenger).running() as toy:
        await log_in(toy)
    async with interface(harness) as (telegram, _):
        with pytest.raises(AvioError) as refused:
            await telegram.ownership.account(TENANT, TOY)
        assert refused.value.code is Code.NOT_MINE
        await asyncio.to_thread(harness.workers.nudge, telegram.id, TENANT)
        await telegram.ownership.look_around()
        assert telegram.ownership.held_account(TENANT, TOY) is None
        client = OwnerClient(harness.accounts, harness.workers)
        with pytest.raises(AvioError) as away:
            await asyncio.to_thread(client.call, TENANT, TOY, None, send("to nobody"))
        assert away.value.code is Code.UNAVAILABLE
        await asyncio.to_thread(client.close)
    async with toy_worker(harness, messenger).running() as toy:
        await connected(toy)


async def test_one_worker_may_serve_both(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """A tenant's two accounts are two lives."""
    worker = harness.worker(drivers=[TelegramDriver(harness.telegram), ToyDriver(messenger)])
    async with worker.running():
        await log_in(worker)
        account = await worker.account(TENANT)
        assert account.context.row.channel is Channel.TELEGRAM
        assert worker.ownership.held == 2
        row = await asyncio.to_thread(harness.workers.get, worker.id)
        assert row
        assert row.channels == {Channel.TELEGRAM, TOY}


async def test_what_the_channel_has_no_handler_for_is_not_supported(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """The commands are the channel's own, beside those that every account has."""
    async with interface(harness, drivers=[ToyDriver(messenger)]):
        client = OwnerClient(harness.accounts, harness.workers)
        with pytest.raises(AvioError) as refused:
            await asyncio.to_thread(client.call, TENANT, TOY, None, CancelLogIn())
        assert refused.value.code is Code.NOT_SUPPORTED
        await asyncio.to_thread(client.close)


async def test_it_is_logged_out_here_and_there(harness: ListenerHarness, messenger: ToyMessenger) -> None:
    """By the command, which ends the session at the messenger; and by the messenger, which ends it here."""
    async with toy_worker(harness, messenger).running() as worker:
        await log_in(worker)
        assert await run(worker, LogOut()) == StateReached(state=AccountState.LOGGED_OUT)
        assert messenger.sessions == {}
        await log_in(worker)
        messenger.revoke(USER)

        def is_over() -> bool:
            row = harness.accounts.get(TENANT, TOY)
            return row is not None and (row.state, row.reason, row.owner) == (AccountState.LOGGED_OUT, "revoked", None)

        await until(is_over)
