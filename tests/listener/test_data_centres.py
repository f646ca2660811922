"""Log-ins that Telegram sends to another data centre (L7): followed at each step, with a key there that outlives its owner."""

from __future__ import annotations

from typing import Any

import pytest

from listener.telegram.connection.data_centres import PRODUCTION, Address, read_addresses
from listener.telegram.connection.endpoint import real
from listener.telegram.session import Session
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from testing.telegram_server.control.specs import PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.model.data_centres import DC_ID
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, code_of, people, row
from tests.support.listener_harness import ListenerHarness, WorkerHarness, telegram, until

__all__ = ["people"]
AWAY = 4


def session_of(account: Any) -> Session:
    """Return the session that an account holds."""
    session = telegram(account).context.session
    assert session is not None
    return session


def move(server: TelegramServer, dc: int = AWAY) -> None:
    """Let Anna live elsewhere from now on."""
    server.people.patch(ANNA, PersonPatch(dc=dc))


async def crashed(worker: WorkerHarness, harness: ListenerHarness) -> None:
    """End a worker as by kill -9."""
    await worker.crash()
    await harness.mark_dead(worker.id)


async def test_a_start_is_followed_and_the_whole_log_in_is_at_home_there(harness: ListenerHarness, server: TelegramServer) -> None:
    """PHONE_MIGRATE: code, password, receiving and logging out, each at the other data centre."""
    move(server)
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        assert (session_of(account).dc_id, session_of(account).port) == (AWAY, server.ports[AWAY].main)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"
        await until(lambda: telegram(account).live.connected)
        assert {key["dc"] for key in server.people.authorizations(ANNA)} == {AWAY}
        assert (await account.log_out()).state == "logged_out"
    assert server.operation.counters()["auth_key_duplicated"] == 0


async def test_a_log_in_that_was_sent_on_outlives_its_owner(harness: ListenerHarness, server: TelegramServer) -> None:
    """The key of the other data centre is stored with the log-in: another worker verifies with it."""
    move(server)
    async with harness.worker().running() as first:
        await telegram(await first.account(TENANT)).flow.start(ANNA)
        await crashed(first, harness)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        assert session_of(account).dc_id == AWAY
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_who_moves_before_the_code_goes_on_with_the_same_code(harness: ListenerHarness, server: TelegramServer) -> None:
    """USER_MIGRATE at verify."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        before = session_of(account)
        move(server)
        with pytest.raises(AvioError) as wanted:
            await telegram(account).flow.verify(ANNA, await code_of(server), None)
        assert wanted.value.code is Code.TWO_FA_REQUIRED
        assert session_of(account).dc_id == AWAY
        assert session_of(account).auth_key not in (None, before.auth_key)
        assert (await telegram(account).flow.verify(ANNA, None, PASSWORD)).state == "authorized"


async def test_who_moves_before_a_resend_gets_the_code_from_the_new_home(harness: ListenerHarness, server: TelegramServer) -> None:
    """PHONE_MIGRATE at resend."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        session = session_of(account)
        assert session.login
        due = session.login.model_copy(update={"resend_at": worker.services.now()})
        object.__setattr__(session, "login", due)
        move(server)
        await telegram(account).flow.resend()
        assert session_of(account).dc_id == AWAY
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_who_moves_before_the_password_is_asked_for_the_code_once_more(harness: ListenerHarness, server: TelegramServer) -> None:
    """USER_MIGRATE at the password: the new home knows nothing of the code, and takes it with the password. Nothing begins anew."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        code = await code_of(server)
        with pytest.raises(AvioError):
            await telegram(account).flow.verify(ANNA, code, None)
        move(server)
        with pytest.raises(AvioError) as refused:
            await telegram(account).flow.verify(ANNA, None, PASSWORD)
        assert refused.value.code is Code.INVALID_CODE
        assert "with the code" in refused.value.detail
        assert (await row(harness)).state is AccountState.CODE_SENT
        assert (await telegram(account).flow.verify(ANNA, code, PASSWORD)).state == "authorized"


async def test_a_death_after_the_move_loses_nothing(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram has signed the new key in, and the answer was lost with the owner: the next verify finds it so."""
    move(server)
    async with harness.worker().running() as first:
        account = await first.account(TENANT)
        await telegram(account).flow.start(ANNA)
        move(server, DC_ID)
        server.people.patch(ANNA, PersonPatch(password=""))
        server.operation.inject(FaultSpec(kind="drop_after", method="updates.getState", times=1))
        with pytest.raises(AvioError):
            await telegram(account).flow.verify(ANNA, await code_of(server), None)
        await crashed(first, harness)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        assert session_of(account).dc_id == DC_ID
        assert (await telegram(account).flow.verify(ANNA, "12345", None)).state == "authorized"
        assert len(server.people.authorizations(ANNA)) == 1


@pytest.mark.parametrize("name", ["PHONE_MIGRATE", "NETWORK_MIGRATE", "USER_MIGRATE"])
async def test_each_of_the_three_errors_is_followed(harness: ListenerHarness, server: TelegramServer, name: str) -> None:
    """Whatever Telegram calls it."""
    server.operation.inject(FaultSpec(kind="error", method="auth.sendCode", code=303, message=f"{name}_1"))
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        assert session_of(account).dc_id == DC_ID  # data centre 1 has sent it back
    assert server.operation.counters()["errors"]["PHONE_MIGRATE_2"] == 1


async def test_being_sent_in_circles_ends(harness: ListenerHarness, server: TelegramServer) -> None:
    """With an error that says so."""
    server.operation.inject(FaultSpec(kind="error", method="auth.sendCode", code=303, message="NETWORK_MIGRATE_1", times=None))
    async with harness.worker().running() as worker:
        with pytest.raises(AvioError) as refused:
            await telegram(await worker.account(TENANT)).flow.start(ANNA)
    assert refused.value.code is Code.TELEGRAM_UNAVAILABLE


async def test_a_data_centre_that_is_not_listed_is_said(harness: ListenerHarness, server: TelegramServer) -> None:
    """By its number."""
    server.operation.inject(FaultSpec(kind="error", method="auth.sendCode", code=303, message="PHONE_MIGRATE_9"))
    async with harness.worker().running() as worker:
        with pytest.raises(AvioError) as refused:
            await telegram(await worker.account(TENANT)).flow.start(ANNA)
    assert (refused.value.code, "data centre 9" in refused.value.detail) == (Code.TELEGRAM_ERROR, True)


async def test_a_start_after_a_move_can_be_cancelled(harness: ListenerHarness, server: TelegramServer) -> None:
    """The code of before the move as well."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await telegram(account).flow.start(ANNA)
        move(server)
        assert (await telegram(account).flow.cancel()).state == "new"


def test_addresses_are_read() -> None:
    """The first without a name."""
    assert read_addresses("127.0.0.1:5,4=127.0.0.1:6", 2) == {2: Address("127.0.0.1", 5), 4: Address("127.0.0.1", 6)}
    assert {dc: real(1, "hash").known(dc) for dc in PRODUCTION} == dict(PRODUCTION)
    assert real(1, "hash").known(6) is None
