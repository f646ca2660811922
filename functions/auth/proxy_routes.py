"""The proxy through which an account connects to Telegram (contract M6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from functions.auth.routes import CALLER, TELEGRAM, Secret, _clear
from functions.http.access import ManageAccess, ReadAccess
from functions.http.authenticator import Access
from functions.http.dependencies import provided
from functions.http.openapi_responses import errors
from shared.errors import AvioError, Code
from shared.model.ids import Channel
from shared.model.proxy import ProxyType
from shared.rpc.client import OwnerClient
from shared.rpc.command import Command
from shared.rpc.proxy import GetProxy, ProxyShown, RemoveProxy, SetProxy, TestProxy

router = APIRouter(tags=["accounts"])
R = TypeVar("R", bound=BaseModel)
_HOST = r"^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*|[0-9A-Fa-f:.]+)$"


class NewProxy(BaseModel):
    """A proxy. User name, password and secret are kept sealed and never shown."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[ProxyType, Field(description="`mtproxy` is not supported yet.")]
    host: Annotated[str, StringConstraints(max_length=253, pattern=_HOST), Field(description="A public name or address.")]
    port: Annotated[int, Field(ge=1, le=65535)]
    username: Annotated[Secret | None, Field(min_length=1, max_length=255)] = None
    password: Annotated[Secret | None, Field(min_length=1, max_length=255)] = None
    secret: Annotated[Secret | None, Field(min_length=1, max_length=512, description="Of an MTProxy.")] = None


class ProxyView(BaseModel):
    """A proxy, without its secrets."""

    type: ProxyType
    host: str
    port: int
    has_credentials: bool


class NoProxy(BaseModel):
    """The account connects directly."""

    removed: bool = True


class ProxyTest(BaseModel):
    """Whether Telegram was reached through the proxy."""

    works: bool
    took_ms: int
    problem: Annotated[str | None, Field(description="What went wrong, in words.")] = None


@dataclass(frozen=True)
class Proxies:
    """Asks accounts' owners about their proxies."""

    owner: OwnerClient

    def call(self, access: Access, command: Command[R]) -> R:
        """Have the owner run a command."""
        return self.owner.call(access.tenant.id, Channel.TELEGRAM, access.account, command)


AccountProxies = Annotated[Proxies, provided(Proxies)]


@router.put("/tenants/{tenant}/proxy", responses=errors(*CALLER, *TELEGRAM, Code.INVALID_PROXY))
def set_proxy(body: NewProxy, access: ManageAccess, proxies: AccountProxies) -> ProxyView:
    """Have the account connect through this proxy, from now on and always: it connects anew at once, and never past the proxy.

    A proxy that fails leaves the account without a connection; its status then says `proxy_failed`.
    """
    if body.type is ProxyType.MTPROXY:
        raise AvioError(Code.NOT_SUPPORTED, "MTProxy is not supported yet. Use a SOCKS5 or an HTTP proxy.")
    if body.secret is not None:
        raise AvioError(Code.INVALID_PROXY, "`secret` is an MTProxy's. Give a SOCKS5 or an HTTP proxy `username` and `password`.")
    if body.password is not None and body.username is None:
        raise AvioError(Code.INVALID_PROXY, "A password needs a user name.")
    command = SetProxy(type=body.type, host=body.host, port=body.port, username=_clear(body.username), password=_clear(body.password))
    return _view(proxies.call(access, command))


@router.get("/tenants/{tenant}/proxy", responses=errors(*CALLER, *TELEGRAM, Code.NO_PROXY))
def get_proxy(access: ReadAccess, proxies: AccountProxies) -> ProxyView:
    """Show the account's proxy, without its secrets."""
    return _view(proxies.call(access, GetProxy()))


@router.delete("/tenants/{tenant}/proxy", responses=errors(*CALLER, *TELEGRAM))
def remove_proxy(access: ManageAccess, proxies: AccountProxies) -> NoProxy:
    """Have the account connect directly from now on. Removing what is not there is no error."""
    proxies.call(access, RemoveProxy())
    return NoProxy()


@router.post("/tenants/{tenant}/proxy/test", responses=errors(*CALLER, *TELEGRAM, Code.NO_PROXY))
def try_proxy(access: ManageAccess, proxies: AccountProxies) -> ProxyTest:
    """Reach Telegram through the proxy once, over a connection of its own: how long that took, or what went wrong."""
    return ProxyTest(**proxies.call(access, TestProxy()).model_dump())


def _view(shown: ProxyShown) -> ProxyView:
    if shown.type is None:
        raise AvioError(Code.NO_PROXY)
    return ProxyView.model_validate(shown.model_dump())
