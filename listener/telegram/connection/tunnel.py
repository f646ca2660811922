"""The way through a tenant's proxy: SOCKS5, or CONNECT of HTTP. It is never passed by: without it there is no connection.

The proxy's name is resolved here and its address checked, at each connect: a tenant's proxy must not reach into this network.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address

from python_socks import ProxyError as Refused
from python_socks import ProxyType as Kind
from python_socks.async_.asyncio import Proxy as Dialer

from shared.model.proxy import Proxy, ProxyType
from shared.public_addresses import is_public

_KINDS = {ProxyType.SOCKS5: Kind.SOCKS5, ProxyType.HTTP: Kind.HTTP}
CONNECT_S = 10.0
_UNREACHABLE = "The proxy cannot be connected to: nothing listens there, or a firewall is in the way."


class Tunnel:
    """Connects through one proxy; `problem` says why the last try failed."""

    def __init__(self, proxy: Proxy, *, private: bool) -> None:
        self._proxy = proxy
        self._private = private
        self.problem: str | None = None

    async def open(self, host: str, port: int, timeout_s: float | None) -> socket.socket:
        """Return a socket that reaches host:port through the proxy; raises ConnectionError, and `problem` has the words."""
        self.problem = None
        try:
            async with asyncio.timeout(timeout_s or CONNECT_S):
                return await self._dialer(await self._address()).connect(host, port)
        except Refused as error:
            self.problem = f"The proxy refused: {error}"
        except (TimeoutError, OSError) as error:
            self.problem = self.problem or ("The proxy did not answer in time." if isinstance(error, TimeoutError) else _UNREACHABLE)
        raise ConnectionError("no way through the proxy")

    def _dialer(self, address: str) -> Dialer:
        proxy = self._proxy
        return Dialer(_KINDS[proxy.type], address, proxy.port, proxy.username, proxy.password, rdns=False)

    async def _address(self) -> str:
        """Return an address of the proxy that it may have."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(self._proxy.host, self._proxy.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            self.problem = "The name of the proxy does not resolve."
            raise ConnectionError from error
        addresses = sorted({str(sockaddr[0]) for *_, sockaddr in found}, key=lambda text: ":" in text)
        for address in addresses:
            if self._private or is_public(ip_address(address.partition("%")[0])):
                return address
        self.problem = "The proxy has a private address, which is not reached from here."
        raise ConnectionError
