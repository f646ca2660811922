"""The page's routes, over HTTP, against the real Telegram test server."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from functions.callback_delivery import signing
from local import reverse_proxy
from local.child_process import free_port
from local.phone.phone_page import PhonePage
from local.phone.request_guard import KEY_HEADER
from local.phone.routes import routes
from local.seed import ALICE, ANNA, RECEIVER
from shared.model.ids import EventId
from tests.local.phone.conftest import CALLBACK, DELIVERY, LINK, PAGE_KEY, SECRET, PhonePageHarness

KEY = {KEY_HEADER: PAGE_KEY}


def _latest(phones: PhonePageHarness) -> dict[str, int]:
    seen = phones.control.changes()
    return {"after": seen["last"], "callbacks": phones.phone_page.seen.count}


def _write(phones: PhonePageHarness, text: str = "Hi", **headers: str) -> httpx.Response:
    path = f"/phone/people/{phones.person(ALICE.phone)}/messages"
    return phones.client.post(path, json={"to": phones.person(ANNA.phone), "text": text}, headers=headers)


def test_the_page_and_its_files_are_served(phones: PhonePageHarness) -> None:
    """With a policy that lets nothing in but them."""
    page = phones.client.get("/phone")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for name in ("phone.css", "main.js", "api.js", "deliveries.js", "dom.js", "guide.js", "phone.js", "qr.js", "webhook.js", "icon.svg"):
        assert phones.client.get(f"/phone/static/{name}").status_code == 200


def test_nothing_comes_from_elsewhere_and_nothing_parses_html(phones: PhonePageHarness) -> None:
    """No address of another host in any file, no way for a text to become an element."""
    names = ("phone.css", "main.js", "api.js", "deliveries.js", "dom.js", "guide.js", "phone.js", "qr.js", "webhook.js")
    files = phones.client.get("/phone").text + "".join(phones.client.get(f"/phone/static/{name}").text for name in names)
    for forbidden in ("https:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick="):
        assert forbidden not in files


def test_the_desk_names_the_test_people_first(phones: PhonePageHarness) -> None:
    """Telegram's own account is none of them."""
    phones.control.create_person("+9996610900", first_name="Bob")
    phone_page = phones.client.get("/phone/desk").json()
    assert [person["name"] for person in phone_page["people"][:3]] == ["Anna", "Alice", "Bob"]
    assert (phone_page["test_server"], len(phone_page["lines"]), phone_page["people"][0]["password"]) == (True, 3, ANNA.password)
    assert 777000 not in [person["id"] for person in phone_page["people"]]


def test_one_writes_as_a_person_and_the_other_phone_shows_it(phones: PhonePageHarness) -> None:
    """As text, whatever it looks like."""
    text = "<img src=x onerror=alert(1)>"
    assert _write(phones, text).status_code == 201
    messages = phones.client.get(f"/phone/people/{phones.person(ANNA.phone)}/messages").json()["messages"]
    assert messages[-1]["text"] == text


