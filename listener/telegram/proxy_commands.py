"""The proxy of an account: set, read, removed, tried. A change takes effect at once: the account connects anew."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address

from listener.telegram.connection.client import connected
from listener.telegram.telegram_account import TelegramAccount
from shared.errors import AvioError, Code
from shared.model.proxy import Proxy, ProxyType
from shared.public_addresses import is_public
from shared.rpc.proxy import GetProxy, ProxyShown, ProxyTested, RemoveProxy, SetProxy, TestProxy

TEST_S = 15.0


async def set_proxy(account: TelegramAccount, command: SetProxy) -> ProxyShown:
    """Store the proxy, and have the account connect through it."""
    if command.type is ProxyType.MTPROXY:
        raise AvioError(Code.NOT_SUPPORTED, "MTProxy is not supported yet. Use a SOCKS5 or an HTTP proxy.")
    if not account.context.endpoint.moves and not _may_be_public(command.host):
        raise AvioError(Code.INVALID_PROXY, "The proxy's host must be reachable from the internet: a public name or address.")
    proxy = Proxy(**command.model_dump())
    await _change(account, proxy)
    return _shown(proxy)


async def get_proxy(account: TelegramAccount, _: GetProxy) -> ProxyShown:
    """Return the proxy without its secrets."""
    return _shown(account.context.core.proxy)


async def remove_proxy(account: TelegramAccount, _: RemoveProxy) -> ProxyShown:
    """Have the account connect directly."""
    await _change(account, None)
    return _shown(None)


async def try_proxy(account: TelegramAccount, _: TestProxy) -> ProxyTested:
    """Connect with a key of its own, which Telethon's connect does by asking for the configuration; the account is not disturbed."""
    if account.context.core.proxy is None:
        raise AvioError(Code.NO_PROXY)
    core, endpoint = account.context.core, account.context.endpoint
    loop = asyncio.get_running_loop()
    began, problem = loop.time(), None
    try:
        async with connected(endpoint.new_session(), None, core.guard, endpoint, deadline_s=TEST_S):
            pass
    except AvioError as error:
        problem = error.detail
    return ProxyTested(works=problem is None, took_ms=round((loop.time() - began) * 1000), problem=problem)


async def _change(account: TelegramAccount, proxy: Proxy | None) -> None:
    if account.context.core.proxy != proxy:
        await account.context.core.save_proxy(proxy)
        account.reconnect()


def _shown(proxy: Proxy | None) -> ProxyShown:
    if proxy is None:
        return ProxyShown()
    return ProxyShown(type=proxy.type, host=proxy.host, port=proxy.port, has_credentials=proxy.username is not None)


def _may_be_public(host: str) -> bool:
    try:
        return is_public(ip_address(host))
    except ValueError:
        return "." in host
