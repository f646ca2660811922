"""What an account's owner says of it, and what that costs: nothing is written to connect, and nothing is claimed to ask."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from listener.core import commands
from listener.telegram.requests.errors import SessionEndReason
from shared.crypto import Purpose
from shared.errors import AvioError, Code
from shared.model.account import AccountState, Wanted
from shared.model.ids import Channel, TenantId
from shared.model.live_status import Live
from shared.model.states import Reason
from shared.rpc.command import Command
from shared.rpc.log_in import StateReached, VerifyLogIn
from shared.rpc.send import SendMessage
from shared.rpc.status import GetStatus
from shared.rpc.wire import Addressed
from shared.store import keys
from testing.telegram_server.control.specs import ConnectionSpec, PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, arrived, code_of, connected, log_in, message, people, write
from tests.support.listener_harness import PATIENCE_S, ListenerHarness, WorkerHarness, telegram, until

__all__ = ["people"]  # a fixture that every test here uses


def addressed(command: Command[Any]) -> Addressed:
    return Addressed(TENANT, Channel.TELEGRAM, command)


async def live(worker: WorkerHarness) -> Live:
    """Ask as a function does."""
    return Live.model_validate(await commands.run(worker.ownership, addressed(GetStatus())))


async def row(harness: ListenerHarness) -> Any:
    return await asyncio.to_thread(harness.accounts.get, TENANT, Channel.TELEGRAM)


class Requests:
    """Counts the requests to AWS that concern the account: by operation, and the kind of item it writes or reads."""

    def __init__(self, harness: ListenerHarness) -> None:
        self.counted: Counter[str] = Counter()
        harness.table.client.meta.events.register("provide-client-params.dynamodb.*", self._dynamodb)
        harness.envelope._kms().meta.events.register("provide-client-params.kms.*", self._kms)

    def _dynamodb(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self._count(model.name, params)
        for item in params.get("TransactItems", []):
            for kind, fields in item.items():
                self._count(f"Transact{kind}", fields)

    def _count(self, name: str, fields: dict[str, Any]) -> None:
        key = fields.get("Key") or fields.get("Item") or {}
        if key.get("pk", {}).get("S") == f"T#{TENANT}":
            self.counted[f"{name} {key['sk']['S'].split('#')[0]}"] += 1

    def _kms(self, model: Any, **_: Any) -> None:
        self.counted[model.name] += 1


async def test_the_owner_tells_of_this_moment(harness: ListenerHarness, server: TelegramServer) -> None:
    """Connected since when, whether anything is missing, when the last event came."""
    async with harness.worker().running() as worker:
        began = worker.services.now()
        await log_in(worker, server)
        write(server, "hello")
        await harness.queued(1)
        await until(lambda: worker.ownership.held_account(TENANT, Channel.TELEGRAM).live.synced_at)  # type: ignore[union-attr]
        told, now = await live(worker), worker.services.now()
        assert (told.connected, told.down_since, told.last_error) == (True, None, None)
        assert told.connected_since
        assert told.last_event_at
        assert told.synced_at
        assert began < told.connected_since < told.last_event_at < now
        assert began < told.synced_at < now


async def test_asking_claims_nothing(harness: ListenerHarness, server: TelegramServer) -> None:
    """Whoever does not hold the account says so, and the row stays as it is."""
    async with harness.worker().running() as worker:
        with pytest.raises(AvioError) as refused:
            await commands.run(worker.ownership, addressed(GetStatus()))
        assert refused.value.code is Code.NOT_MINE
        assert (await row(harness), worker.ownership.held) == (None, 0)


async def test_a_restart_costs_an_account_two_loads_and_one_unwrap_besides_its_claim(
    harness: ListenerHarness, server: TelegramServer
) -> None:
    """Connecting writes nothing, and an account that is idle asks nothing of AWS."""
    async with harness.worker().running() as first:
        await log_in(first, server)
    counted = Requests(harness).counted
    async with harness.worker().running() as second:
        await until(lambda: second.ownership.held == 1)
        await connected(await second.account(TENANT))
        await until(lambda: second.ownership.held_account(TENANT, Channel.TELEGRAM).live.synced_at)  # type: ignore[union-attr]
        writes = {name: times for name, times in counted.items() if not name.startswith(("GetItem", "Query"))}
        assert writes == {"UpdateItem ACCOUNT": 1, "UpdateItem SESSION": 1, "UpdateItem MARKS": 1, "Decrypt": 1}


async def test_when_the_last_event_came_is_known_after_a_restart(harness: ListenerHarness, server: TelegramServer) -> None:
    """It lies with the marks, which are saved anyway."""
    async with harness.worker().running() as first:
        await log_in(first, server)
        write(server, "hello")
        await harness.queued(1)
        before = (await live(first)).last_event_at
        assert isinstance(before, datetime)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        await connected(account)
        assert (await live(second)).last_event_at == before


async def test_an_outage_is_told_and_written_once(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram cannot be reached after a restart: the row says so after two tries, not with each; and is cleared when it is over."""
    async with harness.worker().running() as first:
        await log_in(first, server)
    server.operation.settings({"accepting": False})
    counted = Requests(harness).counted
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        await until(lambda: telegram(account).loop and "connection over" in harness.log.text and account.live.last_error)
        told = await live(second)
        assert (told.connected, told.connected_since, told.last_error) == (False, None, "telegram_unavailable")
        assert told.down_since
        await until(lambda: harness.log.text.count("connection over") >= 4)
        assert (await row(harness)).last_error == "telegram_unavailable"
        assert (counted["UpdateItem ACCOUNT"], counted["TransactUpdate ACCOUNT"]) == (1, 1), "the claim, and the outage with its event"
        server.operation.settings({"accepting": True})
        await until(lambda: account.live.connected)
        await until(lambda: account.context.row.last_error is None)
        assert (counted["UpdateItem ACCOUNT"], counted["TransactUpdate ACCOUNT"]) == (1, 2)


