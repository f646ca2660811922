"""What Telegram lets an account do, on the real stores and a real server: restricted and frozen accounts, and what is asked of Telegram."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listener.core.account import OwnedAccount
from listener.telegram.operations.restrictions import ASKED_AGAIN_AFTER, RESTRICTED_FOR
from shared.clock import SystemClock
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel
from testing.telegram_server.control.specs import ConnectionSpec, FreezeSpec, PersonPatch, PersonSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ALICE, ANNA, TENANT, arrived, code_of, connected, id_of, message, texts, write
from tests.support.listener_harness import ListenerHarness, WorkerHarness, telegram, until

BOB = "+999661003"
FREEZE = FreezeSpec(until=1_900_000_000, appeal_url="https://t.me/spambot?start=anna")


class LateClock(SystemClock):
    """The real clock, with a wall that a test may move."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@pytest.fixture(autouse=True)
def people(server: TelegramServer) -> None:
    """Anna, whose account is plugged in; Alice, who writes to her; Bob, who does not."""
    for phone, name in ((ANNA, "anna"), (ALICE, "alice"), (BOB, "bobby")):
        server.people.create(PersonSpec(phone=phone, first_name=name.title(), username=name))


@pytest.fixture
def clock() -> LateClock:
    return LateClock()


async def log_in(worker: WorkerHarness, server: TelegramServer) -> OwnedAccount:
    account = await worker.account(TENANT)
    await telegram(account).flow.start(ANNA)
    await telegram(account).flow.verify(ANNA, await code_of(server), None)
    await connected(account)
    return account


async def refusal(account: OwnedAccount, to: str, random_id: int = 1) -> AvioError:
    with pytest.raises(AvioError) as refused:
        await telegram(account).send(message("cold", to, random_id))
    return refused.value


def sends(server: TelegramServer) -> int:
    return int(server.operation.counters()["calls"].get("messages.sendMessage", 0))


def row(harness: ListenerHarness) -> Any:
    return harness.accounts.get(TENANT, Channel.TELEGRAM)


async def test_a_peer_flood_restricts_the_account_for_a_day(harness: ListenerHarness, server: TelegramServer, clock: LateClock) -> None:
    """The row says so, the refusal names the time, and Telegram is asked no more for strangers."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(spam_limited=True))
        before = clock.now()
        first = await refusal(account, "@bobby")
        found = row(harness)
        assert (found.state, found.reason) == (AccountState.RESTRICTED, "peer_flood")
        assert before + RESTRICTED_FOR <= found.restricted_until <= clock.now() + RESTRICTED_FOR
        assert (first.code, first.fields) == (Code.PEER_FLOOD, {"restricted_until": found.restricted_until.isoformat()})
        assert first.retry_after_s == pytest.approx(RESTRICTED_FOR.total_seconds(), abs=60)
        asked = sends(server)
        assert (await refusal(account, "@bobby", 2)).code is Code.PEER_FLOOD
        assert (await refusal(account, str(id_of(server, BOB)), 3)).code is Code.PEER_FLOOD
        assert sends(server) == asked


async def test_a_restricted_account_answers_who_has_written(harness: ListenerHarness, server: TelegramServer, clock: LateClock) -> None:
    """By id and by name, over a restart too; and itself."""
    async with harness.worker(clock).running() as first:
        account = await log_in(first, server)
        write(server, "hello")
        await harness.queued(1)
        server.people.patch(ANNA, PersonPatch(spam_limited=True))
        await refusal(account, "@bobby")
    async with harness.worker(clock).running() as second:
        account = await second.account(TENANT)
        await connected(account)
        assert account.context.row.state is AccountState.RESTRICTED
        await telegram(account).send(message("an answer", str(id_of(server, ALICE)), 2))
        await telegram(account).send(message("a note", "me", 3))
        assert (await refusal(account, "@bobby", 4)).code is Code.PEER_FLOOD
        assert await arrived(server) == ["an answer"]


async def test_a_reply_that_is_refused_all_the_same_is_asked_once(
    harness: ListenerHarness, server: TelegramServer, clock: LateClock
) -> None:
    """Whom we wrote to before is kept, but has never written: Telegram's word counts, and is not asked for again."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        sent = await telegram(account).send(message("hello", "@alice"))
        await until(lambda: harness.peers.get(TENANT, Channel.TELEGRAM, sent.chat_id))
        server.people.patch(ANNA, PersonPatch(spam_limited=True))
        await refusal(account, "@bobby", 2)
        until_when = row(harness).restricted_until
        await refusal(account, str(sent.chat_id), 3)
        asked = sends(server)
        await refusal(account, str(sent.chat_id), 4)
        assert (sends(server), row(harness).restricted_until) == (asked, until_when)


