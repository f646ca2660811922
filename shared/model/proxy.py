"""The proxy through which an account connects to its messenger."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from shared.model.frozen import StoredModel


class ProxyType(StrEnum):
    """How a proxy is spoken to."""

    SOCKS5 = "socks5"
    HTTP = "http"
    MTPROXY = "mtproxy"


class Proxy(StoredModel):
    """A proxy. User name and password are never shown."""

    type: ProxyType
    host: str
    port: int
    username: str | None = Field(None, repr=False)
    password: str | None = Field(None, repr=False)