def test_the_code_of_a_log_in_is_shown_and_a_phone_scans_it(phones: PhonePageHarness) -> None:
    """As the API draws it; what Telegram refuses is refused in its words, and what is no link is none."""
    assert phones.client.get("/phone/qr").json() == {"link": LINK, "svg": "<svg/>"}
    path = f"/phone/people/{phones.person(ANNA.phone)}/scan"
    for link, status, error in ((LINK, 409, "AUTH_TOKEN_INVALIDX"), ("https://example.org", 422, "no_login_link"), ("", 422, "invalid")):
        refused = phones.client.post(path, json={"link": link})
        assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert phones.client.post(path, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_deliveries_are_shown_as_the_api_tells_them(phones: PhonePageHarness) -> None:
    """The newest of them, asked for as the demo tenant, with how its callback is doing; and each with its attempts."""
    assert phones.client.get("/phone/deliveries").json() == {
        "deliveries": [{**DELIVERY, "limit": "20"}],
        "callback": CALLBACK,
    }
    assert phones.client.get("/phone/deliveries/evt_1").json() == {"event_id": "evt_1", "made": []}


def test_a_delivery_is_replayed_from_the_page_alone(phones: PhonePageHarness) -> None:
    """It is passed on; a form of another page cannot ask for it."""
    path = "/phone/deliveries/evt_1/replay"
    assert phones.client.post(path, json={}).json() == {"ok": True, "queued": 1, "event": "evt_1"}
    assert phones.client.post(path, content="{}", headers={"Content-Type": "text/plain"}).status_code == 415
    assert phones.client.post(path, json={}, headers={"Origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("event", ["evt_2", "%2e%2e%2fstatus", "..%2f..%2f7", "a%3fb=c", "a%23b"])
def test_what_the_api_refuses_is_refused_in_its_words(phones: PhonePageHarness, event: str) -> None:
    """And an event's name leads to no other address of the API."""
    answer = phones.client.get(f"/phone/deliveries/{event}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] != "application/json" or answer.json().get("error") in ("delivery_not_found", "not_found")


@pytest.mark.parametrize(("method", "path"), [("POST", "%2e%2e/replay"), ("GET", "%2e%2e"), ("GET", "%2e")])
def test_dots_lead_to_no_other_route(phones: PhonePageHarness, method: str, path: str) -> None:
    """`deliveries/../replay` is the API's route that replays everything."""
    answer = phones.client.request(method, f"/phone/deliveries/{path}", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_a_shown_chat_is_read(phones: PhonePageHarness) -> None:
    """The other side learns of it."""
    _write(phones)
    anna, alice = phones.person(ANNA.phone), phones.person(ALICE.phone)
    assert phones.client.post(f"/phone/people/{anna}/read", json={"chat": alice}).json() == {"changed": True}
    assert phones.control.messages(ALICE.phone)[-1]["read"] is True


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"to": 1}', b'{"to": "me", "text": "x"}', b'{"to": 1, "text": ""}', b'{"to": 1, "text": "x", "more": 1}']
)
def test_bad_input_is_refused(phones: PhonePageHarness, body: bytes) -> None:
    """With the fields named, before anything is asked of the server."""
    path = f"/phone/people/{phones.person(ALICE.phone)}/messages"
    answer = phones.client.post(path, content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid")


def test_blank_and_overlong_texts_are_refused(phones: PhonePageHarness) -> None:
    """As Telegram would."""
    assert _write(phones, " \n").json()["error"] == "empty_message"
    assert _write(phones, "x" * 4097).status_code == 422


def test_unknown_people_are_not_found(phones: PhonePageHarness) -> None:
    """In the test server's words."""
    answer = phones.client.post("/phone/people/5/messages", json={"to": 6, "text": "x"})
    assert (answer.status_code, "detail" in answer.json()) == (404, True)


@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=1e3", "callbacks=9999999999999999999999"])
def test_bad_numbers_are_refused(phones: PhonePageHarness, query: str) -> None:
    """Only whole numbers count changes."""
    assert phones.client.get(f"/phone/changes?{query}").status_code == 422


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"content-type": "text/plain"}],
)
def test_foreign_writes_are_refused(phones: PhonePageHarness, headers: dict[str, str]) -> None:
    """And nothing is sent."""
    before = len(phones.control.messages(ALICE.phone))
    assert _write(phones, "never", **headers).status_code in (403, 415)
    assert len(phones.control.messages(ALICE.phone)) == before


@pytest.mark.parametrize("path", ["/phone", "/phone/desk", "/phone/webhook", "/phone/code", "/phone/changes", "/phone/people/1/messages"])
def test_a_rebound_name_reads_nothing(phones: PhonePageHarness, path: str) -> None:
    """The desk shows a key, so this matters."""
    assert phones.client.get(path, headers={"host": "evil.example:8000"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "desk"),
        ("GET", "webhook"),
        ("GET", "code"),
        ("GET", "changes"),
        ("GET", "people/1/messages"),
        ("POST", "people/1/messages"),
        ("POST", "people/1/read"),
        ("GET", "deliveries"),
        ("GET", "deliveries/evt_1"),
        ("POST", "deliveries/evt_1/replay"),
    ],
)
def test_without_its_key_the_page_shows_and_does_nothing(phones: PhonePageHarness, method: str, path: str) -> None:
    """Another user of the machine can open the port; the demo tenant's key is on the desk."""
    body = b"{}" if method == "POST" else b""
    for shown in ({}, {KEY_HEADER: "guessed"}):
        headers = {"Content-Type": "application/json", **shown}
        answer = httpx.request(method, f"{phones.client.base_url}/phone/{path}", content=body, headers=headers, trust_env=False)
        assert (answer.status_code, answer.json()["error"]) == (401, "no_key")


def test_the_receiver_takes_from_everybody_but_web_pages(phones: PhonePageHarness) -> None:
    """What a page posts unasked is not kept; a rebound name reads nothing."""
    posted, url = len(phones.posted), f"{phones.client.base_url}{RECEIVER}"
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}):
        assert httpx.post(url, content=b"{}", headers={"Content-Type": "text/plain", **foreign}, trust_env=False).status_code == 403
    assert httpx.get(url, headers={"Host": "evil.example"}, trust_env=False).status_code == 403
    assert len(phones.posted) == posted
    assert httpx.post(url, json={}, trust_env=False).json() == {"ok": "stored"}
    assert httpx.get(url, trust_env=False).json()[0]["payload"]["id"] == "evt_1"


