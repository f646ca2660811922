"""Log-ins by QR code at an account's owner: renewed, scanned, moved, interrupted, taken over; never hanging."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from listener.core.account import OwnedAccount
from shared.clock import SystemClock
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel
from shared.model.qr_code import QrCode
from shared.rpc.log_in import StateReached
from shared.rpc.qr_log_in import QrCodeIssued
from shared.store import keys
from shared.store.qr_codes import QrCodeStore
from testing.telegram_server.control.specs import ConnectionSpec, PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, code_of, connected, people, row
from tests.support.listener_harness import ListenerHarness, WorkerHarness, telegram, until

__all__ = ["people"]
AWAY = 4


@pytest.fixture
def no_password(server: TelegramServer) -> None:
    """Anna has no two-step verification."""
    server.people.patch(ANNA, PersonPatch(password=""))


async def shown(account: OwnedAccount) -> QrCodeIssued:
    """Start, and return the code."""
    code = await telegram(account).qr.start()
    assert isinstance(code, QrCodeIssued)
    return code


async def stored(harness: ListenerHarness) -> QrCode:
    """Return the code that functions show."""
    code = await asyncio.to_thread(QrCodeStore(harness.table).get, TENANT, Channel.TELEGRAM)
    assert code is not None
    return code


async def until_state(harness: ListenerHarness, state: AccountState) -> Any:
    """Wait until the row says so, and return it."""
    async with asyncio.timeout(60):
        while (found := await row(harness)).state is not state:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.02)
    return found


async def until_renewed(harness: ListenerHarness, issued: int) -> QrCode:
    """Wait for a code of that number or a later one."""
    async with asyncio.timeout(60):
        while (code := await stored(harness)).issued < issued:  # noqa: ASYNC110  nothing announces it
            await asyncio.sleep(0.02)
    return code


async def until_good_for(harness: ListenerHarness, good_for: timedelta) -> QrCode:
    """Wait for a code that is good for longer than that."""
    async with asyncio.timeout(60):
        while (code := await stored(harness)).valid_until is None or code.valid_until < SystemClock().now() + good_for:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return code


def forget(harness: ListenerHarness, **ago: timedelta) -> None:
    """Set times of the code's item back."""
    key = keys.qr_code(TENANT, Channel.TELEGRAM)
    item = harness.table.get(key)
    assert item is not None
    now = QrCode.model_validate({name: item[name] for name in ("ends_at", "asked_at")})
    harness.table.put({**item, **{name: (getattr(now, name) - by).isoformat() for name, by in ago.items()}})


async def crashed(worker: WorkerHarness, harness: ListenerHarness) -> None:
    """End a worker as by kill -9."""
    await worker.crash()
    await harness.mark_dead(worker.id)


@pytest.mark.usefixtures("no_password")
async def test_a_scan_logs_the_account_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """At once, and it receives from then on; nothing but the code is kept meanwhile."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        code = await shown(account)
        assert (await row(harness)).state is AccountState.NEED_QR
        found = await stored(harness)
        assert (found.qr_id, found.link, found.valid_until, found.issued) == (code.qr_id, code.link, code.expires_at, 1)
        server.people.scan(ANNA, code.link)
        await connected(account)
        assert (await row(harness)).phone == ANNA
    assert server.operation.counters()["auth_key_duplicated"] == 0
    assert len(server.people.authorizations(ANNA)) == 1


async def test_the_password_comes_after_the_scan(harness: ListenerHarness, server: TelegramServer) -> None:
    """A wrong one costs nothing; before the scan none is wanted; a start meanwhile says so and shows no code."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        code = await shown(account)
        with pytest.raises(AvioError) as early:
            await telegram(account).flow.give_password(PASSWORD)
        assert early.value.code is Code.NOT_WAITING_2FA
        server.people.scan(ANNA, (await stored(harness)).link or code.link)
        await until_state(harness, AccountState.NEED_2FA)
        assert await telegram(account).qr.start() == StateReached(state=AccountState.NEED_2FA)
        with pytest.raises(AvioError) as wrong:
            await telegram(account).flow.give_password("wrong")
        assert wrong.value.code is Code.BAD_PASSWORD
        assert (await telegram(account).flow.give_password(PASSWORD)).state == "authorized"
        await connected(account)
        with pytest.raises(AvioError) as refused:
            await telegram(account).qr.start()
        assert refused.value.code is Code.ALREADY_AUTHORIZED


@pytest.mark.usefixtures("no_password")
async def test_a_code_is_renewed_and_the_new_one_is_scanned(harness: ListenerHarness, server: TelegramServer) -> None:
    """As long as somebody asks; the earlier ids are known as expired ones."""
    server.operation.settings({"login_token_s": 1})
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        first = await shown(account)
        renewed = await until_renewed(harness, 3)
        assert first.qr_id in renewed.past_ids
        assert len({first.link, renewed.link}) == 2
        server.operation.settings({"login_token_s": 300})
        server.people.scan(ANNA, (await until_good_for(harness, timedelta(seconds=100))).link or "")
        await connected(account)


