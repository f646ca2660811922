"""An operation that is added takes its models and one handler; where a worker has no handler for it, nothing is done."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import pytest

from listener.telegram.channel import HANDLERS, TelegramDriver
from listener.telegram.telegram_account import TelegramAccount
from shared.errors import AvioError, Code
from shared.model.ids import Channel, MessengerId, TenantId
from shared.rpc import wire
from shared.rpc.client import OwnerClient
from shared.rpc.command import VERSION, Command, Result, Since
from shared.rpc.log_in import CancelLogIn
from tests.support.listener_harness import ListenerHarness
from tests.support.worker_interface import interface

TENANT = TenantId("11111111-1111-1111-1111-111111111111")


class Starred(Result):
    """The message that has a star."""

    message_id: MessengerId
    by: str


class StarMessage(Command[Starred]):
    """Star a message."""

    name = "star"
    since = VERSION + 1

    message_id: MessengerId


class CancelLater(CancelLogIn):
    """An operation that there is, with a field of a later version."""

    after_seconds: Annotated[int, Since(VERSION + 1)] = 0


async def _star(account: TelegramAccount, command: StarMessage) -> Starred:
    return Starred(message_id=command.message_id, by=account.context.core.row.state)


class StarringDriver(TelegramDriver):
    """Telegram with one more operation."""

    handlers = {**HANDLERS, **dict([StarMessage.handled_by(_star)])}  # noqa: RUF012


async def call(harness: ListenerHarness, command: Command[Any]) -> object:
    """Call as a function does."""
    client = OwnerClient(harness.accounts, harness.workers)
    try:
        return await asyncio.to_thread(client.call, TENANT, Channel.TELEGRAM, None, command)
    finally:
        client.close()


async def test_an_operation_is_its_models_and_one_handler(harness: ListenerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Client, wire and private interface know nothing of it."""
    monkeypatch.setattr(wire, "VERSION", VERSION + 1)
    async with interface(harness, drivers=[StarringDriver(harness.telegram)]):
        assert await call(harness, StarMessage(message_id="5")) == Starred(message_id="5", by="new")


@pytest.mark.parametrize("command", [StarMessage(message_id="5"), CancelLater(after_seconds=5)], ids=["command", "field"])
async def test_a_worker_that_lacks_it_does_nothing(harness: ListenerHarness, command: StarMessage | CancelLater) -> None:
    """It says so in its answer and its log, and claims no account for it."""
    async with interface(harness):
        with pytest.raises(AvioError) as refused:
            await call(harness, command)
        assert refused.value.code is Code.NOT_SUPPORTED
        assert "deploy the listener" in refused.value.detail
        assert await asyncio.to_thread(harness.accounts.get, TENANT, Channel.TELEGRAM) is None
    assert [line["error"] for line in harness.log.said("command")] == ["not_supported"]


async def test_a_worker_of_an_earlier_version_does_nothing(harness: ListenerHarness) -> None:
    """Though it has a command of that name: what a later version means by it, it cannot know."""
    async with interface(harness, drivers=[StarringDriver(harness.telegram)]):
        with pytest.raises(AvioError) as refused:
            await call(harness, StarMessage(message_id="5"))
        assert refused.value.code is Code.NOT_SUPPORTED
        assert f"version {VERSION + 1} of the command `star`" in refused.value.detail
        assert await asyncio.to_thread(harness.accounts.get, TENANT, Channel.TELEGRAM) is None
