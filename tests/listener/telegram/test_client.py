"""One connection's client against the test server: batches with their update state, catching up, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from telethon import errors
from telethon._updates.messagebox import ENTRY_ACCOUNT, State
from telethon._updates.session import ChannelState as BoxedChannel
from telethon._updates.session import SessionState
from telethon.tl import functions, types

from listener.telegram.connection.client import Client
from listener.telegram.connection.connect import connected
from listener.telegram.connection.keepalive import KeepaliveTimings
from listener.telegram.login import login_requests
from listener.telegram.requests.errors import BROKEN, SessionEndReason, end_of
from listener.telegram.requests.flood_waits import Invoke
from listener.telegram.updates.batch import Batch
from listener.telegram.updates.update_state import ChannelState, UpdateState
from shared.errors import AvioError, Code
from testing.telegram_server.control.specs import ConnectionSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import until_idle
from tests.listener.telegram.clients import ANN, BOB, DEADLINE_S, BatchRecorder, LoggedInAccount, TelegramHarness, ends
from tests.support.listener_harness import until

GET_STATE = functions.updates.GetStateRequest


def texts(count: int) -> list[str]:
    return [f"message {number}" for number in range(count)]


async def state_of(client: Client) -> UpdateState:
    """Return the account's state at Telegram."""
    return await login_requests.first_state(client)


# Batches and update state


async def test_a_pushed_message_is_handed_on_with_the_state_after_it(telegram: TelegramHarness) -> None:
    """The batch has the event and the state after it."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        telegram.write("hello")
        await recorder.until(lambda: recorder.texts == ["hello"])
        assert recorder.state.pts == (await state_of(client)).pts
        assert not recorder.batches[-1].fetched


async def test_an_own_send_is_no_message_but_moves_the_state(telegram: TelegramHarness) -> None:
    """Own sends move the state; otherwise they would be fetched again after every restart."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        (bob,) = (await client.invoke(functions.contacts.ResolveUsernameRequest("bob_ray"))).users
        await client.invoke(functions.messages.SendMessageRequest(types.InputPeerUser(bob.id, bob.access_hash), "hi", random_id=1))
        await recorder.until(lambda: recorder.state.pts > account.state.pts)
    assert recorder.texts == []


@pytest.mark.parametrize("slice_size", [1000, 7])
async def test_a_client_catches_up_from_its_state(telegram: TelegramHarness, slice_size: int) -> None:
    """In order, each message once, in one difference or in slices, and each batch with the state after it."""
    telegram.server.operation.settings({"difference_slice": slice_size})
    account, recorder = await telegram.log_in(), BatchRecorder()
    for text in texts(40):
        telegram.write(text)
    async with telegram.serving(account, recorder) as client:
        await recorder.until(lambda: len(recorder.texts) == 40)
        assert recorder.texts == texts(40)
        assert all(batch.fetched for batch in recorder.batches if batch.updates)
        pts = [batch.state.pts for batch in recorder.batches if batch.state]
        assert pts == sorted(pts)
        assert len({*pts}) >= 40 // slice_size
        assert recorder.state.pts == (await state_of(client)).pts


async def test_a_client_resumes_from_the_state_of_any_batch(telegram: TelegramHarness) -> None:
    """Nothing before that batch comes again, and nothing after it is missing."""
    telegram.server.operation.settings({"difference_slice": 4})
    account, first = await telegram.log_in(), BatchRecorder()
    for text in texts(12):
        telegram.write(text)
    async with telegram.serving(account, first):
        await first.until(lambda: len(first.texts) == 12)
    seen: list[str] = []
    for batch in first.batches:
        seen += BatchRecorder(batches=[batch]).texts
        again = BatchRecorder()
        async with telegram.serving(account, again, state=batch.state):
            await again.until(lambda: len(seen) + len(again.texts) == 12)  # noqa: B023  called at once
        assert [*seen, *again.texts] == texts(12)


