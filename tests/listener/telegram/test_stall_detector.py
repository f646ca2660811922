"""Stalls: updates that Telegram has and does not send are noticed, requested, and at last end the connection."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from telethon import errors

from listener.telegram.connection.client import Client
from listener.telegram.connection.keepalive import KeepaliveTimings
from listener.telegram.connection.stall_detector import Stalled, detect_stall
from testing.telegram_server.control.specs import ConnectionSpec
from testing.telegram_server.faults import FaultSpec
from tests.listener.telegram.chats import InboundPipeline, chats_of, serving, until_idle
from tests.listener.telegram.clients import ANN, DEADLINE_S, BatchRecorder, TelegramHarness, ends
from tests.support.listener_harness import until

SOON_S = 0.2
PATIENT_S = 2.0  # for updates that must arrive in time, on a slow machine


async def checked(client: Client, patience_s: float = SOON_S) -> None:
    """Compare once."""
    assert client.receiver is not None
    await detect_stall(client, client.receiver, patience_s)


async def test_an_account_that_is_up_to_date_is_confirmed(telegram: TelegramHarness) -> None:
    """By a difference at first, by an equal state later, which fetches nothing."""
    account, recorder = await telegram.log_in(), BatchRecorder()
    async with telegram.serving(account, recorder) as client:
        await until(lambda: client.synced_at)
        fetched, before = telegram.counted("calls")["updates.getDifference"], client.synced_at
        await checked(client)
        assert client.synced_at is not before
        assert telegram.counted("calls")["updates.getDifference"] == fetched


async def test_a_push_that_never_came_is_asked_for(telegram: TelegramHarness, caplog: pytest.LogCaptureFixture) -> None:
    """No later push shows the gap: without the comparison the message would take 15 minutes."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in())
    async with serving(telegram, inbound) as client:
        await until_idle(client)
        telegram.server.operation.inject(FaultSpec(kind="lose_push", phone=ANN))
        chats.write("private")
        await checked(client, PATIENT_S)
        assert inbound.ledger.latest.pts == inbound.ledger.durable.pts
        await until(lambda: inbound.holds(chats))
    assert "updates stalled" in caplog.messages


async def test_a_difference_that_is_never_answered_ends_the_connection(telegram: TelegramHarness) -> None:
    """Everything else works; the next connection starts from the saved state and loses nothing."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in())
    chats.write("private")
    telegram.server.operation.inject(FaultSpec(kind="ignore", method="updates.getDifference", phone=ANN))
    async with serving(telegram, inbound) as client:
        assert isinstance(await ends(client.serve(timings=KeepaliveTimings(check_every_s=0.01, patience_s=SOON_S))), Stalled)
        assert not client.up
    async with serving(telegram, inbound):
        await until(lambda: inbound.holds(chats))


async def test_a_channels_difference_that_is_never_answered_ends_the_connection(telegram: TelegramHarness) -> None:
    """The account's own state does not show it."""
    chats = chats_of(telegram, ["channel"])
    inbound = InboundPipeline(await telegram.log_in())
    chats.write("channel")
    telegram.server.operation.inject(FaultSpec(kind="ignore", method="updates.getChannelDifference", phone=ANN))
    async with serving(telegram, inbound) as client:
        await until(lambda: client.message_box.getting_diff_for)
        with pytest.raises(Stalled):
            await checked(client)


async def test_a_batch_that_waits_for_room_is_no_stall(telegram: TelegramHarness, caplog: pytest.LogCaptureFixture) -> None:
    """The queue may be unavailable for hours; that is not Telegram's fault."""
    chats = chats_of(telegram, ["private"])
    inbound = InboundPipeline(await telegram.log_in(), bound=10)
    inbound.held = True
    chats.write("private", 150)
    telegram.server.operation.inject(FaultSpec(kind="difference_too_long", phone=ANN))
    async with serving(telegram, inbound) as client:
        await until(lambda: inbound.ledger._size == 100)
        checking = asyncio.create_task(checked(client, PATIENT_S))
        stalls = asyncio.create_task(asyncio.sleep(1.2 * PATIENT_S))
        await asyncio.wait((checking, stalls), return_when=asyncio.FIRST_COMPLETED)
        assert not checking.done()
        assert "updates stalled" not in caplog.messages  # logged after `patience_s`; Stalled follows after another
        inbound.held = False
        inbound.accept()
        await asyncio.wait_for(checking, DEADLINE_S)
        assert client.synced_at is not None


@pytest.mark.parametrize("fault", [{"kind": "flood_wait", "seconds": 60}, {"kind": "error", "code": 500}])
async def test_passing_faults_of_telegram_are_no_stall(telegram: TelegramHarness, fault: dict[str, Any]) -> None:
    """The next comparison decides."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        await until(lambda: client.synced_at)
        client.synced_at = None
        telegram.server.operation.inject(FaultSpec.model_validate({**fault, "method": "updates.getState"}))
        await checked(client)
        assert (client.synced_at, client.up) == (None, True)


async def test_a_session_that_ended_is_noticed_by_checking(telegram: TelegramHarness) -> None:
    """The error names the reason."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        await until(lambda: client.synced_at)
        telegram.server.operation.inject(FaultSpec(kind="error", code=401, message="SESSION_REVOKED", method="updates.getState"))
        assert isinstance(await ends(client.serve(timings=KeepaliveTimings(check_every_s=0.01))), errors.SessionRevokedError)


async def test_a_dead_link_is_no_stall(telegram: TelegramHarness) -> None:
    """A missing answer decides nothing: pings end the connection."""
    account = await telegram.log_in()
    async with telegram.serving(account, BatchRecorder()) as client:
        await until(lambda: client.synced_at)
        telegram.server.operation.stall(ConnectionSpec(person=ANN))
        assert await ends(client.serve(timings=KeepaliveTimings(ping_every_s=0.05, ping_deadline_s=0.1, check_every_s=0.01))) is None
