"""Logging in by QR code as a customer's page does it: through the gateway, with a real listener and a phone that scans the code."""

from __future__ import annotations

from typing import Any

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