async def test_a_read_while_away_is_handed_on(telegram: TelegramHarness) -> None:
    """It is one of a difference's other updates, which plain Telethon drops."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    telegram.write("question", sender=ANN, to=BOB)
    telegram.server.messages.read(BOB, ANN)
    async with telegram.serving(account, recorder):
        await recorder.until(
            lambda: any(isinstance(update, types.UpdateReadHistoryOutbox) for batch in recorder.batches for update in batch.updates)
        )


@pytest.mark.parametrize("kind", ["lose_push", "repeat_push", "hold_push"])
async def test_pushes_that_go_wrong_lose_and_repeat_nothing(telegram: TelegramHarness, kind: str) -> None:
    """A gap is filled, a repeat is dropped, a wrong order is corrected."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder):
        telegram.server.operation.inject(FaultSpec.model_validate({"kind": kind, "phone": ANN}))
        for text in texts(3):
            telegram.write(text)
        await recorder.until(lambda: len(recorder.texts) == 3)
        telegram.write("last")
        await recorder.until(lambda: recorder.texts[-1] == "last")
    assert recorder.texts == [*texts(3), "last"]


async def test_a_new_session_makes_the_client_catch_up(telegram: TelegramHarness) -> None:
    """The server forgets the session and a push with it; the message arrives although no other push shows the gap."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        await until_idle(client)
        telegram.server.operation.inject(FaultSpec(kind="lose_push", phone=ANN))
        telegram.write("lost on the way")
        hub = telegram.server.services.hub
        for connection in hub.connections.values():
            assert connection.session is not None
            hub.sessions.destroy(connection.session.key, connection.session.number)
        await client.invoke(functions.PingRequest(1))
        await recorder.until(lambda: recorder.texts == ["lost on the way"])


async def test_a_difference_that_telegram_refuses_is_asked_for_again(telegram: TelegramHarness) -> None:
    """Soon, and not after Telethon's 15 minutes: the backlog of a quiet account arrives."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    telegram.write("waiting")
    telegram.server.operation.inject(FaultSpec(kind="flood_wait", method="updates.getDifference", seconds=1, times=2))
    client = a_client(telegram, account, recorder)
    client._message_box.ask_again_s = 0.05
    await client.connect()
    await recorder.until(lambda: recorder.texts == ["waiting"])
    await client.disconnect()


async def test_the_state_names_channels_that_have_moved(telegram: TelegramHarness) -> None:
    """Any update moves a channel, even a dropped update; channels that did not move are not named."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    state = replace(account.state, channels={number: ChannelState(50, 5, 7) for number in (4000, 4001, 4002)})
    client = Client(account.session, state, telegram.lease.guard(), telegram.endpoint, recorder)
    client.message_box.map[ENTRY_ACCOUNT] = State(9, 0)
    for number in state.channels:
        client.message_box.try_set_channel_state(number, 50)
    post = types.UpdateNewChannelMessage(types.Message(id=8, peer_id=types.PeerChannel(4000), date=None, message=""), 51, 1)
    for update in (post, types.UpdateDeleteChannelMessages(4001, list(range(10)), 60, 10)):
        assert client.message_box.apply_pts_info(update, reset_deadlines=None)
    await client._preprocess_updates([post], [], [])
    await client._preprocess_updates([types.UpdateDeleteMessages([1], 9, 1)], [], [])
    assert [batch.state and batch.state.channels for batch in recorder.batches] == [
        {4000: ChannelState(51, 8, 7), 4001: ChannelState(60, 0, 7)},
        {},
    ]


class CountingMap(dict[Any, Any]):
    """A map that counts how many of its entries are read."""

    looks = 0

    def __getitem__(self, entry: Any) -> Any:
        self.looks += 1
        return super().__getitem__(entry)

    def get(self, entry: Any, default: Any = None) -> Any:
        """Count one entry."""
        self.looks += 1
        return super().get(entry, default)

    def __iter__(self) -> Iterator[Any]:
        self.looks += len(self)
        return super().__iter__()

    def items(self) -> Any:
        """Count all entries."""
        self.looks += len(self)
        return super().items()

    def values(self) -> Any:
        """Count all entries."""
        self.looks += len(self)
        return super().values()


async def test_the_cost_of_a_messages_state_does_not_grow_with_the_accounts_channels(telegram: TelegramHarness) -> None:
    """Channels that did not move are not read; the message box remembers which did."""
    account, looks = await telegram.log_in(), dict[int, int]()
    for count in (10, 1000):
        state = replace(account.state, channels={number: ChannelState(50, 5, 7) for number in range(4000, 4000 + count)})
        recorder = BatchRecorder()
        client = Client(account.session, state, telegram.lease.guard(), telegram.endpoint, recorder)
        client.message_box.load(SessionState(0, 0, 0, 9, 1, 1, 1, 0), [BoxedChannel(number, 50) for number in state.channels])
        await client._preprocess_updates([], [], [])
        client.message_box.map = counted = CountingMap(client.message_box.map)
        for pts in (51, 52):
            post = types.UpdateNewChannelMessage(types.Message(id=pts, peer_id=types.PeerChannel(4003), date=None, message=""), pts, 1)
            assert client.message_box.apply_pts_info(post, reset_deadlines=None)
            await client._preprocess_updates([post], [], [])
        looks[count] = counted.looks
        assert [batch.state and batch.state.channels for batch in recorder.batches[1:]] == [
            {4003: ChannelState(51, 51, 7)},
            {4003: ChannelState(52, 52, 7)},
        ]
    assert looks[1000] == looks[10]


def a_client(telegram: TelegramHarness, account: LoggedInAccount, recorder: BatchRecorder) -> Client:
    """Return a client that is not connected."""
    return Client(account.session, account.state, telegram.lease.guard(), telegram.endpoint, recorder)


async def test_a_batch_that_finds_no_room_is_the_last(telegram: TelegramHarness) -> None:
    """Nothing more is handed on, so the state cannot run ahead; requests still work."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        await until_idle(client)
        recorder.room = False
        telegram.write("refused")
        await asyncio.wait_for(client.full.wait(), DEADLINE_S)
        recorder.room, count = True, len(recorder.batches)
        telegram.write("never seen here")
        pts = (await client.invoke(GET_STATE())).pts
        await until(lambda: client._message_box.map[ENTRY_ACCOUNT].pts == pts)
        assert (recorder.texts, len(recorder.batches)) == (["refused"], count)
        assert client.up


