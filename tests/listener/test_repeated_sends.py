"""Sends that Telegram does not answer well: repeated with the same random id, and honest about what is not known."""

from __future__ import annotations

from typing import Any

import pytest

from listener.core import commands
from listener.core.account import OwnedAccount
from listener.telegram.channel import HANDLERS
from listener.telegram.operations import operation_runner
from shared.errors import AvioError, Code
from shared.model.ids import Channel
from shared.rpc.send import SendMessage
from shared.rpc.wire import Addressed
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import TENANT, arrived, log_in, message, people
from tests.support.listener_harness import ListenerHarness, telegram

__all__ = ["people"]
SENDING = "messages.sendMessage"


def fault(server: TelegramServer, **spec: Any) -> None:
    server.operation.inject(FaultSpec.model_validate({"kind": "error", "method": SENDING, **spec}))


async def refusal(account: OwnedAccount) -> AvioError:
    with pytest.raises(AvioError) as refused:
        await telegram(account).send(message("once"))
    return refused.value


@pytest.mark.parametrize(("code", "name"), [(500, "INTERNAL"), (-500, "No workers running"), (-503, "Timeout"), (500, "RPC_CALL_FAIL")])
async def test_a_fault_of_telegrams_own_is_tried_again(harness: ListenerHarness, server: TelegramServer, code: int, name: str) -> None:
    """With the same random id, so that the message is sent, and sent once."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        fault(server, code=code, message=name, times=2)
        assert (await telegram(account).send(message("once"))).message_id
        assert await arrived(server) == ["once"]
        assert server.operation.counters()["calls"][SENDING] == 3


async def test_where_the_fault_lasts_the_outcome_is_unknown(harness: ListenerHarness, server: TelegramServer, monkeypatch: Any) -> None:
    """Telegram may have sent it all the same, so it is never said that nothing happened; one that never got so far is told apart."""
    monkeypatch.setattr(operation_runner, "DEADLINE_S", 1.5)
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        fault(server, times=None)
        told = await refusal(account)
        assert told.code is Code.OUTCOME_UNKNOWN
        assert "second message" in told.detail
        server.operation.clear(None)
        telegram(account).context.peers._known.clear()
        fault(server, method="contacts.resolveUsername", times=None)
        assert (await refusal(account)).code is Code.TELEGRAM_UNAVAILABLE


@pytest.mark.parametrize(
    ("name", "number", "code"),
    [
        ("SLOWMODE_WAIT_9", 420, Code.OUTCOME_UNKNOWN),
        ("FLOOD_WAIT_9", 420, Code.OUTCOME_UNKNOWN),
        ("USER_IS_BLOCKED", 403, Code.BLOCKED_BY_RECIPIENT),
    ],
)
async def test_a_wait_that_answers_a_repeat_settles_nothing(
    harness: ListenerHarness, server: TelegramServer, name: str, number: int, code: Code
) -> None:
    """The first try may be what started the wait; a refusal for good says that nothing was sent."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        fault(server, message="INTERNAL")
        fault(server, code=number, message=name)
        assert (await refusal(account)).code is code


async def test_a_reply_to_no_message_of_the_chat_is_the_callers_mistake(harness: ListenerHarness, server: TelegramServer) -> None:
    """To one of another chat as well; nothing is sent."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        elsewhere = await telegram(account).send(message("a note", "me", 5))
        for number in (4_000_000, elsewhere.message_id):
            with pytest.raises(AvioError) as refused:
                await telegram(account).send(message("an answer", "@alice", number, reply_to=number))
            assert refused.value.code is Code.REPLY_NOT_FOUND
        fault(server, code=400, message="MSG_ID_INVALID")
        with pytest.raises(AvioError) as refused:
            await telegram(account).send(message("an answer", "@alice", 7, reply_to=3))
        assert refused.value.code is Code.REPLY_NOT_FOUND
        await telegram(account).send(message("the first"))
        assert await arrived(server) == ["the first"]


async def test_a_password_that_telegram_wants_at_a_send_is_no_step_of_a_log_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """`2fa_required` is what verify answers."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        fault(server, code=401, message="SESSION_PASSWORD_NEEDED")
        assert (await refusal(account)).code is Code.NOT_AUTHORIZED


@pytest.mark.parametrize("error", [ValueError("Failed to get DC 4"), KeyError("x"), TypeError("x")])
async def test_a_fault_below_a_command_is_not_the_callers(error: Exception) -> None:
    """Only what was checked at the edge is: the rest passes to whoever logs it and answers `internal_error`."""

    class Owner:
        handlers = {Channel.TELEGRAM: HANDLERS}  # noqa: RUF012

        async def account(self, tenant_id: Any, channel: Any) -> OwnedAccount:
            raise error

        def held_account(self, tenant_id: Any, channel: Any) -> None:
            return None

    with pytest.raises(type(error)) as passed:
        await commands.run(Owner(), Addressed(TENANT, Channel.TELEGRAM, SendMessage(to="me", text="x", random_id=1)))
    assert passed.value is error
