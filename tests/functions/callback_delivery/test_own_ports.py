"""Callbacks never go to a part of the system itself when all parts run on one machine."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from functions.callback_delivery.network import Address
from functions.callback_delivery.post import Poster
from functions.callback_delivery.retry import Answered, Failed, Outcome
from shared.settings import CallbackSettings
from shared.store.tenants import new_tenant_id
from tests.support.callback_network import machine_trust
from tests.support.callback_server import CallbackServer
from tests.support.clock import FakeClock

REFUSED = Failed("address not allowed: a part of Avio listens there")


async def posted(listed: Path, port: int, path: str, address: str = "127.0.0.1") -> Outcome:
    """Post to a name that resolves to an address, with a list of own ports."""

    async def resolve(host: str, port: int) -> list[Address]:
        del host, port
        return [ip_address(address)]

    allowed = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=True, own_ports_file=listed)
    poster = Poster(allowed=allowed, resolve=resolve, trust=machine_trust(), clock=FakeClock(), attempt_s=60)
    try:
        return await poster.post(new_tenant_id(), f"http://anything.example:{port}{path}", {}, b"{}")
    finally:
        await poster.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "127.0.0.2", "::1"])
async def test_a_listed_port_is_not_connected_to_by_any_name_of_this_machine(
    tmp_path: Path, receiver: CallbackServer, address: str
) -> None:
    """By any name; the whole path is compared, and a part that starts later is known at once."""
    listed = tmp_path / "own-ports"
    listed.write_text("1\n")
    if address == "127.0.0.1":
        assert await posted(listed, receiver.port, "/in") == Answered(200, text="ok")
    listed.write_text(f"1\n{receiver.port} /in\n")
    for path in ("", "/", "/tenants", "/in/", "/in/../tenants", "/IN", "/in%2f"):
        assert await posted(listed, receiver.port, path, address) == REFUSED
    assert len(receiver.posted) == (1 if address == "127.0.0.1" else 0)


async def test_callbacks_are_welcome_where_the_list_says_so(tmp_path: Path, receiver: CallbackServer) -> None:
    """The development receiver is one of the API's own routes."""
    listed = tmp_path / "own-ports"
    listed.write_text(f"{receiver.port} /dev/callback-receiver\n")
    assert await posted(listed, receiver.port, "/dev/callback-receiver") == Answered(200, text="ok")


async def test_a_list_that_cannot_be_read_closes_this_machine(tmp_path: Path, receiver: CallbackServer) -> None:
    """Nothing shows then which ports are the system's."""
    assert await posted(tmp_path / "missing", receiver.port, "/in") == REFUSED
