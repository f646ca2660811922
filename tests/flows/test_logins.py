"""Accounts that live elsewhere, come from elsewhere, or go through a proxy: through API Gateway and everything behind it."""

from __future__ import annotations

import asyncio
import base64
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.flows.customer import Customer, until
from tests.support.proxy_server import ProxyServer, proxy_server


def session_string(secret: str, dc_id: int = 2) -> str:
    """Return a key as Telethon's string, with an address that nobody listens at."""
    packed = struct.pack(">B4sH256s", dc_id, bytes([127, 0, 0, 1]), 9, base64.b64decode(secret))
    return "1" + base64.urlsafe_b64encode(packed).decode()


@contextmanager
def running_proxy() -> Iterator[ProxyServer]:
    """Run a proxy beside the test."""
    ready, stop = threading.Event(), threading.Event()
    found: list[ProxyServer] = []

    async def serve() -> None:
        async with proxy_server(("name", "password")) as proxy:
            found.append(proxy)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(30)
        yield found[0]
    finally:
        stop.set()
        thread.join()


def test_who_lives_at_another_data_centre_logs_in_as_anybody(customer: Customer) -> None:
    """A2, L7: Telegram sends the log-in on, and nobody notices."""
    customer.phones.change_person(customer.phone, dc=4)
    customer.log_in()
    assert customer.phones.authorizations(customer.phone)[0]["dc"] == 4
    customer.friend_writes("to the other data centre")
    customer.got("to the other data centre")


def test_a_session_from_elsewhere_is_taken_over(customer: Customer) -> None:
    """M6: it receives and sends; it is one tenant's; it logs out as any other."""
    (made,) = customer.phones.authorize([customer.phone])
    body = {"session": session_string(made["secret"]), "other_client_stopped": True}
    refused = customer.call("POST", "/auth/import", json={**body, "other_client_stopped": False})
    assert (refused.status_code, refused.json()["error"]) == (400, "other_client_running")
    taken = customer.call("POST", "/auth/import", json=body)
    assert (taken.status_code, taken.json()["state"]) == (200, "authorized"), taken.text
    assert customer.call("GET", "/status").json()["phone"] == customer.phone
    customer.friend_writes("to the new home")
    customer.got("to the new home")
    again = customer.call("POST", "/auth/import", json=body)
    assert (again.status_code, again.json()["error"]) == (409, "already_authorized")
    assert customer.call("POST", "/logout").json()["state"] == "logged_out"
    gone = customer.call("POST", "/auth/import", json=body)
    assert (gone.status_code, gone.json()["error"]) == (400, "session_revoked")


def test_an_account_goes_through_its_proxy(customer: Customer) -> None:
    """M6: set, tried, shown without secrets, used for all, never passed by, removed."""
    assert customer.call("GET", "/proxy").json()["error"] == "no_proxy"
    with running_proxy() as proxy:
        body = {"type": "socks5", "host": "127.0.0.1", "port": proxy.port, "username": "name", "password": "password"}
        shown = customer.call("PUT", "/proxy", json=body)
        assert shown.json() == {"type": "socks5", "host": "127.0.0.1", "port": proxy.port, "has_credentials": True}, shown.text
        assert customer.call("POST", "/proxy/test").json()["works"] is True
        customer.log_in()
        customer.friend_writes("through the proxy")
        customer.got("through the proxy")
        assert proxy.reached
    until(lambda: customer.call("GET", "/status").json()["last_error"] == "proxy_failed")
    assert customer.call("GET", "/status").json()["connected"] is False
    assert "nothing listens" in customer.call("POST", "/proxy/test").json()["problem"]
    assert customer.call("DELETE", "/proxy").json() == {"removed": True}
    customer.friend_writes("directly")
    customer.got("directly")
