"""One account's life, on the real stores and a real server: log in, send, receive, be cut off, be revoked, move to another worker."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from listener.core.account import OwnedAccount
from listener.core.ownership.heartbeat import Lapsed
from listener.core.sqs_sender import Queue
from listener.telegram.connection_loop import EARLY_APART_S
from shared.errors import AvioError, Code
from shared.model.account import AccountState, Wanted
from shared.model.event import MessageReceived
from shared.model.ids import Channel, TenantId
from shared.model.worker import WorkerState
from testing.telegram_server.control.specs import CodeSpec, ConnectionSpec, PersonPatch, PersonSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import (
    ALICE,
    ANNA,
    PASSWORD,
    TENANT,
    arrived,
    code_of,
    connected,
    id_of,
    log_in,
    message,
    people,
    row,
    texts,
    write,
)
from tests.support.clock import FakeClock
from tests.support.listener_harness import ListenerHarness, client_of, is_down, loop_of, telegram, until

__all__ = ["people"]

# logging in


def _connected_anew(account: OwnedAccount, before: object) -> bool:
    return client_of(account) not in (None, before)


async def test_logging_in_by_code_and_password(harness: ListenerHarness, server: TelegramServer) -> None:
    """Each step says where it stands; in the end the row does."""
    async with harness.worker(FakeClock()).running() as worker:  # by which no second of the 60 has passed when they are told
        account = await worker.account(TENANT)
        told = {
            "delivery": "app",
            "length": 5,
            "next_type": "sms",
            "resend_after_seconds": 60,
            "form": "digits",
            "beginning": None,
            "pattern": None,
            "url": None,
            "email_pattern": None,
        }
        assert (await telegram(account).flow.start(ANNA)).model_dump() == told
        with pytest.raises(AvioError) as wanted:
            await telegram(account).flow.verify(ANNA, await code_of(server), None)
        assert wanted.value.code is Code.TWO_FA_REQUIRED
        assert (await row(harness)).state is AccountState.NEED_2FA
        assert (await telegram(account).flow.verify(ANNA, None, PASSWORD)).state == "authorized"
        found = await row(harness)
        assert (found.state, found.user_id, found.phone) == (AccountState.AUTHORIZED, str(id_of(server, ANNA)), ANNA)


async def test_a_wrong_password_does_not_burn_the_code(harness: ListenerHarness, server: TelegramServer) -> None:
    """The same code with the right password works."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        code = await code_of(server)
        with pytest.raises(AvioError) as wrong:
            await telegram(account).flow.verify(ANNA, code, "not this")
        assert wrong.value.code is Code.BAD_PASSWORD
        assert (await telegram(account).flow.verify(ANNA, code, PASSWORD)).state == "authorized"


async def test_a_wrong_code_does_not_burn_the_right_one(harness: ListenerHarness, server: TelegramServer) -> None:
    """The right one signs in after it."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        code = await code_of(server)
        wrong = "".join(str((int(digit) + 1) % 10) for digit in code)
        with pytest.raises(AvioError) as refused:
            await telegram(account).flow.verify(ANNA, wrong, PASSWORD)
        assert refused.value.code is Code.INVALID_CODE
        assert (await telegram(account).flow.verify(ANNA, code, PASSWORD)).state == "authorized"


async def test_verifying_again_says_that_it_is_done(harness: ListenerHarness, server: TelegramServer) -> None:
    """The caller had lost the answer: it hears that the account is logged in, not that nothing was started."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        code = await code_of(server)
        await telegram(account).flow.verify(ANNA, code, PASSWORD)
        with pytest.raises(AvioError) as again:
            await telegram(account).flow.verify(ANNA, code, PASSWORD)
        assert again.value.code is Code.ALREADY_AUTHORIZED


async def test_a_second_start_returns_the_pending_flow(harness: ListenerHarness, server: TelegramServer) -> None:
    """No second code is sent before a new one may be asked for."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        await telegram(account).flow.start(ANNA)
        assert server.operation.counters()["calls"]["auth.sendCode"] == 1


@pytest.mark.parametrize("step", [lambda flow: flow.verify(ANNA, "12345", None), lambda flow: flow.resend(), lambda flow: flow.cancel()])
async def test_steps_out_of_turn_say_so(harness: ListenerHarness, step: Any) -> None:
    """Nothing has been started."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        with pytest.raises(AvioError) as refused:
            await step(telegram(account).flow)
        assert refused.value.code is Code.NOT_STARTED