async def test_a_log_ins_client_gets_no_updates(telegram: TelegramHarness) -> None:
    """Otherwise the account's other sessions would miss them."""
    account = await telegram.log_in()
    async with connected(account.session, None, telegram.lease.guard(), telegram.endpoint) as client:
        telegram.write("hello")
        assert (await client.invoke(GET_STATE())).pts
    assert telegram.counted("pushes") == 0


# Ends


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("AUTH_KEY_UNREGISTERED", SessionEndReason.REVOKED),
        ("SESSION_REVOKED", SessionEndReason.REVOKED),
        ("USER_DEACTIVATED", SessionEndReason.BANNED),
        ("USER_DEACTIVATED_BAN", SessionEndReason.BANNED),
    ],
)
async def test_a_session_that_telegram_ended_ends_the_client(telegram: TelegramHarness, reason: str, end: SessionEndReason) -> None:
    """At once and with the reason; Telethon ends silently."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        serving = asyncio.create_task(client.serve())
        telegram.server.people.revoke(ANN, None, reason)
        error = await ends(serving)
        assert (end_of(error), end_of(client.ended_by)) == (end, end)
        assert not client.up


async def test_a_session_that_ended_while_away_ends_the_client(telegram: TelegramHarness) -> None:
    """Telegram refuses its first difference."""
    account = await telegram.log_in()
    telegram.server.people.revoke(ANN, None)
    async with connected(account.session, account.state, telegram.lease.guard(), telegram.endpoint, BatchRecorder()) as client:
        assert end_of(await ends(client.serve())) is SessionEndReason.REVOKED


async def test_a_key_used_twice_is_dead(telegram: TelegramHarness) -> None:
    """Both while two clients use it at once, which the lease prevents, and at a later connect."""
    telegram.server.operation.settings({"duplicated_key": "AUTH_KEY_DUPLICATED"})
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client, telegram.serving(account, BatchRecorder()):
        serving = asyncio.create_task(client.serve())
        with pytest.raises(errors.AuthKeyDuplicatedError):
            await client.invoke(GET_STATE())
        assert end_of(await ends(serving)) is SessionEndReason.KEY_DUPLICATED
    assert telegram.counted("auth_key_duplicated") == 1
    with pytest.raises(AvioError) as refused:
        async with telegram.serving(account, BatchRecorder()):
            pass
    assert (refused.value.code, end_of(refused.value)) == (Code.NOT_AUTHORIZED, SessionEndReason.KEY_DUPLICATED)


async def test_a_connection_that_breaks_ends_the_client(telegram: TelegramHarness) -> None:
    """It does not reconnect by itself: its owner connects again from the checkpoint."""
    account = await telegram.log_in()
    accepted = telegram.counted("connections_accepted")
    async with telegram.serving(account, BatchRecorder()) as client:
        serving = asyncio.create_task(client.serve())
        await asyncio.sleep(0)
        telegram.server.operation.kick(ConnectionSpec(person=ANN))
        error = await ends(serving)
        assert isinstance(error, BROKEN)
        assert end_of(error) is None
    assert telegram.counted("connections_accepted") == accepted + 1


async def test_a_take_that_fails_ends_the_client(telegram: TelegramHarness) -> None:
    """With the error: after a lost batch nothing may be handed on."""

    async def take(batch: Batch, invoke: Invoke) -> bool:
        if batch.updates:
            raise LookupError("a fault of ours")
        return True

    account = await telegram.log_in()
    async with connected(account.session, account.state, telegram.lease.guard(), telegram.endpoint, take) as client:
        serving = asyncio.create_task(client.serve())
        telegram.write("hello")
        assert isinstance(await ends(serving), LookupError)


async def test_an_idle_client_has_no_keepalive_task(telegram: TelegramHarness) -> None:
    """Five thousand sleeping tasks would take 20 MB. Ours exist only while they work, and Telethon's own has ended."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        calls = telegram.counted("calls")["updates.getState"]
        serving = asyncio.create_task(client.serve(timings=KeepaliveTimings(ping_every_s=0.05, check_every_s=0.05)))
        await until(lambda: telegram.counted("calls")["updates.getState"] > calls + 2)
        await until(lambda: not running("listener/telegram/connection/client.py", "listener/telegram/connection/keepalive.py") - {serving})
        assert client._keepalive_handle.done()
        assert not serving.done()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def running(*files: str) -> set[asyncio.Task[Any]]:
    """Return the tasks whose outermost function is in one of these files."""
    return {task for task in asyncio.all_tasks() if getattr(task.get_coro(), "cr_code").co_filename.endswith(files)}  # noqa: B009


