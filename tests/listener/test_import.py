"""Sessions of other clients, taken over: made by a plain Telethon client at the test server, and used by a listener (M6)."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from telethon.sessions import StringSession

from listener.core.account import OwnedAccount
from listener.telegram.session_import import import_session
from shared import session_strings
from shared.errors import AvioError, Code
from shared.model.account import AccountState
from shared.model.ids import Channel, Epoch, TenantId
from shared.rpc.import_session import ImportSession
from shared.store.session_key_claims import SessionKeyClaims, Unowned, fingerprint
from testing.telegram_server.control.specs import PersonPatch
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, message, people, row, texts, write
from tests.support.listener_harness import TENANTS, ListenerHarness, is_up, telegram, until
from tests.testing.telegram_server.accounts import log_in, new_client

__all__ = ["people"]
OTHER = TENANTS[1]


@pytest.fixture
async def elsewhere(server: TelegramServer) -> str:
    """Anna's session in another client, which has stopped."""
    client = new_client(server, device_model="Elsewhere")
    try:
        await log_in(client, server, ANNA, PASSWORD)
        return str(client.session.save())
    finally:
        await client.disconnect()


def command(text: str, **more: Any) -> ImportSession:
    """Return the command for a session string."""
    found = session_strings.read(text)
    return ImportSession(dc_id=found.dc_id, auth_key=base64.b64encode(found.auth_key), user_id=found.user_id, **more)


async def taken_over(account: OwnedAccount, text: str, **more: Any) -> str:
    """Import a session; return the account's state."""
    return (await import_session(telegram(account), command(text, **more))).state


async def refusal(account: OwnedAccount, text: str, **more: Any) -> Code:
    """Return why an import is refused."""
    with pytest.raises(AvioError) as refused:
        await taken_over(account, text, **more)
    return refused.value.code


def claims(harness: ListenerHarness) -> list[str]:
    """Return the sort keys of all that is stored of claims."""
    found = harness.aws.client("dynamodb").scan(TableName=harness.aws.table_name)["Items"]
    return sorted(item["sk"]["S"] for item in found if "KEYCLAIM" in item["pk"]["S"] + item["sk"]["S"])


async def test_a_session_from_elsewhere_is_an_account_like_any_other(
    harness: ListenerHarness, server: TelegramServer, elsewhere: str
) -> None:
    """It receives from now on, sends, is shown as ours, and logs out; then its key may be claimed again."""
    write(server, "before")
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        assert await taken_over(account, elsewhere, phone=ANNA) == "authorized"
        await until(lambda: is_up(account))
        found = await row(harness)
        assert (found.state, found.phone, found.user_id) == (AccountState.AUTHORIZED, ANNA, str(server.people.get(ANNA)["id"]))
        write(server, "after")
        assert texts(await harness.queued(1)) == ["after"]
        assert (await telegram(account).send(message("hi"))).message_id
        (authorization,) = server.people.authorizations(ANNA)
        assert authorization["device_model"] == "Avio"
        assert len(claims(harness)) == 2
        with pytest.raises(AvioError) as again:
            await taken_over(account, elsewhere)
        assert again.value.code is Code.ALREADY_AUTHORIZED
        assert (await account.log_out()).state == "logged_out"
        assert server.people.authorizations(ANNA) == []
    assert claims(harness) == []
    assert server.operation.counters()["auth_key_duplicated"] == 0
    assert server.operation.counters()["unknown_methods"] == {}


