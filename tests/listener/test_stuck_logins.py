"""Log-ins that Telegram has given up: no step of them fails for ever, and the next one says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from listener.core.account import OwnedAccount
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.rpc.log_in import LogInCode
from testing.telegram_server.control.specs import PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, code_of, people, row
from tests.support.listener_harness import ListenerHarness, telegram

__all__ = ["people"]


async def begun(worker: Any) -> OwnedAccount:
    """Return Anna's account with a code on its way, and ask for no patience before the next one."""
    account: OwnedAccount = await worker.account(TENANT)
    await telegram(account).flow.start(ANNA)
    session = telegram(account).context.session
    assert session
    assert session.login
    login = session.login.model_copy(update={"resend_at": worker.services.now()})
    object.__setattr__(session, "login", login)
    return account


async def refusal(step: Any) -> AvioError:
    with pytest.raises(AvioError) as refused:
        await step
    return refused.value


async def test_a_start_makes_a_new_key_where_telegram_has_forgotten_the_old_one(harness: ListenerHarness, server: TelegramServer) -> None:
    """At once, and the new log-in goes through."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        assert server.operation.forget_keys()
        assert isinstance(await telegram(account).flow.start(ANNA), LogInCode)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


@pytest.mark.parametrize("step", [lambda flow: flow.verify(ANNA, "12345", None), lambda flow: flow.resend()])
async def test_other_steps_say_that_a_log_in_with_a_forgotten_key_is_over(
    harness: ListenerHarness, server: TelegramServer, step: Any
) -> None:
    """Once; row and answer agree, and then nothing is under way."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        server.operation.forget_keys()
        told = await refusal(step(telegram(account).flow))
        assert told.code is Code.CODE_EXPIRED
        assert "auth/start" in told.detail
        found = await row(harness)
        assert (found.state, found.reason, found.last_error) == (AccountState.NEW, "log_in_lost", "code_expired")
        assert (await refusal(step(telegram(account).flow))).code is Code.NOT_STARTED
        assert await telegram(account).flow.start(ANNA)


async def test_a_log_in_with_a_forgotten_key_can_be_cancelled(harness: ListenerHarness, server: TelegramServer) -> None:
    """Then there is none."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        server.operation.forget_keys()
        assert (await telegram(account).flow.cancel()).state == "new"
        assert ((await row(harness)).state, (await row(harness)).reason) == (AccountState.NEW, "cancelled")
        assert await telegram(account).flow.start(ANNA)


@pytest.mark.parametrize("name", ["PHONE_CODE_EXPIRED", "AUTH_KEY_UNREGISTERED", "INTERNAL"])
async def test_cancelling_succeeds_whatever_telegram_says(harness: ListenerHarness, server: TelegramServer, name: str) -> None:
    """The caller wants no log-in under way, and there is none."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        server.operation.inject(FaultSpec(kind="error", method="auth.cancelCode", code=400, message=name))
        assert (await telegram(account).flow.cancel()).state == "new"
        assert (await refusal(telegram(account).flow.cancel())).code is Code.NOT_STARTED


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("AUTH_KEY_UNREGISTERED", Code.CODE_EXPIRED),
        ("SESSION_REVOKED", Code.CODE_EXPIRED),
        ("USER_DEACTIVATED_BAN", Code.PHONE_BANNED),
    ],
)
async def test_an_end_at_sign_in_is_told_as_the_row_has_it(harness: ListenerHarness, server: TelegramServer, name: str, code: Code) -> None:
    """Nobody was logged in, so nobody is logged out: the log-in is over, and a new one begins with a new key."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        server.operation.inject(FaultSpec(kind="error", method="auth.signIn", code=401, message=name))
        assert (await refusal(telegram(account).flow.verify(ANNA, await code_of(server), None))).code is code
        found = await row(harness)
        assert (found.state, found.last_error) == (AccountState.NEW, code)
        assert await telegram(account).flow.start(ANNA)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_a_password_that_telegram_waits_for_no_more_ends_the_log_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """It was taken away in the meantime, say: verifying for ever would not help."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        assert (await refusal(telegram(account).flow.verify(ANNA, await code_of(server), None))).code is Code.TWO_FA_REQUIRED
        server.people.patch(ANNA, PersonPatch(password=""))
        assert (await refusal(telegram(account).flow.verify(ANNA, None, PASSWORD))).code in {Code.NOT_STARTED, Code.CODE_EXPIRED}
        assert (await row(harness)).state is AccountState.NEW
        assert await telegram(account).flow.start(ANNA)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), None)).state == "authorized"


async def test_a_password_whose_answer_was_lost_is_made_good(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram had accepted it: verifying again says that the account is logged in, and so does once more."""
    async with harness.worker().running() as worker:
        account = await begun(worker)
        code = await code_of(server)
        server.operation.inject(FaultSpec(kind="drop_after", method="auth.checkPassword"))
        assert (await refusal(telegram(account).flow.verify(ANNA, code, PASSWORD))).code is Code.TELEGRAM_UNAVAILABLE
        assert (await telegram(account).flow.verify(ANNA, code, PASSWORD)).state == "authorized"
        assert (await refusal(telegram(account).flow.verify(ANNA, code, PASSWORD))).code is Code.ALREADY_AUTHORIZED


async def test_cancelling_a_log_in_that_had_succeeded_unseen_logs_out(harness: ListenerHarness, server: TelegramServer) -> None:
    """Else Telegram would go on listing a session that nobody can end from here."""
    server.people.patch(ANNA, PersonPatch(password=""))
    async with harness.worker().running() as worker:
        account = await begun(worker)
        server.operation.inject(FaultSpec(kind="drop_after", method="auth.signIn"))
        await refusal(telegram(account).flow.verify(ANNA, await code_of(server), None))
        assert len(server.people.authorizations(ANNA)) == 1
        assert (await telegram(account).flow.cancel()).state == "new"
        assert server.people.authorizations(ANNA) == []