async def test_a_dead_link_is_noticed_by_pinging(telegram: TelegramHarness) -> None:
    """The connection is open, and nothing comes through it."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        telegram.server.operation.stall(ConnectionSpec(person=ANN))
        assert await ends(client.serve(timings=KeepaliveTimings(ping_every_s=0.01, ping_deadline_s=0.05))) is None
        assert not client.up


async def test_a_link_that_answers_pings_stays(telegram: TelegramHarness) -> None:
    """Each ping asks the server to drop the link when pings stop."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        serving = asyncio.create_task(client.serve(timings=KeepaliveTimings(ping_every_s=0.01)))
        (connection,) = telegram.server.services.hub.connections.values()
        await until(lambda: connection._doom is not None)
        first = connection._doom
        await until(lambda: connection._doom is not first)
        assert client.up
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_serving_a_client_that_is_over_returns_at_once(telegram: TelegramHarness) -> None:
    """A connection may break before `serve` is called."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        await client.disconnect()
        assert await ends(client.serve()) is None


# Requests


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_connection_that_breaks_during_a_request_is_a_connection_error(telegram: TelegramHarness, kind: str) -> None:
    """Closed without an answer: whether the request was executed is unknown."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        telegram.server.operation.inject(FaultSpec.model_validate({"kind": kind, "method": "updates.getState"}))
        with pytest.raises(ConnectionError):
            await client.invoke(GET_STATE())


async def test_a_connection_that_is_reset_during_a_request_is_a_connection_error(telegram: TelegramHarness) -> None:
    """As after a kick."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        pending = await never_answered(telegram, client)
        telegram.server.operation.kick(ConnectionSpec(person=ANN))
        assert type(await ends(pending)) is ConnectionError


async def test_disconnecting_during_a_request_is_a_connection_error(telegram: TelegramHarness) -> None:
    """Telethon cancels a sent request, which is not the caller's cancellation, and forgets an unsent request."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        pending = await never_answered(telegram, client)
        late = asyncio.create_task(client.invoke(GET_STATE()))
        await asyncio.gather(client.disconnect(), asyncio.sleep(0))
        assert type(await ends(pending)) is ConnectionError
        assert type(await ends(late)) is ConnectionError
        with pytest.raises(ConnectionError):
            await client.invoke(GET_STATE())


