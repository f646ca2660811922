"""An id given to a tenant is an address for good: whoever wrote, wherever it was, can be answered by another worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from telethon.tl.types import UpdateMessageID

from listener.core.account import OwnedAccount
from listener.telegram.updates.batch import Batch
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel, TenantId
from shared.store.peers import Peer
from testing.telegram_server.control.specs import GroupSpec, MessageFilter, PersonSpec, SendSpec
from testing.telegram_server.model.group import Kind
from testing.telegram_server.server import TelegramServer
from tests.support.listener_harness import ListenerHarness, WorkerHarness, is_up, loop_of, telegram, until
from tests.support.outgoing import text_to

TENANT = TenantId("11111111-1111-1111-1111-111111111111")
ANNA, ALICE, BEN = "+999661001", "+999661002", "+999661003"


@pytest.fixture(autouse=True)
def people(server: TelegramServer) -> None:
    """Anna, whose account is plugged in; Alice, who is a stranger to her; Ben, whose account is plugged in later."""
    for phone, name in ((ANNA, "Anna"), (ALICE, "Alice"), (BEN, "Ben")):
        server.people.create(PersonSpec(phone=phone, first_name=name))


def id_of(server: TelegramServer, phone: str) -> int:
    return int(server.people.get(phone)["id"])


async def log_in(worker: WorkerHarness, server: TelegramServer, phone: str = ANNA) -> OwnedAccount:
    """Log somebody in by code, and wait until the account has caught up once."""
    account = await worker.account(TENANT)
    await telegram(account).flow.start(phone)
    await telegram(account).flow.verify(phone, str((await server.people.code(phone, wait_s=5))["code"]), None)
    account = await connected(worker)
    await until(lambda: "updates.getDifference" in server.operation.counters()["calls"])  # caught up: from here on it is pushed
    return account


async def connected(worker: WorkerHarness) -> OwnedAccount:
    """Return the account, claimed by this worker, once it is connected."""
    account = await worker.account(TENANT)
    await until(lambda: is_up(account))
    return account


def group_of(server: TelegramServer, kind: Kind) -> str:
    """Make a group of Anna's that Alice is in; return its id."""
    creator, member = (ALICE, ANNA) if kind == "channel" else (ANNA, ALICE)
    return str(server.groups.create(GroupSpec(kind=kind, title="Town", creator=creator, members=[member]))["id"])


@asynccontextmanager
async def delivered(harness: ListenerHarness, server: TelegramServer, to: str, text: str) -> AsyncIterator[dict[str, Any]]:
    """Have Alice write to a group that Anna's account is in; give the message as its event tells of it, that worker being gone."""
    async with harness.worker().running() as first:
        await log_in(first, server)
        server.messages.send(ALICE, SendSpec(to=to, text=text))
        event = await event_with(harness, text)
    yield event


async def event_with(harness: ListenerHarness, text: str) -> dict[str, Any]:
    """Wait for the event of a message; return the message."""
    found: list[dict[str, Any]] = []
    while not any(event["message"]["text"] == text for event in found):
        found += await harness.queued(1)
    return next(event["message"] for event in found if event["message"]["text"] == text)


async def arrived(server: TelegramServer) -> list[str]:
    """Wait until Alice has got something in private."""
    wanted = MessageFilter(direction="in", chat=ANNA)
    return [found["text"] for found in await server.messages.wait(ALICE, 1, wanted=wanted)]


@pytest.mark.parametrize("min_users", ["strangers", "nobody"])
@pytest.mark.parametrize("kind", ["supergroup", "basic"])
async def test_who_wrote_in_a_group_can_be_answered_in_private(
    harness: ListenerHarness, server: TelegramServer, kind: Kind, min_users: str
) -> None:
    """Though Telegram told of them without a usable hash, and the worker that was told is gone."""
    server.operation.settings({"min_users": min_users})
    async with delivered(harness, server, group_of(server, kind), "who can help?") as message, harness.worker().running() as second:
        assert message["sender_id"] == str(id_of(server, ALICE))
        account = await connected(second)
        await telegram(account).send(text_to(str(message["sender_id"]), "I can", 1))
        assert await arrived(server) == ["I can"]


async def test_a_stranger_who_was_answered_once_is_known_for_good(harness: ListenerHarness, server: TelegramServer) -> None:
    """The answer brought their hash: that they delete what they wrote changes nothing any more."""
    group = group_of(server, "supergroup")
    async with delivered(harness, server, group, "who can help?") as message:
        async with harness.worker().running() as second:
            account = await connected(second)
            await telegram(account).send(text_to(str(message["sender_id"]), "I can", 1))
            await until(lambda: (kept := harness.peers.get(TENANT, Channel.TELEGRAM, int(message["sender_id"]))) and kept.whole)
        server.messages.delete(ALICE, int(message["message_id"]), group)
        async with harness.worker().running() as third:
            account = await connected(third)
            await telegram(account).send(text_to(str(message["sender_id"]), "still there?", 2))