async def test_a_flood_wait_on_connecting_is_waited_for(harness: ListenerHarness, server: TelegramServer) -> None:
    """Its seconds and no less, and the status says what it is."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.operation.inject(FaultSpec(kind="flood_wait", method="help.getConfig", seconds=3600, times=None))
        asked = server.operation.counters()["calls"]["help.getConfig"]
        server.operation.kick(ConnectionSpec(person=ANNA))
        await until(lambda: account.live.last_error == "flood_wait")
        await until(lambda: account.context.row.last_error == "flood_wait")
        assert (await row(harness)).last_error == "flood_wait"
        assert server.operation.counters()["calls"]["help.getConfig"] == asked + 1


@pytest.mark.parametrize("damaged", ["sealed", "data_key"])
async def test_an_unreadable_session_can_be_replaced_by_a_new_log_in(
    harness: ListenerHarness, server: TelegramServer, damaged: str
) -> None:
    """The account says why it failed; nothing of what is stored is lost before somebody logs in. KMS refuses a key of another for good."""
    server.people.patch(ANNA, PersonPatch(password=""))
    async with harness.worker().running() as first:
        await log_in(first, server)
    key = keys.session(TENANT, Channel.TELEGRAM)
    stored = harness.table.get(key)
    assert stored
    other = {"sealed": stored["sealed"][:-1] + bytes([stored["sealed"][-1] ^ 1]), "data_key": _key_of_another(harness)}
    harness.table.put({**stored, damaged: other[damaged]})
    async with harness.worker().running() as second:
        await until(lambda: (found := harness.accounts.get(TENANT, Channel.TELEGRAM)) and found.state is AccountState.FAILED)
        found = await row(harness)
        assert (found.reason, found.owner) == ("session_unreadable", None)
        await until(lambda: second.ownership.held == 0)
        assert (harness.table.get(key) or {}).get("sealed")
        await log_in(second, server)
        assert (await row(harness)).state is AccountState.AUTHORIZED


def _key_of_another(harness: ListenerHarness) -> bytes:
    return harness.envelope.new_key(TenantId("22222222-2222-2222-2222-222222222222"), Purpose.SESSION).wrapped


async def test_a_key_that_is_disabled_for_a_while_costs_no_session(harness: ListenerHarness, server: TelegramServer) -> None:
    """The account waits for its key, and goes on once an operator has enabled it."""
    server.people.patch(ANNA, PersonPatch(password=""))
    async with harness.worker().running() as first:
        await log_in(first, server)
    kms, refused = harness.envelope._kms(), asyncio.Event()
    kms.disable_key(KeyId=harness.envelope._key_id)
    loop = asyncio.get_running_loop()

    def answered(**_: Any) -> None:
        loop.call_soon_threadsafe(refused.set)

    kms.meta.events.register("after-call.kms.Decrypt", answered)
    try:
        async with harness.worker().running() as second:
            await asyncio.wait_for(refused.wait(), PATIENCE_S)
            kms.enable_key(KeyId=harness.envelope._key_id)
            await connected(await second.account(TENANT))
            assert (await row(harness)).state is AccountState.AUTHORIZED
            assert not harness.log.said("session unreadable")
    finally:
        kms.enable_key(KeyId=harness.envelope._key_id)


async def test_a_row_that_a_death_left_behind_its_session_is_set_right(harness: ListenerHarness, server: TelegramServer) -> None:
    """The session is the truth: what it waits for is what the next owner has the row say."""
    async with harness.worker().running() as first:
        account = await first.account(TENANT)
        await telegram(account).flow.start(ANNA)
        with pytest.raises(AvioError):
            await telegram(account).flow.verify(ANNA, await code_of(server), None)
        await account.context.services.offload(
            harness.accounts.set_status, TENANT, Channel.TELEGRAM, first.id, account.context.row.epoch, {"state": AccountState.CODE_SENT}
        )
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        found = await row(harness)
        assert (found.state, found.reason) == (AccountState.NEED_2FA, "password_wanted")
        assert (await telegram(account).flow.verify(ANNA, None, PASSWORD)).state == "authorized"


# what a command does when its account goes away in its middle


async def test_erasing_that_comes_to_be_wanted_while_an_account_is_logged_out_is_done(
    harness: ListenerHarness, server: TelegramServer
) -> None:
    """The owner has not heard of it yet: neither the log-out's wish nor the release overwrites it."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        await asyncio.to_thread(harness.accounts.want, TENANT, Channel.TELEGRAM, Wanted.ERASE, worker.services.now())
        await account.log_out()
        await until(lambda: worker.ownership.held == 0)
        assert server.people.authorizations(ANNA) == []
        assert list(harness.table.query("pk = :pk", {":pk": f"T#{TENANT}"})) == []


