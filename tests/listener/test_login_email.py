"""A log-in e-mail that Telegram wants to be set up first: each step is durable, and none leaves a log-in that nobody can go on with."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from listener.core.account import OwnedAccount
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.states import Reason
from shared.rpc.log_in import LogInCode
from testing.telegram_server.control.specs import CodeSpec, PersonPatch
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, code_of, people, row
from tests.support.listener_harness import ListenerHarness, WorkerHarness, telegram

__all__ = ["people"]
EMAIL = "anna@example.org"


@pytest.fixture(autouse=True)
def email_wanted(server: TelegramServer, people: None) -> None:
    """Telegram wants an e-mail of Anna's."""
    server.people.patch(ANNA, PersonPatch(code=CodeSpec(deliveries=["set_up_email"])))


async def refusal(step: Any) -> AvioError:
    with pytest.raises(AvioError) as refused:
        await step
    return refused.value


async def wanted(worker: WorkerHarness) -> OwnedAccount:
    """Return Anna's account after a start that has told of the e-mail."""
    account = await worker.account(TENANT)
    assert (await refusal(telegram(account).flow.start(ANNA))).code is Code.EMAIL_SETUP_REQUIRED
    return account


async def test_the_log_in_goes_on_once_the_email_is_set_up(harness: ListenerHarness, server: TelegramServer) -> None:
    """The row says at each step what people do next."""
    async with harness.worker().running() as worker:
        account = await wanted(worker)
        assert ((await row(harness)).state, (await row(harness)).reason) == (AccountState.NEW, Reason.EMAIL_WANTED)
        sent = await telegram(account).flow.set_email(EMAIL)
        assert (sent.delivery, sent.length, sent.email_pattern) == ("email", 5, "a***a@example.org")
        assert ((await row(harness)).state, (await row(harness)).reason) == (AccountState.CODE_SENT, Reason.EMAIL_CODE_WANTED)
        told = await telegram(account).flow.verify_email(await code_of(server))
        assert isinstance(told, LogInCode)
        assert (told.delivery, told.email_pattern) == ("email", "a***a@example.org")
        assert (await row(harness)).reason == Reason.CODE_WANTED
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_a_dead_owner_at_each_step_loses_nothing(harness: ListenerHarness, server: TelegramServer) -> None:
    """The next owner goes on from what is stored."""
    steps: list[Any] = [
        lambda flow: refusal(flow.start(ANNA)),
        lambda flow: flow.set_email(EMAIL),
        lambda flow: _with_code(server, flow.verify_email),
        lambda flow: _with_code(server, lambda code: flow.verify(ANNA, code, PASSWORD)),
    ]
    for step in steps:
        async with harness.worker().running() as worker:
            await step(telegram(await worker.account(TENANT)).flow)
            await worker.crash()
            await harness.mark_dead(worker.id)
    assert (await row(harness)).state is AccountState.AUTHORIZED


async def _with_code(server: TelegramServer, step: Any) -> Any:
    return await step(await code_of(server))


async def test_a_proof_whose_answer_was_lost_is_made_good_by_a_start(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram has taken the address: the old log-in is over, and a start has the code sent there."""
    async with harness.worker().running() as worker:
        account = await wanted(worker)
        await telegram(account).flow.set_email(EMAIL)
        code = await code_of(server)
        server.operation.inject(FaultSpec(kind="drop_after", method="account.verifyEmail", phone=ANNA))
        assert (await refusal(telegram(account).flow.verify_email(code))).code is Code.TELEGRAM_UNAVAILABLE
        assert (await refusal(telegram(account).flow.verify_email(code))).code is Code.CODE_EXPIRED
        assert (await row(harness)).state is AccountState.NEW
        started = await telegram(account).flow.start(ANNA)
        assert isinstance(started, LogInCode)
        assert started.email_pattern == "a***a@example.org"
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_two_proofs_at_once_are_one(harness: ListenerHarness, server: TelegramServer) -> None:
    """Both are told of the one log-in code, and so is a repeat."""
    async with harness.worker().running() as worker:
        flow = telegram(await wanted(worker)).flow
        await flow.set_email(EMAIL)
        code = await code_of(server)
        first, second = await asyncio.gather(flow.verify_email(code), flow.verify_email(code))
        for told in (first, second, await flow.verify_email(code)):
            assert isinstance(told, LogInCode)
            assert (told.delivery, told.email_pattern) == ("email", "a***a@example.org")
        assert server.operation.counters()["calls"]["account.verifyEmail"] == 1
        assert (await flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_steps_in_another_order_say_what_comes_first(harness: ListenerHarness, server: TelegramServer) -> None:
    """No log-in, no e-mail, no code at it yet; and no log-in code while the e-mail is being set up."""
    async with harness.worker().running() as worker:
        flow = telegram(await worker.account(TENANT)).flow
        assert (await refusal(flow.set_email(EMAIL))).code is Code.NOT_STARTED
        await wanted(worker)
        assert (await refusal(flow.verify_email("12345"))).code is Code.NOT_STARTED
        for step in (flow.verify(ANNA, "12345", None), flow.resend(), flow.start(ANNA)):
            assert (await refusal(step)).code is Code.EMAIL_SETUP_REQUIRED
        await flow.set_email(EMAIL)
        early = await refusal(flow.verify(ANNA, "12345", None))
        assert (early.code, "auth/email/verify" in early.detail) == (Code.EMAIL_SETUP_REQUIRED, True)
        assert (await refusal(flow.verify_email("00"))).code is Code.INVALID_CODE
        assert (await flow.set_email("other@example.org")).email_pattern == "o***r@example.org"
        assert (await flow.cancel()).state == "new"
        assert (await refusal(flow.set_email(EMAIL))).code is Code.NOT_STARTED
    assert server.operation.counters()["unknown_methods"] == {}
