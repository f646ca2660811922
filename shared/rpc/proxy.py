"""The commands about the proxy of an account: set, read, remove, try."""

from __future__ import annotations

from pydantic import Field

from shared.model.proxy import ProxyType
from shared.rpc.command import Command, Result


class ProxyShown(Result):
    """The proxy without its secrets; all None where there is none."""

    type: ProxyType | None = None
    host: str | None = None
    port: int | None = None
    has_credentials: bool = False


class SetProxy(Command[ProxyShown]):
    """Connect through this proxy from now on."""

    name = "proxy/set"
    since = 2
    repeatable = True

    type: ProxyType
    host: str
    port: int
    username: str | None = Field(default=None, repr=False)
    password: str | None = Field(default=None, repr=False)


class GetProxy(Command[ProxyShown]):
    """Say which proxy there is."""

    name = "proxy/get"
    since = 2
    repeatable = True


class RemoveProxy(Command[ProxyShown]):
    """Connect directly from now on."""

    name = "proxy/remove"
    since = 2
    repeatable = True


class ProxyTested(Result):
    """Whether Telegram was reached through the proxy, after how long, and what went wrong."""

    works: bool
    took_ms: int
    problem: str | None = None


class TestProxy(Command[ProxyTested]):
    """Connect through the proxy, ask Telegram for its configuration, and disconnect."""

    __test__ = False

    name = "proxy/test"
    since = 2
    repeatable = True