async def test_cancelling_a_request_is_a_cancellation(telegram: TelegramHarness) -> None:
    """The client still works, and a late answer does no harm."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        pending = await never_answered(telegram, client)
        pending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pending
        assert (await client.invoke(GET_STATE())).pts


async def test_a_request_has_a_deadline(telegram: TelegramHarness) -> None:
    """After it the connection still works."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        telegram.server.operation.inject(FaultSpec(kind="ignore", method="updates.getState"))
        with pytest.raises(TimeoutError):
            await client.invoke(GET_STATE(), deadline_s=0.05)
        assert client.up


async def test_telegrams_refusal_is_raised_as_it_is_and_nothing_is_repeated(telegram: TelegramHarness) -> None:
    """Telethon's own call would sleep and repeat some of them."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        telegram.server.operation.inject(FaultSpec(kind="error", method="updates.getState", code=500, message="RANDOM_ID_DUPLICATE"))
        before = telegram.counted("calls").get("updates.getState", 0)
        with pytest.raises(errors.RandomIdDuplicateError):
            await client.invoke(GET_STATE())
        assert telegram.counted("calls")["updates.getState"] == before + 1


async def never_answered(telegram: TelegramHarness, client: Client) -> asyncio.Task[Any]:
    """Return a request that the server has received and does not answer."""
    telegram.server.operation.inject(FaultSpec(kind="ignore", method="help.getNearestDc"))
    pending = asyncio.create_task(client.invoke(functions.help.GetNearestDcRequest()))
    await until(lambda: telegram.counted("calls").get("help.getNearestDc"))
    return pending


# Connecting


async def test_a_stored_key_is_used_again(telegram: TelegramHarness) -> None:
    """A connect after the log-in makes no new key."""
    account = await telegram.log_in()
    made = telegram.counted("keys_created")  # may be 2: Telethon cannot use one key in 256, and makes another
    async with telegram.serving(account, BatchRecorder()) as client:
        assert client.current() == account.session
    assert telegram.counted("keys_created") == made


async def test_telegram_is_told_who_we_are(telegram: TelegramHarness) -> None:
    """The same identity at each connect: no imitation, and nothing about the machine."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()):
        (shown,) = telegram.server.people.authorizations(ANN)
    assert "Avio" in str(shown)


async def test_an_outage_is_unavailability(telegram: TelegramHarness) -> None:
    """The attempt leaves no task and no connection behind."""
    account = await telegram.log_in()
    telegram.server.operation.settings({"accepting": False})
    before = asyncio.all_tasks()
    with pytest.raises(AvioError) as refused:
        async with telegram.serving(account, BatchRecorder()):
            pass
    assert refused.value.code is Code.TELEGRAM_UNAVAILABLE
    await until(lambda: not {task for task in asyncio.all_tasks() if not task.done()} - before)


@pytest.mark.parametrize("method", ["help.getConfig", None])
async def test_connecting_has_a_deadline(telegram: TelegramHarness, method: str | None) -> None:
    """Telethon alone would wait for the first answer for ever."""
    account = await telegram.log_in()
    telegram.server.operation.inject(FaultSpec(kind="ignore", method=method, times=None))
    with pytest.raises(AvioError) as refused:
        async with connected(account.session, account.state, telegram.lease.guard(), telegram.endpoint, BatchRecorder(), deadline_s=0.1):
            pass
    assert refused.value.code is Code.TELEGRAM_UNAVAILABLE
    await until(lambda: not telegram.server.operation.connections())


async def test_a_client_is_closed_whatever_happens(telegram: TelegramHarness) -> None:
    """Its connection and its tasks end."""
    account = await telegram.log_in()
    await until(lambda: not telegram.server.operation.connections())
    before = asyncio.all_tasks()
    with pytest.raises(LookupError):
        async with telegram.serving(account, BatchRecorder()):
            raise LookupError
    await until(lambda: not telegram.server.operation.connections())
    await until(lambda: not {task for task in asyncio.all_tasks() if not task.done()} - before)


async def test_a_key_that_telegram_does_not_know_is_the_end(telegram: TelegramHarness) -> None:
    """The transport answers with error -404."""
    account = await telegram.log_in()
    stranger = LoggedInAccount(replace(account.session, auth_key=bytes(range(256))), account.state, account.user_id)
    with pytest.raises(AvioError) as refused:
        async with telegram.serving(stranger, BatchRecorder()):
            pass
    assert (refused.value.code, end_of(refused.value)) == (Code.TELEGRAM_UNAVAILABLE, SessionEndReason.KEY_UNKNOWN)
