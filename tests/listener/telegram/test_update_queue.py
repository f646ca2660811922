"""The queue before the update loop: bounded, with one request for a difference at a time."""

from __future__ import annotations

import asyncio

from telethon.tl import types

from listener.telegram.connection.connect import connected
from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.channel_hashes import ChannelHashes
from listener.telegram.updates.update_queue import UpdateQueue
from testing.telegram_server.control.specs import ConnectionSpec
from tests.listener.telegram.chats import until_idle
from tests.listener.telegram.clients import ANN, NOW, BatchRecorder, TelegramHarness
from tests.support.listener_harness import until


def typing(number: int) -> types.UpdateShort:
    return types.UpdateShort(types.UpdateUserTyping(number, types.SendMessageTypingAction()), NOW)


async def test_beyond_its_bound_the_queue_drops_and_says_so() -> None:
    """Its earlier updates stay, in their order."""
    overflows: list[int] = []
    waiting = UpdateQueue(lambda: overflows.append(1), bound=2)
    for number in range(4):
        waiting.put_nowait(typing(number))
    assert [(await waiting.get()).update.user_id for _ in range(2)] == [0, 1]
    assert (len(overflows), waiting.empty()) == (2, True)


async def test_a_waiting_request_for_a_difference_covers_later_requests() -> None:
    """But no request after it was taken out: its difference may have been requested before."""
    waiting = UpdateQueue(lambda: None)
    await waiting.put(types.UpdatesTooLong())
    waiting.put_nowait(types.UpdatesTooLong())
    assert waiting.qsize() == 1
    await waiting.get()
    waiting.put_nowait(types.UpdatesTooLong())
    assert waiting.qsize() == 1


async def test_a_connect_asks_for_one_difference(telegram: TelegramHarness) -> None:
    """The connect's request and that for the new session are one; a later session makes another."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        await until_idle(client)
        assert telegram.counted("calls")["updates.getDifference"] == 1
        client.synced_at = None
        telegram.server.operation.new_session(ConnectionSpec(person=ANN))
        await until(lambda: client.synced_at)
        assert telegram.counted("calls")["updates.getDifference"] == 2


async def test_more_pushes_than_may_wait_fill_the_client(telegram: TelegramHarness) -> None:
    """While a batch is being taken. Then the account reconnects from its state and fetches what was dropped."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    slow = asyncio.Event()

    async def take(batch: Batch, invoke: Invoke) -> bool:
        if batch.updates:
            await slow.wait()
        return await recorder(batch, invoke)

    async with connected(account.session, account.state, telegram.lease.guard(), telegram.endpoint, take) as client:
        await until(lambda: client.synced_at)
        client._updates_queue._bound = 3
        for number in range(8):
            telegram.write(f"message {number}")
        await until(client.full.is_set)
        slow.set()
    first = recorder.batches[-1].state if recorder.texts else account.state
    async with telegram.serving(account, recorder, state=first):
        await until(lambda: len(recorder.texts) == 8)
    assert recorder.texts == [f"message {number}" for number in range(8)]


def test_only_hashes_of_channels_are_kept() -> None:
    """Telethon's cache also keeps those of all users it ever saw, under ids that channels have too."""
    hashes = ChannelHashes({})
    channel = types.Channel(id=5, title="", photo=None, date=NOW, access_hash=50)
    elsewhere = types.Channel(id=6, title="", photo=None, date=NOW, access_hash=60, left=True)
    hashes.extend([types.User(id=5, access_hash=1)], [channel, elsewhere, types.Chat(7, "", None, 1, NOW, 1)])
    assert (len(hashes), hashes.hash_of(5), hashes.hash_of(6)) == (1, 50, None)
    assert hashes.joined == {5: int(NOW.timestamp())}