async def test_a_phone_without_an_account_is_told_at_sign_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram sends it a code all the same; that there is nobody shows when the code is presented."""
    server.people.create(PersonSpec(phone="+999660000", registered=False))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start("+999660000")
        code = await code_of(server, "+999660000")
        with pytest.raises(AvioError) as refused:
            await telegram(account).flow.verify("+999660000", code, None)
        assert refused.value.code is Code.PHONE_NOT_REGISTERED


async def test_an_expired_code_ends_the_flow(harness: ListenerHarness, server: TelegramServer) -> None:
    """The next step is a new start, and the status says what happened."""
    server.people.patch(ANNA, PersonPatch(code=CodeSpec(lifetime_s=3600)))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        code = await code_of(server)
        server.clock.advance(3601)
        with pytest.raises(AvioError) as expired:
            await telegram(account).flow.verify(ANNA, code, PASSWORD)
        assert expired.value.code is Code.CODE_EXPIRED
        with pytest.raises(AvioError) as ended:
            await telegram(account).flow.verify(ANNA, code, PASSWORD)
        assert ended.value.code is Code.NOT_STARTED
        assert (await row(harness)).last_error == "code_expired"


async def test_a_log_in_goes_on_with_another_worker_after_the_first_one_died(harness: ListenerHarness, server: TelegramServer) -> None:
    """The unauthorised key and the code's hash are kept, so the code that was sent still works."""
    async with harness.worker().running() as first:
        await telegram(await first.account(TENANT)).flow.start(ANNA)
        await first.crash()
    await harness.mark_dead(first.id)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_a_sign_in_whose_answer_was_lost_is_made_good(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram had accepted code and password, then the connection broke: verifying again finds the key authorised."""
    server.people.patch(ANNA, PersonPatch(password=""))
    server.operation.inject(FaultSpec(kind="drop_after", method="auth.signIn"))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        code = await code_of(server)
        with pytest.raises(AvioError) as lost:
            await telegram(account).flow.verify(ANNA, code, None)
        assert lost.value.code is Code.TELEGRAM_UNAVAILABLE
        assert (await telegram(account).flow.verify(ANNA, code, None)).state == "authorized"


# sending


async def test_sending_to_oneself_by_name_and_by_id(harness: ListenerHarness, server: TelegramServer) -> None:
    """What was sent lies with whom it was sent to."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        await telegram(account).send(message("to me", "me", 1))
        await telegram(account).send(message("by name", "@alice", 2))
        sent = await telegram(account).send(message("by id", str(id_of(server, ALICE)), 3))
        assert sent.chat_id == id_of(server, ALICE)
        assert await arrived(server, 2) == ["by name", "by id"]


async def test_a_send_whose_answer_was_lost_is_sent_once(harness: ListenerHarness, server: TelegramServer) -> None:
    """The connection breaks after Telegram took the message: the same random id goes again, and the first message is the answer."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.inject(FaultSpec(kind="drop_after", method="messages.sendMessage"))
        sent = await telegram(account).send(message("once"))
        assert sent.message_id
        assert await arrived(server) == ["once"]
        assert server.operation.counters()["sends_deduplicated"] == 1


async def test_a_repeat_that_telegram_calls_a_duplicate_is_found_in_the_history(harness: ListenerHarness, server: TelegramServer) -> None:
    """RANDOM_ID_DUPLICATE says that it was sent; the history says as what."""
    server.operation.settings({"repeated_random_id": "error"})
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        first = await telegram(account).send(message("once"))
        assert await telegram(account).send(message("once")) == first


async def test_a_peer_can_be_answered_after_any_restart(harness: ListenerHarness, server: TelegramServer) -> None:
    """An id that a tenant was given is an address for good, though access hashes lie in memory."""
    async with harness.worker().running() as first:
        await log_in(first, server)
        write(server, "hello")
        await harness.queued(1)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        await connected(account)
        await telegram(account).send(message("an answer", str(id_of(server, ALICE))))
        assert await arrived(server) == ["an answer"]


async def test_an_unknown_id_is_no_peer(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram is not asked: without an access hash there is nothing to ask with."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        with pytest.raises(AvioError) as unknown:
            await telegram(account).send(message("?", "9996610001"))
        assert unknown.value.code is Code.PEER_NOT_FOUND
        assert "Phone numbers begin with +" in unknown.value.detail  # it may have been meant as one


async def test_a_flood_wait_names_its_seconds(harness: ListenerHarness, server: TelegramServer) -> None:
    """It is neither slept through nor hidden."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.inject(FaultSpec(kind="flood_wait", method="messages.sendMessage", seconds=37))
        with pytest.raises(AvioError) as flood:
            await telegram(account).send(message("slow down"))
        assert (flood.value.code, flood.value.retry_after_s) == (Code.FLOOD_WAIT, 37)


async def test_a_flood_wait_outlasts_the_connection(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram is not asked again before its time is over, by the next connection either; then the message goes."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        ahead_s, boottime = 0.0, loop_of(account)._flood_waits._clock
        loop_of(account)._flood_waits._clock = lambda: boottime() + ahead_s
        server.operation.inject(FaultSpec(kind="flood_wait", method="messages.sendMessage", seconds=3000))
        for random_id in (1, 2):
            with pytest.raises(AvioError) as flood:
                await telegram(account).send(message("slow down", random_id=random_id))
            assert flood.value.code is Code.FLOOD_WAIT
            before = client_of(account)
            server.operation.kick(ConnectionSpec(person=ANNA))
            await until(partial(_connected_anew, account, before))
        assert server.operation.counters()["calls"]["messages.sendMessage"] == 1
        ahead_s = 3000.0
        await telegram(account).send(message("in time", random_id=3))
        assert await arrived(server) == ["in time"]


# receiving


async def test_a_message_is_queued_with_its_sender(harness: ListenerHarness, server: TelegramServer) -> None:
    """The event names who wrote, where, what and when."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        await until(lambda: (client := client_of(account)) and client.synced_at)  # from here on it is pushed
        write(server, "hello, привет, שלום 🙂")
        event = MessageReceived.model_validate((await harness.queued(1))[0])
        assert event.message.text == "hello, привет, שלום 🙂"
        assert (event.message.sender_username, event.message.sender_name) == ("alice", "Alice")
        assert event.message.chat_id == event.message.sender_id == str(id_of(server, ALICE))
        assert not event.backfilled


async def test_what_came_while_nobody_was_connected_is_fetched_in_order(harness: ListenerHarness, server: TelegramServer) -> None:
    """More than a difference slice of it, once each."""
    server.operation.settings({"difference_slice": 7})
    async with harness.worker().running() as first:
        await log_in(first, server)
        write(server, "before")
        await harness.queued(1)
    for number in range(30):
        write(server, str(number))
    async with harness.worker().running():
        events = await harness.queued(30)
        assert texts(events) == [str(number) for number in range(30)]
        assert all(event["backfilled"] for event in events)
    assert await harness.take_queued() == []


async def test_what_was_taken_but_not_queued_when_the_worker_died_comes_again(harness: ListenerHarness, server: TelegramServer) -> None:
    """Marks move only behind what the queue accepted: the next owner fetches the rest."""

    class Closed(Queue):
        async def send(self, events: Any) -> list[bool]:
            return [False] * len(events)

    async with harness.worker(queue=Closed).running() as first:
        account = await log_in(first, server)
        for number in range(5):
            write(server, str(number))
        await until(lambda: account.context.ledger and account.context.ledger._size == 5)
        await first.crash()
    await harness.mark_dead(first.id)
    async with harness.worker().running():
        assert texts(await harness.queued(5)) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("kind", ["lose_push", "repeat_push", "hold_push"])
async def test_lost_repeated_and_reordered_pushes_change_nothing(harness: ListenerHarness, server: TelegramServer, kind: Any) -> None:
    """Each message once, in order."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        server.operation.inject(FaultSpec(kind=kind, phone=ANNA, times=1))
        for number in range(4):
            write(server, str(number))
        assert texts(await harness.queued(4)) == ["0", "1", "2", "3"]
    assert await harness.take_queued() == []


async def test_a_broken_connection_is_made_again_and_nothing_is_missed(harness: ListenerHarness, server: TelegramServer) -> None:
    """Reconnecting is the account's own task, and each connect catches up."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.settings({"accepting": False})
        server.operation.kick(ConnectionSpec(person=ANNA))
        await until(lambda: is_down(account))
        write(server, "meanwhile")
        server.operation.settings({"accepting": True})
        assert texts(await harness.queued(1)) == ["meanwhile"]
        assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_full_ledger_loses_nothing_and_sends_go_on(harness: ListenerHarness, server: TelegramServer) -> None:
    """The queue is away: what does not fit is dropped before the marks, and fetched again when there is room."""

    class Away(Queue):
        away = True

        async def send(self, events: Any) -> list[bool]:
            return [False] * len(events) if self.away else await super().send(events)

    async with harness.worker(queue=Away).running() as worker:
        account = await log_in(worker, server)
        assert account.context.ledger is not None
        ledger = account.context.ledger
        ledger.bound = 3
        write(server, "0")
        await until(lambda: ledger.pending)  # pushes that wait are one batch, and an empty ledger takes one of any size
        for number in range(1, 8):
            write(server, str(number))
            await until(lambda: (client := client_of(account)) and (client.full.is_set() or ledger.pending > number))  # noqa: B023
        await until(lambda: (client := client_of(account)) and client.full.is_set())
        await telegram(account).send(message("still going"))
        Away.away = False
        assert texts(await harness.queued(8)) == [str(number) for number in range(8)]


async def test_codes_from_telegram_are_never_queued(harness: ListenerHarness, server: TelegramServer) -> None:
    """Another log-in of the account: its code arrives as a message from 777000, and stays there."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        other = await worker.account(TenantId("22222222-2222-2222-2222-222222222222"))
        await telegram(other).flow.start(ANNA)
        write(server, "after the code")
        assert texts(await harness.queued(1)) == ["after the code"]
    assert await harness.take_queued() == []


# ends


async def test_a_session_ended_from_the_phone_ends_the_account(harness: ListenerHarness, server: TelegramServer) -> None:
    """The row says so, nobody owns it, and it can be logged in again."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        server.people.revoke(ANNA, None)
        await until(lambda: worker.ownership.held == 0)
        found = await row(harness)
        assert (found.state, found.reason, found.owner) == (AccountState.LOGGED_OUT, "revoked", None)
        server.people.patch(ANNA, PersonPatch(password=""))
        await log_in(worker, server)


async def test_a_banned_account_says_so(harness: ListenerHarness, server: TelegramServer) -> None:
    """And is not tried again and again."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(banned=True))
        await until(lambda: worker.ownership.held == 0)
        assert (await row(harness)).state is AccountState.BANNED


async def test_logging_out_ends_the_session_at_telegram_and_here(harness: ListenerHarness, server: TelegramServer) -> None:
    """Nothing of the credentials is left."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        assert (await account.log_out()).state == "logged_out"
        assert server.people.authorizations(ANNA) == []
        found = await row(harness)
        assert (found.state, found.owner, found.wanted) == (AccountState.LOGGED_OUT, None, None)
        session = await asyncio.to_thread(harness.table.get, {"pk": f"T#{TENANT}", "sk": "SESSION#telegram"})
        assert session is not None
        assert "sealed" not in session


async def test_logging_out_without_telegram_is_tried_until_it_works(harness: ListenerHarness, server: TelegramServer) -> None:
    """Meanwhile the account serves nothing."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.settings({"accepting": False})
        server.operation.kick(ConnectionSpec(person=ANNA))
        asking = asyncio.create_task(account.log_out())
        await until(lambda: account.context.row.wanted is Wanted.LOG_OUT)
        with pytest.raises(AvioError) as refused:
            await telegram(account).send(message("no more"))
        assert refused.value.code is Code.NOT_AUTHORIZED
        server.operation.settings({"accepting": True})
        await asking
        await until(lambda: worker.ownership.held == 0)
        assert server.people.authorizations(ANNA) == []


async def test_a_tenant_to_be_erased_is_logged_out_and_gone(harness: ListenerHarness, server: TelegramServer) -> None:
    """Its owner finds that on the row, is nudged, and leaves nothing behind."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        await asyncio.to_thread(harness.accounts.want, TENANT, Channel.TELEGRAM, Wanted.ERASE, worker.services.now())
        await asyncio.to_thread(harness.workers.nudge, worker.id, TENANT)
        await until(lambda: worker.ownership.held == 0)
        assert server.people.authorizations(ANNA) == []
        left = list(await asyncio.to_thread(lambda: list(harness.table.query("pk = :pk", {":pk": f"T#{TENANT}"}))))
        assert left == []


async def test_an_account_that_nobody_owns_is_found_when_something_is_wanted_of_it(
    harness: ListenerHarness, server: TelegramServer
) -> None:
    """It goes to nobody, whose accounts workers look for."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        await account.log_out()
        await until(lambda: worker.ownership.held == 0)
        await asyncio.to_thread(harness.accounts.want, TENANT, Channel.TELEGRAM, Wanted.ERASE, worker.services.now())
        await until(lambda: harness.accounts.get(TENANT, Channel.TELEGRAM) is None)


# moving


async def test_a_hand_over_keeps_the_account_logged_in_and_never_on_two_connections(
    harness: ListenerHarness, server: TelegramServer
) -> None:
    """The first worker ends, the next one claims: one connection at a time."""
    async with harness.worker().running() as first, harness.worker().running() as second:
        await log_in(first, server)
        first.ownership.stop()
        assert first.task is not None
        await first.task
        write(server, "between two workers")
        assert texts(await harness.queued(1)) == ["between two workers"]
        account = await second.account(TENANT)
        await telegram(account).send(message("from the second"))
        assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_fenced_worker_sends_nothing_more(harness: ListenerHarness, server: TelegramServer) -> None:
    """Its lease is over: connections are cut, a send under way fails, and reconnecting is refused."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        worker.lease.lapse()
        asking = asyncio.create_task(telegram(account).send(message("too late")))
        assert worker.task is not None
        (ended,) = await asyncio.gather(worker.task, return_exceptions=True)
        assert isinstance(ended, Lapsed)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: server.operation.connections() == [])
        assert "messages.sendMessage" not in server.operation.counters()["calls"]
    row = harness.workers.get(worker.id)
    assert row is not None
    assert row.state is WorkerState.ENDED


async def test_a_send_cuts_a_back_off_short(harness: ListenerHarness, server: TelegramServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """After many broken connections the next try is a minute away: whoever sends meanwhile does not wait for it."""
    monkeypatch.setattr("listener.telegram.connection_loop.back_off_s", lambda failures: 3600.0)
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.kick(ConnectionSpec(person=ANNA))
        await until(lambda: is_down(account))
        sent = await telegram(account).send(message("at once"))
        assert sent.message_id
        server.operation.kick(ConnectionSpec(person=ANNA))
        early_at = loop_of(account)._early_at
        await until(lambda: is_down(account))
        await asyncio.gather(*(telegram(account).send(message("again", random_id=2 + number)) for number in range(20)))
        assert loop_of(account)._early_at - early_at >= EARLY_APART_S


# Telegram's own faults


@pytest.mark.parametrize(("code", "name"), [(500, "INTERNAL"), (-503, "Timeout"), (500, "SOMETHING_NEW")])
async def test_a_fault_of_telegrams_own_is_waited_out(harness: ListenerHarness, server: TelegramServer, code: int, name: str) -> None:
    """The same random id goes again, so the message is there once, whatever became of the first try."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.inject(FaultSpec(kind="error", method="messages.sendMessage", code=code, message=name, times=2))
        assert (await telegram(account).send(message("once"))).message_id
        assert await arrived(server) == ["once"]


async def test_a_fault_that_does_not_pass_leaves_the_outcome_open(
    harness: ListenerHarness, server: TelegramServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been sent: who is told that Telegram cannot be reached would send it a second time."""
    monkeypatch.setattr("listener.telegram.operations.operation_runner.DEADLINE_S", 1.0)
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.inject(FaultSpec(kind="error", method="messages.sendMessage", code=500, message="INTERNAL", times=1000))
        with pytest.raises(AvioError) as unknown:
            await telegram(account).send(message("?"))
        assert unknown.value.code is Code.OUTCOME_UNKNOWN