@pytest.mark.parametrize("ago", [{"asked_at": timedelta(seconds=61)}, {"ends_at": timedelta(minutes=5)}], ids=["unasked", "too long"])
async def test_nobody_scans(harness: ListenerHarness, server: TelegramServer, ago: dict[str, timedelta]) -> None:
    """Where nobody asks any more, or after five minutes, the log-in fails with its reason; the next start begins anew."""
    server.operation.settings({"login_token_s": 1})
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        first = await shown(account)
        await asyncio.to_thread(forget, harness, **ago)
        assert (await until_state(harness, AccountState.FAILED)).reason == "qr_expired"
        await until(lambda: not server.operation.connections())
        again = await shown(account)
        assert (again.issued, again.qr_id == first.qr_id) == (1, False)


@pytest.mark.usefixtures("no_password")
async def test_a_lost_update_costs_no_more_than_the_rest_of_the_code(harness: ListenerHarness, server: TelegramServer) -> None:
    """`updateLoginToken` has no pts, and no difference brings it: the next export does."""
    server.operation.settings({"login_token_s": 5})
    server.operation.inject(FaultSpec(kind="lose_push", phone=ANNA))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        server.people.scan(ANNA, (await shown(account)).link)
        await connected(account)


async def test_two_starts_at_once_show_one_code(harness: ListenerHarness) -> None:
    """And so does a later one."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        codes = await asyncio.gather(shown(account), shown(account), shown(account))
        assert len({code.qr_id for code in [*codes, await shown(account)]}) == 1


@pytest.mark.parametrize("password", ["", PASSWORD], ids=["without", "with"])
async def test_a_scan_is_followed_to_another_data_centre(harness: ListenerHarness, server: TelegramServer, password: str) -> None:
    """The token is imported there, under a new key, with and without a password."""
    server.people.patch(ANNA, PersonPatch(dc=AWAY, password=password))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        server.people.scan(ANNA, (await shown(account)).link)
        if password:
            await until_state(harness, AccountState.NEED_2FA)
            assert (await telegram(account).flow.give_password(password)).state == "authorized"
        await connected(account)
        session = telegram(account).context.session
        assert session is not None
        assert session.dc_id == AWAY
    assert {key["dc"] for key in server.people.authorizations(ANNA)} == {AWAY}


@pytest.mark.usefixtures("no_password")
@pytest.mark.parametrize("name", ["AUTH_TOKEN_EXPIRED", "AUTH_TOKEN_INVALIDX", "AUTH_TOKEN_ALREADY_ACCEPTED"])
async def test_a_token_that_cannot_be_imported_is_followed_by_a_new_code(
    harness: ListenerHarness, server: TelegramServer, name: str
) -> None:
    """At the data centre where the person lives: the next scan needs no move."""
    server.people.patch(ANNA, PersonPatch(dc=AWAY))
    server.operation.inject(FaultSpec(kind="error", method="auth.importLoginToken", code=400, message=name))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        server.people.scan(ANNA, (await shown(account)).link)
        code = await until_renewed(harness, 2)
        server.people.scan(ANNA, code.link or "")
        await connected(account)


@pytest.mark.usefixtures("no_password")
async def test_an_import_whose_answer_is_lost_is_found_out(harness: ListenerHarness, server: TelegramServer) -> None:
    """The key is logged in, and says so on the next connection."""
    server.people.patch(ANNA, PersonPatch(dc=AWAY))
    server.operation.inject(FaultSpec(kind="drop_after", method="auth.importLoginToken"))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        server.people.scan(ANNA, (await shown(account)).link)
        await connected(account)
    assert len(server.people.authorizations(ANNA)) == 1


@pytest.mark.usefixtures("no_password")
async def test_a_connection_that_breaks_is_made_anew(harness: ListenerHarness, server: TelegramServer) -> None:
    """A scan of before counts, whoever was told of it."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        code = await shown(account)
        server.operation.settings({"accepting": False})
        server.operation.kick(ConnectionSpec())
        server.people.scan(ANNA, code.link)
        server.operation.settings({"accepting": True})
        await connected(account)


