"""A network in which every callback's name resolves to this machine."""

from __future__ import annotations

from ipaddress import IPv4Address

from functions.callback_delivery.network import Address
from shared.settings import CallbackSettings

ANYWHERE = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=True)
PATIENT_S = 60.0
"""A time-out that is not reached on a busy machine."""


async def loopback(host: str, port: int) -> list[Address]:
    """Resolve every name to this machine."""
    del host, port
    return [IPv4Address("127.0.0.1")]