def test_answers_cannot_be_read_by_other_origins(phones: PhonePageHarness) -> None:
    """No permission is given to any."""
    answer = phones.client.get("/phone/desk")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_message_wakes_who_waits(phones: PhonePageHarness) -> None:
    """The answer says whose phone changed."""
    position, found = _latest(phones), []
    waiting = threading.Thread(target=lambda: found.append(phones.client.get("/phone/changes", params=position).json()))
    waiting.start()
    _write(phones)
    waiting.join(60)
    assert {"kind": "message", "person_id": phones.person(ANNA.phone)} in found[0]["telegram"]["changes"]


def test_a_callback_wakes_who_waits_and_its_signatures_are_checked(phones: PhonePageHarness) -> None:
    """It goes on to the receiver as it came."""
    position, found = _latest(phones), []
    waiting = threading.Thread(target=lambda: found.append(phones.client.get("/phone/changes", params=position).json()))
    waiting.start()
    body = _callback(phones, b'{"id":"evt_1","event":"message"}')
    waiting.join(60)
    assert found[0]["callbacks"] == position["callbacks"] + 1
    assert phones.posted[-1] == body
    shown = phones.client.get("/phone/webhook").json()
    seen = shown["callbacks"][0]["seen"]
    assert (seen["standard_webhooks"], seen["x_signature"], seen["headers"]["webhook-attempt"]) == (True, True, "1")
    assert shown["status"]["state"] == "new"


def test_a_forged_callback_is_shown_as_such(phones: PhonePageHarness) -> None:
    """Neither signature holds for other bytes."""
    _callback(phones, b'{"id":"evt_1","event":"message"}', sent=b'{"id":"evt_1","event":"forged"}')
    seen = phones.client.get("/phone/webhook").json()["callbacks"][0]["seen"]
    assert (seen["standard_webhooks"], seen["x_signature"]) == (False, False)


def _callback(phones: PhonePageHarness, signed: bytes, sent: bytes | None = None) -> bytes:
    headers = signing.headers(EventId("evt_1"), datetime.now(UTC), 1, signed, SECRET)
    answer = phones.client.post(RECEIVER, content=sent or signed, headers={**headers, "content-type": "application/json"})
    assert answer.json() == {"ok": "stored"}
    return sent or signed


def test_without_a_code_the_shell_gets_a_word(phones: PhonePageHarness) -> None:
    """Which the API then answers with what is the matter."""
    answer = phones.client.get("/phone/code")
    assert (answer.status_code, answer.text) == (404, "none")


def test_before_the_system_is_up_it_says_so() -> None:
    """The front serves the page before the demo tenant is there."""
    with reverse_proxy.running(reverse_proxy.create_app("http://127.0.0.1:9", routes(PhonePage())), free_port()) as url:
        answer = httpx.get(f"{url}/phone/desk", trust_env=False)
    assert (answer.status_code, answer.json()["error"]) == (503, "starting")


def test_a_dead_part_is_named(phones: PhonePageHarness) -> None:
    """In words, and not as a fault of the page, which shows the rest."""
    phone_page: Any = PhonePage()
    assert phones.phone_page.system
    nowhere = f"http://127.0.0.1:{free_port()}"
    phone_page.connect(type(phones.phone_page.system)(nowhere, nowhere, nowhere, phones.phone_page.system.seed, PAGE_KEY))
    with (
        reverse_proxy.running(reverse_proxy.create_app(nowhere, routes(phone_page)), free_port()) as url,
        httpx.Client(base_url=url, trust_env=False, headers=KEY) as client,
    ):
        answers = [client.get(f"/phone/{what}") for what in ("webhook", "changes")]
        shown = client.get("/phone/desk").json()
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [(502, "no_answer"), (503, "telegram_gone")]
    assert "The Telegram test server does not answer" in shown["problem"]
    assert (len(shown["lines"]), shown["people"]) == (3, [])


def test_with_the_real_telegram_there_are_no_test_people(phones: PhonePageHarness) -> None:
    """The desk says so, and the lines ask for what is the person's own."""
    phone_page = PhonePage()
    system = phones.phone_page.system
    assert system
    phone_page.connect(type(system)(system.url, system.api_url, None, system.seed, PAGE_KEY))
    with (
        reverse_proxy.running(reverse_proxy.create_app(system.api_url, routes(phone_page)), free_port()) as url,
        httpx.Client(base_url=url, trust_env=False, headers=KEY) as client,
    ):
        shown = client.get("/phone/desk").json()
        assert (shown["test_server"], shown["people"]) == (False, [])
        assert "+YOUR_PHONE" in shown["lines"][0]["command"]
        assert "Bearer KEY_FROM_THE_TERMINAL" in shown["lines"][0]["command"]
        assert client.get("/phone/code").status_code == 404
        refused = client.post("/phone/people/1/messages", json={"to": 2, "text": "x"})
        assert (refused.status_code, refused.json()["error"]) == (409, "real_telegram")
        assert json.loads(client.get("/phone/webhook").text)["code"] is None
        assert client.get(RECEIVER).status_code == 200
        assert httpx.get(url + RECEIVER, trust_env=False).status_code == 401  # what real people wrote
