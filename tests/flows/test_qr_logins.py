"""Logging in by QR code as a customer's page does it: through the gateway, with a real listener and a phone that scans the code."""

from __future__ import annotations

import os
import signal
from typing import Any

from local import secret_scan
from local.system import System
from tests.flows.customer import Customer, until
from tests.support.qr_codes import read_png, read_svg


def started(customer: Customer) -> dict[str, Any]:
    """Begin a log-in by QR code."""
    answer = customer.call("POST", "/auth/qr")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def state(customer: Customer) -> str:
    """Return the state that the QR log-in's status shows."""
    answer = customer.call("GET", "/auth/qr")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["state"])


def test_a_phone_scans_the_code_that_a_page_shows(customer: Customer) -> None:
    """Start, image, scan, password, and the account sends and receives."""
    begun = started(customer)
    assert (begun["state"], begun["authorized"], begun["needs_2fa"], begun["codes_issued"]) == ("need_qr", False, False, 1)
    png = customer.http.get(begun["qr_url"], headers=customer.headers)
    assert (png.status_code, png.headers["content-type"], png.headers["cache-control"]) == (200, "image/png", "no-store")
    assert read_png(png.content) == begun["link"]
    svg = customer.http.get(begun["svg_url"], headers=customer.headers)
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert read_svg(svg.content) == begun["link"]
    customer.phones.scan(customer.phone, read_png(png.content))
    until(lambda: state(customer) == "need_2fa")
    wrong = customer.call("POST", "/auth/verify", json={"password": "wrong"})
    assert (wrong.status_code, wrong.json()["error"]) == (401, "bad_password")
    verified = customer.call("POST", "/auth/verify", json={"password": "a second factor"})
    assert (verified.status_code, verified.json()) == (200, {"authorized": True, "state": "authorized"})
    assert customer.send("me", "hello").status_code == 200
    customer.friend_writes("hi there")
    customer.got("hi there")


def test_the_page_of_the_second_seed(customer: Customer, system: System) -> None:
    """Its own commands, with a public key of the tenant: start, status, image, password. The key and the link are in no log."""
    made = customer.call("POST", "/keys", json={"scopes": [], "public": True})
    assert made.status_code == 201, made.text
    k, number = made.json()["key"], customer.tenant["number"]

    def get(name: str, **query: str) -> Any:
        return customer.http.get(f"/pub/tg/{name}", params={"tenant": number, "k": k, **query})

    def stage() -> str:
        return str(get("status").json()["state"])

    begun = get("start")
    assert begun.status_code == 200, begun.text
    assert begun.headers["Deprecation"].startswith("@")
    assert begun.json()["state"] == "need_qr"
    image = get("qr.png", qr_id=begun.json()["qr_id"])
    assert image.status_code == 200, image.text
    link = read_png(image.content)
    assert read_png(customer.http.get(begun.json()["qr_url"]).content) == link
    customer.phones.scan(customer.phone, link)
    until(lambda: stage() == "need_2fa")
    expired = get("qr.png", qr_id=begun.json()["qr_id"])
    assert (expired.status_code, expired.json()["error"]) == (410, "qr_expired")
    body = {"tenant": number, "password": "a second factor"}
    done = customer.http.post("/pub/tg/2fa", params={"k": k}, json=body)
    assert done.status_code == 200, done.text
    assert stage() == "authorized"
    again = get("start")
    assert (again.status_code, again.json()["error"]) == (409, "already_authorized")
    assert secret_scan.find(system.plan.state / "logs", {"the public key": k, "the link": link.rpartition("=")[2]}) == []


def test_a_log_in_goes_on_at_another_listener(customer: Customer, system: System) -> None:
    """The listener that showed the code is killed: the status names a new code within the time of a takeover, and a phone scans it."""
    customer.phones.change_person(customer.phone, password="")
    first = started(customer)
    (old,) = system.listeners
    system.start_listener()
    os.kill(old.pid, signal.SIGKILL)

    def renewed() -> str | None:
        found = customer.call("GET", "/auth/qr").json()
        assert found["state"] == "need_qr"
        return found["link"] if found["qr_id"] not in (None, first["qr_id"]) else None

    until(lambda: renewed() is not None)
    link = renewed()
    assert link is not None
    customer.phones.scan(customer.phone, link)
    until(lambda: state(customer) == "authorized")
    old.stop()
    system.listeners.remove(old)
    assert int(customer.phones.counters()["auth_key_duplicated"]) == 0