async def test_one_session_is_one_accounts(harness: ListenerHarness, server: TelegramServer, elsewhere: str) -> None:
    """Another tenant is refused before anything connects: two owners would have Telegram end it."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await taken_over(account, elsewhere)
        await until(lambda: is_up(account))
        accepted = server.operation.counters()["connections_accepted"]
        assert await refusal(await worker.account(OTHER), elsewhere) is Code.SESSION_IN_USE
        assert server.operation.counters()["connections_accepted"] == accepted
        await account.log_out()
        assert await refusal(await worker.account(OTHER), elsewhere) is Code.SESSION_REVOKED


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("AUTH_KEY_UNREGISTERED", Code.SESSION_REVOKED),
        ("SESSION_REVOKED", Code.SESSION_REVOKED),
        ("USER_DEACTIVATED_BAN", Code.PHONE_BANNED),
    ],
)
async def test_a_session_that_telegram_has_ended_is_refused(
    harness: ListenerHarness, server: TelegramServer, elsewhere: str, reason: str, code: Code
) -> None:
    """Nothing of it stays, and a log-in by phone goes on as ever."""
    server.people.revoke(ANNA, None, reason)
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        assert await refusal(account, elsewhere) is code
        assert (await row(harness)).state is AccountState.NEW
        assert claims(harness) == []
        await telegram(account).flow.start(ANNA)


async def test_a_key_that_telegram_does_not_know_is_refused(harness: ListenerHarness, server: TelegramServer) -> None:
    """As one that was ended."""
    unknown = "1" + base64.urlsafe_b64encode(b"\x02\x7f\x00\x00\x01\x01\xbb" + bytes(range(256))).decode()
    async with harness.worker().running() as worker:
        assert await refusal(await worker.account(TENANT), unknown) is Code.SESSION_REVOKED


async def test_an_address_in_a_string_is_never_connected_to(harness: ListenerHarness, server: TelegramServer, elsewhere: str) -> None:
    """Only the data centre's number counts."""
    session = StringSession(elsewhere)
    session.set_dc(session.dc_id, "127.0.0.1", 9)
    async with harness.worker().running() as worker:
        assert await taken_over(await worker.account(TENANT), session.save()) == "authorized"
        session.set_dc(3, "127.0.0.1", server.port)
        assert await refusal(await worker.account(OTHER), session.save()) is Code.INVALID_SESSION


async def test_what_was_said_of_a_session_must_hold(harness: ListenerHarness, elsewhere: str) -> None:
    """Its user and its phone, where they were given."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        assert await refusal(account, elsewhere, phone="+15550100999") is Code.INVALID_SESSION
        wrong = command(elsewhere).model_copy(update={"user_id": 5})
        with pytest.raises(AvioError) as refused:
            await import_session(telegram(account), wrong)
        assert refused.value.code is Code.INVALID_SESSION
        assert claims(harness) == []
        assert await taken_over(account, elsewhere, phone=ANNA) == "authorized"


async def test_an_import_that_dies_can_be_repeated(harness: ListenerHarness, server: TelegramServer, elsewhere: str) -> None:
    """After the claim: by the same account, and by no other."""
    async with harness.worker().running() as first:
        account = await first.account(TENANT)
        assert await account.context.claim_session_key(command(elsewhere).auth_key)
        await first.crash()
        await harness.mark_dead(first.id)
    async with harness.worker().running() as second:
        assert await refusal(await second.account(OTHER), elsewhere) is Code.SESSION_IN_USE
        assert await taken_over(await second.account(TENANT), elsewhere) == "authorized"


async def test_an_import_ends_a_log_in_under_way(harness: ListenerHarness, server: TelegramServer, elsewhere: str) -> None:
    """And another worker holds the account after a death of its owner."""
    async with harness.worker().running() as first:
        account = await first.account(TENANT)
        await telegram(account).flow.start(ANNA)
        await taken_over(account, elsewhere)
        await first.crash()
        await harness.mark_dead(first.id)
    async with harness.worker().running() as second:
        account = await second.account(TENANT)
        await until(lambda: is_up(account))
        assert (await row(harness)).state is AccountState.AUTHORIZED


async def test_a_moved_account_says_so(harness: ListenerHarness, server: TelegramServer, elsewhere: str) -> None:
    """Its key opens nothing there."""
    server.people.patch(ANNA, PersonPatch(dc=4))
    async with harness.worker().running() as worker:
        assert await refusal(await worker.account(TENANT), elsewhere) is Code.SESSION_REVOKED


async def test_a_claim_is_under_the_epoch_of_the_owner(harness: ListenerHarness) -> None:
    """A worker that has lost the account claims nothing."""
    store, print_ = SessionKeyClaims(harness.table), fingerprint(b"key")
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        epoch = account.context.row.epoch
        assert store.claim(TENANT, Channel.TELEGRAM, epoch, print_)
        assert store.claim(TENANT, Channel.TELEGRAM, epoch, print_)
        with pytest.raises(Unowned):
            store.claim(TENANT, Channel.TELEGRAM, Epoch(epoch + 1), print_)
        with pytest.raises(Unowned):
            store.claim(TenantId("99999999-9999-9999-9999-999999999999"), Channel.TELEGRAM, epoch, print_)
    store.release(TENANT, Channel.TELEGRAM)
    assert claims(harness) == []
