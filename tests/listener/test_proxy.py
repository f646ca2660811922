"""The proxy of an account: all its connections go through it, and none past it (M6)."""

from __future__ import annotations

from typing import Any

import pytest

from listener.core.account import OwnedAccount
from listener.telegram.connection.tunnel import Tunnel
from listener.telegram.proxy_commands import get_proxy, remove_proxy, set_proxy, try_proxy
from shared.errors import AvioError, Code
from shared.model.ids import Channel
from shared.model.proxy import Proxy, ProxyType
from shared.rpc.proxy import GetProxy, ProxyShown, ProxyTested, RemoveProxy, SetProxy, TestProxy
from shared.store import keys
from shared.store.proxies import ProxyStore
from testing.telegram_server.server import TelegramServer
from tests.support.account_scenario import ANNA, PASSWORD, TENANT, code_of, connected, log_in, message, people
from tests.support.listener_harness import ListenerHarness, is_up, telegram, until
from tests.support.proxy_server import ProxyServer, proxy_server

__all__ = ["people"]
NAME, SECRET = "tenant", "s3cret-of-the-proxy"


def through(proxy: ProxyServer, kind: ProxyType = ProxyType.SOCKS5, **more: Any) -> SetProxy:
    """Return the command that sets a proxy, with its credentials."""
    name, password = proxy.credentials or (None, None)
    return SetProxy(**{"type": kind, "host": "127.0.0.1", "port": proxy.port, "username": name, "password": password, **more})


async def tried(account: OwnedAccount) -> ProxyTested:
    """Try the account's proxy."""
    return await try_proxy(telegram(account), TestProxy())


@pytest.mark.parametrize("kind", [ProxyType.SOCKS5, ProxyType.HTTP])
@pytest.mark.parametrize("credentials", [None, (NAME, SECRET)])
async def test_everything_of_an_account_goes_through_its_proxy(
    harness: ListenerHarness, server: TelegramServer, kind: ProxyType, credentials: tuple[str, str] | None
) -> None:
    """Log-in, the test, receiving, sending, logging out, and what another owner does: as many connections there as at Telegram."""
    async with proxy_server(credentials) as proxy:
        async with harness.worker().running() as first:
            account = await first.account(TENANT)
            shown = await set_proxy(telegram(account), through(proxy, kind))
            assert shown == ProxyShown(type=kind, host="127.0.0.1", port=proxy.port, has_credentials=credentials is not None)
            result = await tried(account)
            assert (result.works, result.problem) == (True, None)
            await log_in(first, server)
            await first.crash()
            await harness.mark_dead(first.id)
        async with harness.worker().running() as second:
            account = await second.account(TENANT)
            await connected(account)
            assert await get_proxy(telegram(account), GetProxy()) == shown
            assert (await telegram(account).send(message("hi"))).message_id
            assert (await account.log_out()).state == "logged_out"
        assert set(proxy.reached) == {server.port}
        assert len(proxy.reached) == server.operation.counters()["connections_accepted"]


async def test_a_change_takes_effect_by_connecting_anew(harness: ListenerHarness, server: TelegramServer) -> None:
    """To a proxy, to another, and away from it."""
    async with proxy_server() as one, proxy_server() as other, harness.worker().running() as worker:
        account = await log_in(worker, server)
        await set_proxy(telegram(account), through(one))
        await until(lambda: one.reached and is_up(account))
        await set_proxy(telegram(account), through(other, ProxyType.HTTP))
        await until(lambda: other.reached and is_up(account))
        accepted = server.operation.counters()["connections_accepted"]
        await remove_proxy(telegram(account), RemoveProxy())
        await until(lambda: server.operation.counters()["connections_accepted"] > accepted and is_up(account))
        assert (len(one.reached), len(other.reached)) == (1, 1)
        assert await get_proxy(telegram(account), GetProxy()) == ProxyShown()


