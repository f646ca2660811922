"""Media through everything: from a phone to an event, and by its id to the bytes (contract M5)."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.flows.customer import DEADLINE_S, Customer
from tests.listener.telegram.media.received import content, picture


def received(customer: Customer, data: bytes, text: str, **more: Any) -> dict[str, Any]:
    """Have the friend send a file; return the media of the event that tells of it."""
    customer.phones.send(customer.friend, customer.phone, text, content=data, **more)
    found: dict[str, Any] = customer.got(text).payload["message"]["media"]
    return found


def fetched(customer: Customer, url: str) -> httpx.Response:
    """GET media, again while it is on its way."""
    ends = time.monotonic() + DEADLINE_S
    while (answer := customer.http.get(url, headers=customer.headers)).status_code == 202:
        assert answer.json()["state"] == "downloading"
        assert time.monotonic() < ends
        time.sleep(0.5)  # less than `Retry-After` asks for
    return answer


def test_media_is_described_and_fetched(customer: Customer) -> None:
    """M5: small media at once, large from the bucket under the sender's name, to who has a key of the tenant; others find nothing."""
    customer.log_in()
    photo = received(customer, picture(), "a photo", kind="photo")
    assert (photo["type"], photo["width"], photo["height"]) == ("photo", 8, 6)
    assert photo["url"] == f"/tenants/{customer.tenant['id']}/media/{photo['id']}"
    answer = fetched(customer, photo["url"])
    assert (answer.status_code, answer.content) == (200, picture()), answer.text
    assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert answer.headers["Content-Disposition"] == "attachment"

    data = content(6_000_000)
    file = received(customer, data, "a file", name="../счёт.pdf", mime_type="application/pdf")
    answer = fetched(customer, file["url"])
    assert answer.status_code == 302, answer.text
    address = answer.headers["Location"]
    stored = httpx.get(address, trust_env=False)
    assert (stored.status_code, stored.headers["Content-Type"]) == (200, "application/pdf")
    assert stored.content == data
    assert stored.headers["Content-Disposition"].endswith("filename*=UTF-8''%D1%81%D1%87%D1%91%D1%82.pdf")
    assert httpx.get(address.replace("X-Amz-Signature=", "X-Amz-Signature=0"), trust_env=False).status_code == 403
    assert httpx.get(address.partition("?")[0], trust_env=False).status_code == 403
    assert httpx.put(address, content=b"another", trust_env=False).status_code == 403

    assert customer.http.get(photo["url"]).status_code == 401
    missing = customer.call("GET", "/media/med_1")
    assert (missing.status_code, missing.json()["error"]) == (404, "media_not_found")
    assert customer.call("GET", f"/media/{photo['id']}?thumbnail=1").status_code == 200
    assert urlsplit(address).path.split("/")[3] == customer.tenant["id"]
    counters = customer.phones.counters()
    assert (counters["auth_key_duplicated"], counters["unknown_methods"]) == (0, {})
