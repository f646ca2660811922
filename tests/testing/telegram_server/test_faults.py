"""What goes wrong on demand."""

from __future__ import annotations

import asyncio

import pytest
from telethon import errors, functions, types

from testing.telegram_server.control.errors import ControlError
from testing.telegram_server.control.specs import ConnectionSpec, MessageFilter, SendSpec
from testing.telegram_server.faults import FaultSpec
from testing.telegram_server.mtproto.raw import UNKNOWN
from testing.telegram_server.server import TelegramServer
from tests.testing.telegram_server.accounts import ANN, BOB, WAIT_S, Inbox, logged_in, new_client

EVERY_CHAT = functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), 100, 0)


async def test_a_flood_wait_hits_one_account_and_method_and_passes(server: TelegramServer) -> None:
    """FLOOD_WAIT_n for Ann's sends, twice; other methods and other people go on."""
    async with logged_in(server, ANN) as ann, logged_in(server, BOB) as bob:
        server.operation.inject(FaultSpec(kind="flood_wait", phone=ANN, method="messages.sendMessage", seconds=33, times=2))
        peer = await ann.get_input_entity("bob_ray")
        for _ in range(2):
            with pytest.raises(errors.FloodWaitError) as wait:
                await ann._sender.send(functions.messages.SendMessageRequest(peer, "hi"))
            assert wait.value.seconds == 33
        await bob.send_message("ann_lee", "hi")
        await ann._sender.send(functions.messages.SendMessageRequest(peer, "hi"))
    assert server.operation.faults() == []
    assert server.operation.counters()["faults_applied"] == 2


async def test_any_error_until_it_is_cleared(server: TelegramServer) -> None:
    """An arbitrary RPC error for everybody stays until it is taken away."""
    async with logged_in(server, ANN) as ann:
        fault = server.operation.inject(FaultSpec(kind="error", code=500, message="INTERNAL", times=None))
        for _ in range(3):
            with pytest.raises(errors.ServerError):
                await ann._sender.send(functions.updates.GetStateRequest())
        server.operation.clear(fault["number"])
        assert await ann._sender.send(functions.updates.GetStateRequest())
        with pytest.raises(ControlError, match="no fault"):
            server.operation.clear(fault["number"])


async def test_a_fault_hits_a_phone_that_is_not_logged_in_yet(server: TelegramServer) -> None:
    """A log-in's calls are known by their phone number."""
    server.operation.inject(FaultSpec(kind="flood_wait", phone=ANN, method="auth.sendCode", seconds=90))
    client = new_client(server)
    await client.connect()
    await client.send_code_request(BOB)
    with pytest.raises(errors.FloodWaitError):
        await client.send_code_request(ANN)
    await client.disconnect()


async def test_a_delayed_call_is_executed_late(server: TelegramServer) -> None:
    """Calls after the delayed one are answered before it."""
    async with logged_in(server, ANN) as ann:
        server.operation.inject(FaultSpec(kind="delay", method="messages.sendMessage", seconds=1))
        late = asyncio.ensure_future(ann.send_message("me", "late"))
        early = asyncio.ensure_future(ann(functions.updates.GetStateRequest()))
        done, _ = await asyncio.wait([late, early], return_when=asyncio.FIRST_COMPLETED)
        assert done == {early}
        assert (await late).raw_text == "late"


@pytest.mark.parametrize("method", ["updates.getState", "messages.getDialogs"])
async def test_an_answer_may_be_unreadable(server: TelegramServer, method: str) -> None:
    """What was asked for is done; the answer ends in a constructor that no layer has, in its first list or altogether."""
    async with logged_in(server, ANN) as ann:
        await ann.send_message("me", "a chat")
        server.operation.inject(FaultSpec(kind="unreadable", method=method))
        ask = {"updates.getState": functions.updates.GetStateRequest(), "messages.getDialogs": EVERY_CHAT}[method]
        with pytest.raises(errors.TypeNotFoundError) as told:
            await ann._sender.send(ask)
        assert told.value.remaining[:4] == UNKNOWN
        assert await ann._sender.send(ask)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before"])
async def test_a_connection_lost_around_a_send_makes_one_message(server: TelegramServer, kind: str) -> None:
    """Whether the answer or the request was lost, Telethon sends again with the same random_id and Bob gets it once."""
    async with logged_in(server, ANN) as ann:
        await ann.get_input_entity("bob_ray")
        server.operation.inject(FaultSpec.model_validate({"kind": kind, "method": "messages.sendMessage"}))
        await ann.send_message("bob_ray", "once")
    assert [message["text"] for message in server.messages.select(BOB)] == ["once"]
    assert len(server.messages.select(ANN, MessageFilter(chat=BOB))) == 1
    counters = server.operation.counters()
    assert counters["calls"]["messages.sendMessage"] == 2
    assert counters["sends_deduplicated"] == (1 if kind == "drop_after" else 0)


async def test_an_ignored_call_is_never_answered(server: TelegramServer) -> None:
    """The call hangs while the connection lives."""
    async with logged_in(server, ANN) as ann:
        server.operation.inject(FaultSpec(kind="ignore", method="updates.getState"))
        hanging = asyncio.ensure_future(ann(functions.updates.GetStateRequest()))
        assert await ann.get_me()
        assert not hanging.done()
        hanging.cancel()


async def test_a_stalled_connection_hangs_and_resumes(server: TelegramServer) -> None:
    """Nothing comes through a stalled link, everything once it resumes."""
    async with logged_in(server, BOB) as bob:
        inbox = Inbox(bob)
        assert server.operation.stall(ConnectionSpec(person=BOB)) == 1
        hanging = asyncio.ensure_future(bob(functions.updates.GetStateRequest()))
        server.messages.send(ANN, SendSpec(to=BOB, text="waits"))
        assert [each["person_id"] for each in server.operation.connections()] == [server.people.get(BOB)["id"]]
        assert not hanging.done()
        assert inbox.empty
        server.operation.resume(ConnectionSpec(person=BOB))
        assert (await inbox.next()).raw_text == "waits"
        assert await asyncio.wait_for(hanging, WAIT_S)


async def test_an_outage_refuses_connections(server: TelegramServer) -> None:
    """With `accepting` false nobody gets in; afterwards all is well."""
    server.operation.settings({"accepting": False})
    client = new_client(server, connection_retries=1)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await client.connect()
    server.operation.settings({"accepting": True})
    async with logged_in(server, ANN) as ann:
        assert await ann.get_me()
    await client.disconnect()


async def test_an_unknown_method_fails_loudly_and_is_counted(server: TelegramServer) -> None:
    """The error names the method and its constructor, and the counter lets a test assert that there were none."""
    async with logged_in(server, ANN) as ann:
        with pytest.raises(errors.BadRequestError) as refused:
            await ann(functions.messages.GetStickersRequest("", 0))
        assert "messages.getStickers#d5a5d3a1" in str(refused.value)
    assert server.operation.counters()["unknown_methods"] == {"messages.getStickers#d5a5d3a1": 1}