async def test_a_stranger_whose_only_message_is_gone_is_not_found(harness: ListenerHarness, server: TelegramServer) -> None:
    """Nothing names them to Telegram any more; that is an answer, not a fault."""
    group = group_of(server, "supergroup")
    async with delivered(harness, server, group, "who can help?") as message, harness.worker().running() as second:
        server.messages.delete(ALICE, int(message["message_id"]), group)
        account = await connected(second)
        with pytest.raises(AvioError) as gone:
            await telegram(account).send(text_to(str(message["sender_id"]), "I can", 1))
        assert gone.value.code is Code.PEER_NOT_FOUND


@pytest.mark.parametrize("kind", ["supergroup", "basic"])
async def test_a_group_can_be_answered_by_its_id(harness: ListenerHarness, server: TelegramServer, kind: Kind) -> None:
    """After a restart, by the account's own hash where one is needed."""
    group = group_of(server, kind)
    async with delivered(harness, server, group, "who can help?") as message, harness.worker().running() as second:
        assert str(message["chat_id"]) == group
        account = await connected(second)
        sent = await telegram(account).send(text_to(group, "I can", 1))
        assert sent.chat_id == int(group)
        wanted = MessageFilter(direction="in", chat=group, contains="I can")
        assert len(await server.messages.wait(ALICE, 1, wanted=wanted)) == 1


async def test_a_channel_that_something_was_delivered_from_is_kept_with_its_hash(harness: ListenerHarness, server: TelegramServer) -> None:
    """Telegram then says who may write there: the account may not, which is another answer than not knowing the channel."""
    channel = group_of(server, "channel")
    async with delivered(harness, server, channel, "news"), harness.worker().running() as second:
        account = await connected(second)
        with pytest.raises(AvioError) as refused:
            await telegram(account).send(text_to(channel, "I can", 1))
        assert refused.value.code is Code.ADMIN_REQUIRED


async def test_another_persons_peers_are_forgotten_when_somebody_else_logs_in(harness: ListenerHarness, server: TelegramServer) -> None:
    """Each account has its own hashes; with another's, everybody it had met would be refused by name."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        server.messages.send(ALICE, SendSpec(to=ANNA, text="hello"))
        await event_with(harness, "hello")
        for number in range(1, 61):
            harness.peers.put(TENANT, Channel.TELEGRAM, Peer(id=-number, kind="chat"))
        assert (await (await worker.account(TENANT)).log_out()).state == AccountState.LOGGED_OUT
        account = await log_in(worker, server, BEN)
        assert await asyncio.to_thread(
            lambda: [harness.peers.get(TENANT, Channel.TELEGRAM, peer) for peer in (id_of(server, ALICE), -60)]
        ) == [
            None,
            None,
        ]
        with pytest.raises(AvioError) as unknown:
            await telegram(account).send(text_to(str(id_of(server, ALICE)), "hi", 1))
        assert unknown.value.code is Code.PEER_NOT_FOUND


async def test_the_same_person_logging_in_again_finds_their_peers(harness: ListenerHarness, server: TelegramServer) -> None:
    """A log-out is no reason to leave somebody without an answer."""
    async with harness.worker().running() as worker:
        await log_in(worker, server)
        server.messages.send(ALICE, SendSpec(to=ANNA, text="hello"))
        message = await event_with(harness, "hello")
        await (await worker.account(TENANT)).log_out()
        account = await log_in(worker, server)
        await telegram(account).send(text_to(str(message["sender_id"]), "I am back", 1))
        assert await arrived(server) == ["I am back"]


async def test_peers_that_a_waiting_event_named_are_not_kept_twice(harness: ListenerHarness, server: TelegramServer) -> None:
    """Events that came before their sender was kept ask again when it is their turn."""
    async with harness.worker().running() as worker:
        account = await log_in(worker, server)
        server.messages.send(ALICE, SendSpec(to=ANNA, text="hello"))
        await event_with(harness, "hello")
        known, ledger = telegram(account).context.peers.known(id_of(server, ALICE)), account.context.ledger
        assert known is not None
        assert ledger is not None
        assert ledger.missing((known.peer,)) == ()


async def test_what_a_difference_tells_of_a_send_settles_its_repeat(harness: ListenerHarness, server: TelegramServer) -> None:
    """Its answer was lost with the worker; of three messages of one text the right one is named."""
    server.operation.settings({"repeated_random_id": "error"})
    async with harness.worker().running() as first:
        account = await log_in(first, server)
        _, lost, _ = [await telegram(account).send(text_to("me", "yes", random_id)) for random_id in (1, 2, 3)]
    async with harness.worker().running() as second:
        account = await connected(second)
        serving = loop_of(account)
        assert serving is not None
        assert serving.client is not None
        await serving._update_handler.take(Batch([UpdateMessageID(lost.message_id, 2)], [], [], None, fetched=True), serving.client.invoke)
        assert await telegram(account).send(text_to("me", "yes", 2)) == lost