async def test_a_proxy_that_fails_is_never_passed_by(harness: ListenerHarness, server: TelegramServer) -> None:
    """The account is not connected, says why, and comes back with the proxy."""
    async with proxy_server() as proxy, harness.worker().running() as worker:
        account = await log_in(worker, server)
        await set_proxy(telegram(account), through(proxy))
        await until(lambda: proxy.reached and is_up(account))
        accepted = server.operation.counters()["connections_accepted"]
        proxy.refuses = True
        proxy.cut()
        await until(lambda: telegram(account).live.last_error == Code.PROXY_FAILED)
        assert not telegram(account).live.connected
        assert server.operation.counters()["connections_accepted"] == accepted
        assert "refused" in str((await tried(account)).problem)
        proxy.refuses = False
        telegram(account).reconnect()
        await until(lambda: is_up(account))


async def test_a_log_in_through_a_proxy_that_fails_says_so(harness: ListenerHarness, server: TelegramServer) -> None:
    """With what is wrong with it: wrong password, nothing there."""
    async with proxy_server((NAME, SECRET)) as proxy, harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await set_proxy(telegram(account), through(proxy, password="wrong"))
        with pytest.raises(AvioError) as refused:
            await telegram(account).flow.start(ANNA)
        assert refused.value.code is Code.PROXY_FAILED
        await set_proxy(telegram(account), through(proxy, port=9))
        assert "nothing listens" in str((await tried(account)).problem)
        assert server.operation.counters()["connections_accepted"] == 0
        await set_proxy(telegram(account), through(proxy))
        await telegram(account).flow.start(ANNA)
        assert (await telegram(account).flow.verify(ANNA, await code_of(server), PASSWORD)).state == "authorized"


async def test_what_is_stored_is_sealed_and_erased_with_the_account(harness: ListenerHarness) -> None:
    """Under a context of its own; nothing of it in the log."""
    async with proxy_server((NAME, SECRET)) as proxy, harness.worker().running() as worker:
        account = await worker.account(TENANT)
        await set_proxy(telegram(account), through(proxy))
        stored = str(harness.aws.client("dynamodb").scan(TableName=harness.aws.table_name)["Items"])
        assert "PROXY#telegram" in stored
        assert SECRET not in stored + str(harness.log)
        assert ProxyStore(harness.table, harness.envelope).get(TENANT, Channel.TELEGRAM) == account.context.proxy
        await account.context.erase_account()
        assert "PROXY#" not in str(harness.aws.client("dynamodb").scan(TableName=harness.aws.table_name)["Items"])


async def test_a_row_of_an_earlier_version_does_not_pass_the_proxy_by(harness: ListenerHarness) -> None:
    """It does not say whether there is a proxy, so the proxy is looked for. A row that says so is believed."""
    async with proxy_server() as proxy:
        async with harness.worker().running() as first:
            await set_proxy(telegram(await first.account(TENANT)), through(proxy))
            await first.crash()
            await harness.mark_dead(first.id)
        harness.table.update(keys.account(TENANT, Channel.TELEGRAM), "REMOVE proxied", {})
        async with harness.worker().running() as second:
            account = await second.account(TENANT)
            assert (await tried(account)).works
            assert account.context.row.proxied is None
            await remove_proxy(telegram(account), RemoveProxy())
            assert account.context.row.proxied is False


async def test_without_a_proxy_there_is_none_to_try(harness: ListenerHarness) -> None:
    """And MTProxy is not supported yet."""
    async with harness.worker().running() as worker:
        account = await worker.account(TENANT)
        with pytest.raises(AvioError) as refused:
            await tried(account)
        assert refused.value.code is Code.NO_PROXY
        with pytest.raises(AvioError) as unsupported:
            await set_proxy(telegram(account), SetProxy(type=ProxyType.MTPROXY, host="127.0.0.1", port=1))
        assert unsupported.value.code is Code.NOT_SUPPORTED


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "10.0.0.1", "169.254.169.254"])
async def test_a_private_address_is_not_connected_to(host: str) -> None:
    """Whatever the name resolves to, at each connect."""
    tunnel = Tunnel(Proxy(type=ProxyType.SOCKS5, host=host, port=1080), private=False)
    with pytest.raises(ConnectionError):
        await tunnel.open("127.0.0.1", 1, 5)
    assert "private" in str(tunnel.problem)