async def test_after_the_time_one_cold_send_finds_out(harness: ListenerHarness, server: TelegramServer, clock: LateClock) -> None:
    """Refused again it is another day; let through, the account is as before."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(spam_limited=True))
        await refusal(account, "@bobby")
        clock.ahead = RESTRICTED_FOR + timedelta(minutes=1)
        asked = sends(server)
        await refusal(account, "@bobby", 2)
        assert sends(server) == asked + 1
        assert row(harness).restricted_until > clock.now()
        clock.ahead *= 2
        server.people.patch(ANNA, PersonPatch(spam_limited=False))
        await telegram(account).send(message("hello Bob", "@bobby", 3))
        found = row(harness)
        assert (found.state, found.reason, found.restricted_until) == (AccountState.AUTHORIZED, "logged_in", None)


async def test_a_frozen_account_says_so_and_goes_on_receiving(harness: ListenerHarness, server: TelegramServer, clock: LateClock) -> None:
    """Until when and where to appeal come from Telegram; further sends do not reach it."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(frozen=FREEZE))
        refused = await refusal(account, "@alice")
        until_when = datetime.fromtimestamp(FREEZE.until, UTC)
        told = {"frozen_until": until_when.isoformat(), "appeal_url": FREEZE.appeal_url}
        assert (refused.code, refused.fields) == (Code.ACCOUNT_FROZEN, told)
        found = row(harness)
        assert (found.state, found.reason, found.frozen_until) == (AccountState.FROZEN, "frozen_by_telegram", until_when)
        asked = sends(server)
        assert (await refusal(account, "me", 2)).fields == told
        assert sends(server) == asked
        write(server, "still received")
        assert texts(await harness.queued(1)) == ["still received"]


async def test_a_thawed_account_sends_again_after_an_hour_at_most(
    harness: ListenerHarness, server: TelegramServer, clock: LateClock
) -> None:
    """An appeal may succeed at any time: a send has Telegram asked, though not each one."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(frozen=FREEZE))
        await refusal(account, "@alice")
        server.people.patch(ANNA, PersonPatch(frozen=None))
        await refusal(account, "@alice", 2)
        clock.ahead = ASKED_AGAIN_AFTER
        await telegram(account).send(message("thawed", "@alice", 3))
        found = row(harness)
        assert (found.state, found.frozen_until, found.appeal_url) == (AccountState.AUTHORIZED, None, None)


async def test_a_frozen_account_asks_again_with_each_connect(harness: ListenerHarness, server: TelegramServer, clock: LateClock) -> None:
    """What is over then is noted without anybody sending."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(frozen=FREEZE))
        await refusal(account, "@alice")
        server.people.patch(ANNA, PersonPatch(frozen=None))
        server.operation.kick(ConnectionSpec(person=ANNA))
        await until(lambda: account.context.row.state is AccountState.AUTHORIZED)
        assert row(harness).state is AccountState.AUTHORIZED


async def test_what_was_restricted_before_it_froze_is_restricted_after(
    harness: ListenerHarness, server: TelegramServer, clock: LateClock
) -> None:
    """A freeze that is over does not shorten the other."""
    async with harness.worker(clock).running() as worker:
        account = await log_in(worker, server)
        server.people.patch(ANNA, PersonPatch(spam_limited=True))
        await refusal(account, "@bobby")
        server.people.patch(ANNA, PersonPatch(frozen=FREEZE))
        assert (await refusal(account, "me", 2)).code is Code.ACCOUNT_FROZEN
        server.people.patch(ANNA, PersonPatch(frozen=None))
        clock.ahead = ASKED_AGAIN_AFTER
        await telegram(account).send(message("a note", "me", 3))
        assert row(harness).state is AccountState.RESTRICTED