async def test_a_key_that_telegram_has_forgotten_is_replaced(harness: ListenerHarness, server: TelegramServer) -> None:
    """The log-in goes on with a new code."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await shown(account)
        assert server.operation.forget_keys()
        server.operation.kick(ConnectionSpec())
        assert (await until_renewed(harness, 2)).issued == 2


@pytest.mark.usefixtures("no_password")
async def test_the_next_owner_goes_on_with_the_log_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """With a new code under the same key, which is scanned."""
    async with harness.worker().running() as first:
        code = await shown(await first.account(TENANT))
        await crashed(first, harness)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        renewed = await until_renewed(harness, 2)
        assert code.qr_id in renewed.past_ids
        server.people.scan(ANNA, renewed.link or "")
        await connected(account)
    assert server.operation.counters()["auth_key_duplicated"] == 0


@pytest.mark.usefixtures("no_password")
async def test_a_scan_while_nobody_owns_the_account_is_found_by_the_next_owner(harness: ListenerHarness, server: TelegramServer) -> None:
    """The key was stored before the code was shown."""
    async with harness.worker().running() as first:
        code = await shown(await first.account(TENANT))
        await crashed(first, harness)
    server.people.scan(ANNA, code.link)
    async with harness.worker().running() as second:
        await connected(await second.account(TENANT))
    assert len(server.people.authorizations(ANNA)) == 1


async def test_the_next_owner_ends_a_log_in_that_nobody_asks_for(harness: ListenerHarness, server: TelegramServer) -> None:
    """With its reason, after one code more."""
    server.operation.settings({"login_token_s": 1})
    async with harness.worker().running() as first:
        await shown(await first.account(TENANT))
        await crashed(first, harness)
    await asyncio.to_thread(forget, harness, asked_at=timedelta(seconds=61))
    async with harness.worker().running() as second:
        await second.account(TENANT)
        assert (await until_state(harness, AccountState.FAILED)).reason == "qr_expired"


async def test_a_log_in_by_phone_takes_the_place_of_one_by_code(harness: ListenerHarness, server: TelegramServer) -> None:
    """And the other way round: one log-in, one connection at a time."""
    server.operation.settings({"login_token_s": 1})
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await shown(account)
        await telegram(account).flow.start(ANNA)
        assert (await row(harness)).state is AccountState.CODE_SENT
        await until(lambda: not server.operation.connections())
        code = await shown(account)
        with pytest.raises(AvioError) as dropped:
            await telegram(account).flow.verify(ANNA, await code_of(server), None)
        assert dropped.value.code is Code.NOT_STARTED
        assert (await row(harness)).state is AccountState.NEED_QR
        assert (await until_renewed(harness, code.issued + 1)).issued > code.issued  # it goes on
        await telegram(account).flow.start(ANNA)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"
    assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_log_in_by_code_can_be_cancelled(harness: ListenerHarness, server: TelegramServer) -> None:
    """Nobody is connected then, and its code is worth nothing: who scans it now logs nobody in here."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        code = await shown(account)
        assert (await telegram(account).flow.cancel()).state == "new"
        assert ((await row(harness)).state, (await row(harness)).reason) == (AccountState.NEW, "cancelled")
        await until(lambda: not server.operation.connections())
        server.people.scan(ANNA, code.link)
        with pytest.raises(AvioError) as over:
            await telegram(account).flow.give_password(PASSWORD)
        assert over.value.code is Code.NOT_WAITING_2FA
        assert (await row(harness)).state is AccountState.NEW
        assert not server.operation.connections()
        assert (await account.log_out()).state == "logged_out"


async def test_a_log_out_ends_a_log_in_by_code(harness: ListenerHarness, server: TelegramServer) -> None:
    """At once."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await shown(account)
        assert (await account.log_out()).state == "logged_out"
        await until(lambda: not server.operation.connections())


@pytest.mark.parametrize(
    ("code", "name", "told"),
    [(400, "API_ID_INVALID", Code.TELEGRAM_APP_REJECTED), (420, "FLOOD_WAIT_30", Code.FLOOD_WAIT), (500, "RPC_CALL_FAIL", None)],
)
async def test_telegram_gives_no_code(harness: ListenerHarness, server: TelegramServer, code: int, name: str, told: Code | None) -> None:
    """The start says why, and the log-in has failed; a fault of Telegram's own is tried again."""
    server.operation.inject(FaultSpec(kind="error", method="auth.exportLoginToken", code=code, message=name))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        if told is None:
            assert (await shown(account)).issued == 1
            return
        with pytest.raises(AvioError) as refused:
            await telegram(account).qr.start()
        assert refused.value.code is told
        found = await row(harness)
        assert (found.state, found.reason, found.last_error) == (AccountState.FAILED, "qr_failed", told)
        assert (await shown(account)).issued == 1


@pytest.mark.usefixtures("no_password")
async def test_an_account_that_moves_while_it_logs_in_ends_the_log_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """The scan was accepted, and Telegram has moved the account since: the log-in fails with its reason, and the next one goes through."""
    server.operation.inject(FaultSpec(kind="error", method="updates.getState", code=303, message=f"USER_MIGRATE_{AWAY}"))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        server.people.scan(ANNA, (await shown(account)).link)
        found = await until_state(harness, AccountState.FAILED)
        assert (found.reason, found.last_error) == ("qr_failed", Code.TELEGRAM_ERROR)
        assert await telegram(account).qr.start() == StateReached(state=AccountState.AUTHORIZED)  # its key is logged in already
        await connected(account)
