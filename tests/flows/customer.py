"""A customer of a running system: its tenant, its people, its webhook, and the calls it makes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from local import webhook_receiver
from local.system import System
from local.webhook_receiver import Callback, WebhookReceiver
from testing.telegram_server.control_client import ControlClient

_numbers = itertools.count(1)
DEADLINE_S = 90.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing announces."""
    ends = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < ends, "it did not become so"
        time.sleep(0.05)


class Customer:
    """Everything goes over HTTP, as a customer's own code would go; the phones go over the test server's control interface."""

    def __init__(self, system: System, http: httpx.Client, phones: ControlClient, webhook: WebhookReceiver) -> None:
        self.system, self.http, self.phones, self.webhook = system, http, phones, webhook
        number = next(_numbers)
        self.phone, self.friend = f"+99966{number:04}1", f"+99966{number:04}2"
        self.username = f"friend_{number:04}"
        phones.create_person(self.phone, first_name="Customer", password="a second factor")
        self.friend_id = int(phones.create_person(self.friend, first_name="Friend", username=self.username)["id"])
        body = {"name": f"Customer {number}", "callback_url": webhook.url}
        created = http.post("/tenants", json=body, headers={"X-Admin-Token": system.admin_token})
        assert created.status_code == 201, created.text
        self.tenant = created.json()
        wide = {"rate_limit": {"limit": 1000, "window_s": 60}}
        http.patch(f"/tenants/{self.tenant['number']}", json=wide, headers={"X-Admin-Token": system.admin_token}).raise_for_status()
        self.headers = {"Authorization": f"Bearer {self.tenant['key']}"}

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a call in the own tenant."""
        return self.http.request(method, f"/tenants/{self.tenant['id']}{path}", headers=self.headers, **options)

    def log_in(self) -> None:
        """Log the account in, by code and password."""
        started = self.call("POST", "/auth/start", json={"phone": self.phone})
        assert started.status_code == 200, started.text
        code = self.phones.code(self.phone)["code"]
        verified = self.call("POST", "/auth/verify", json={"phone": self.phone, "code": code, "password": "a second factor"})
        assert verified.status_code == 200, verified.text

    def send(self, peer: Any, text: str) -> httpx.Response:
        """Send a message."""
        return self.call("POST", "/messages/send", json={"peer": peer, "text": text})

    def friend_writes(self, text: str) -> None:
        """Have the friend write to the account."""
        self.phones.send(self.friend, self.phone, text)

    def got(self, text: str, deadline_s: float = DEADLINE_S) -> Callback:
        """Wait for the callback that tells of a message with this text."""
        found = self.webhook.wait(lambda callback: callback.text == text, deadline_s)
        assert found is not None, f"no callback with that text; got {len(self.webhook.got)} others"
        return found

    def texts(self) -> list[str]:
        """Return the texts of all callbacks, in order."""
        return [callback.text for callback in self.webhook.got]

    def send_when_possible(self, peer: Any, text: str) -> tuple[httpx.Response, float]:
        """Send as a careful customer would: after each 503, again when it says so; return the answer and the seconds it took."""
        began = time.monotonic()
        while True:
            answer = self.send(peer, text)
            took = time.monotonic() - began
            if answer.status_code != 503 or took > DEADLINE_S:
                return answer, took
            assert int(answer.headers["Retry-After"]) > 0
            time.sleep(0.5)  # what a 503 asks for: come back later


@contextmanager
def customer_of(system: System) -> Iterator[Customer]:
    """Become a customer."""
    assert system.telegram is not None
    with (
        httpx.Client(base_url=system.url, timeout=40, trust_env=False) as http,
        ControlClient(system.telegram.control_url) as phones,
        webhook_receiver.running() as webhook,
    ):
        yield Customer(system, http, phones, webhook)
