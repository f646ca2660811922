"""Media through everything: from a phone to an event, and by its id to the bytes (contract M5)."""

from __future__ import annotations

import time
from base64 import b64encode
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


def sent_once(customer: Customer, body: dict[str, Any]) -> httpx.Response:
    """Send with an `Idempotency-Key`, again while files are on their way."""
    ends, headers = time.monotonic() + DEADLINE_S, {**customer.headers, "Idempotency-Key": "album"}
    path = f"/tenants/{customer.tenant['id']}/messages/send"
    while (answer := customer.http.post(path, json=body, headers=headers)).status_code == 503:
        assert answer.json()["error"] == "attachments_under_way"
        assert time.monotonic() < ends
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

    listed = customer.call("GET", f"/chats/{customer.friend_id}/messages?limit=1").json()
    assert listed[0]["media"] == photo

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


def test_files_are_sent(customer: Customer) -> None:
    """M4: from the request, from an upload that is the tenant's alone, from an address; what cannot be used sends nothing."""
    customer.log_in()
    made = customer.call("POST", "/uploads", json={"size": 5_000_000, "mime_type": "video/mp4"})
    assert made.status_code == 201, made.text
    upload, data = made.json(), b"\x00\x00\x00\x18ftypisom" + content(4_999_988)
    assert httpx.put(upload["url"], content=data[:-1], headers={"Content-Type": "video/mp4"}, trust_env=False).status_code == 403
    assert httpx.put(upload["url"], content=data, headers=upload["headers"], trust_env=False).status_code == 200
    inline = content(3_500_000)  # in base64 nearly all that Lambda takes
    attachments = [
        {"content": b64encode(picture()).decode()},
        {"upload_id": upload["upload_id"], "name": "film.mp4"},
        {"content": b64encode(inline).decode()},
    ]
    body = {"peer": f"@{customer.username}", "text": "<b>Look!</b>", "parse_mode": "html", "attachments": attachments}
    sent = sent_once(customer, body)
    assert sent.status_code == 200, sent.text
    again = sent_once(customer, body)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (sent.json(), "true")
    assert sent.json()["message_ids"][0] == sent.json()["message_id"]
    photo, film, file = customer.phones.wait_messages(customer.friend, 3, direction="in")
    assert (photo["text"], photo["media"]["kind"], photo["album"]) == ("Look!", "photo", film["album"])
    assert film["album"]
    assert customer.phones.media(customer.friend, film["id"]) == data
    assert (customer.phones.media(customer.friend, file["id"]), file["album"]) == (inline, None)

    other = {"attachment": {"content": b64encode(picture(32, 20)).decode(), "caption": "Another"}}
    edited = customer.call("POST", "/messages/edit", json={"peer": body["peer"], "message_id": sent.json()["message_id"], **other})
    assert edited.status_code == 200, edited.text
    assert customer.phones.media(customer.friend, photo["id"]) == picture(32, 20)

    for refused, code in (
        ({"url": "data:text/plain,x"}, "attachment_refused"),
        ({"url": f"{customer.system.url}/health"}, "attachment_refused"),
        ({"url": "http://nowhere.invalid/"}, "attachment_unreachable"),
        ({"upload_id": "upl_" + "0" * 32}, "upload_not_found"),
        ({"url": "https://example.com", "content": ""}, "contradictory_fields"),
    ):
        answer = customer.call("POST", "/messages/send", json={**body, "attachments": [attachments[0], refused]})
        assert answer.json()["error"] == code, answer.text
    assert len(customer.phones.wait_messages(customer.friend, 3, direction="in")) == 3