async def test_an_idle_account_is_not_let_go_while_something_is_wanted_of_it(harness: ListenerHarness, server: TelegramServer) -> None:
    """Nobody looks for an account without an owner: what came to be wanted in the moment of its release is done first."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        await asyncio.to_thread(harness.accounts.want, TENANT, Channel.TELEGRAM, Wanted.ERASE, worker.services.now())
        await account.context.release()
        assert not account.context.released
        assert account.context.row.wanted is Wanted.ERASE


@pytest.mark.parametrize("method", ["auth.signIn", "auth.checkPassword"])
async def test_a_log_in_step_under_way_finishes_before_a_hand_over(harness: ListenerHarness, server: TelegramServer, method: str) -> None:
    """The next owner has the account logged in, on one connection at a time."""
    async with harness.worker().running() as first, harness.worker().running() as second:
        account = await first.account(TENANT)
        await telegram(account).flow.start(ANNA)
        server.operation.inject(FaultSpec(kind="delay", method=method, seconds=1))
        asked = server.operation.counters()["calls"]
        step = asyncio.create_task(
            commands.run(first.ownership, addressed(VerifyLogIn(phone=ANNA, code=await code_of(server), password=PASSWORD)))
        )
        await until(lambda: server.operation.counters()["calls"].get(method, 0) > asked.get(method, 0))
        first.ownership.stop()
        assert await step == StateReached(state=AccountState.AUTHORIZED)
        assert first.task
        await first.task
        account = await second.account(TENANT)
        await connected(account)
        assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_send_under_way_finishes_before_a_hand_over_and_a_later_one_goes_elsewhere(
    harness: ListenerHarness, server: TelegramServer
) -> None:
    """The same random id with the next owner finds the message sent: once, whatever the caller repeats."""
    async with harness.worker().running() as first, harness.worker().running() as second:
        account = await log_in(first, server)
        await telegram(account).send(message("before", random_id=1))
        server.operation.inject(FaultSpec(kind="delay", method="messages.sendMessage", seconds=1))
        once = addressed(SendMessage(to="@alice", text="once", random_id=2))
        sending = asyncio.create_task(commands.run(first.ownership, once))
        await until(lambda: server.operation.counters()["calls"].get("messages.sendMessage", 0) == 2)
        first.ownership.stop()
        await until(lambda: account.leaving)
        with pytest.raises(AvioError) as refused:
            await commands.run(first.ownership, once)
        assert refused.value.code is Code.NOT_MINE
        sent = await sending
        assert first.task
        await first.task
        await connected(await second.account(TENANT))
        assert await commands.run(second.ownership, once) == sent
        assert await arrived(server, 2) == ["before", "once"]


async def test_a_send_whose_account_is_taken_over_in_its_middle_may_be_repeated(harness: ListenerHarness, server: TelegramServer) -> None:
    """The worker is fenced while Telegram works: the caller learns that the outcome is unknown, and the repeat sends nothing twice."""
    async with harness.worker().running() as first, harness.worker().running() as second:
        await log_in(first, server)
        server.operation.inject(FaultSpec(kind="delay", method="messages.sendMessage", seconds=0.5))
        once = addressed(SendMessage(to="@alice", text="once", random_id=2))
        sending = asyncio.create_task(commands.run(first.ownership, once))
        await until(lambda: server.operation.counters()["calls"].get("messages.sendMessage", 0) == 1)
        await first.crash()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await harness.mark_dead(first.id)
        await connected(await second.account(TENANT))
        assert await commands.run(second.ownership, once)
        assert await arrived(server) == ["once"]
        assert server.operation.counters()["auth_key_duplicated"] == 0


def test_reasons_of_ends_are_those_of_the_states() -> None:
    """Two tables, one spelling."""
    assert {str(end) for end in SessionEndReason} <= set(Reason)
