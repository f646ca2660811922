"""Reading through everything: API Gateway, function, owner, Telegram (contract M5)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.flows.customer import Customer


def next_of(answer: httpx.Response) -> str | None:
    """Return the path of the next page behind the tenant, None if there is none."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    address = urlsplit(link.removeprefix("<").partition(">")[0])
    return f"/{address.path.split('/', 3)[3]}?{address.query}"


def pages(customer: Customer, path: str) -> list[Any]:
    """Return a list, read page after page."""
    found: list[Any] = []
    following: str | None = path
    while following:
        answer = customer.call("GET", following)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        following = next_of(answer)
    return found


def test_a_customer_reads_chats_messages_and_people(customer: Customer) -> None:
    """M5: what arrived as an event is in the history in the same form; lists come in pages."""
    customer.log_in()
    for number in range(3):
        customer.friend_writes(f"green tea {number}")
    event = customer.got("green tea 2").payload["message"]
    (chat,) = pages(customer, "/chats?limit=1")
    assert (chat["chat_id"], chat["title"], chat["unread_count"], chat["muted"]) == (customer.friend_id, "Friend", 3, False)
    assert chat["last_message"] == event
    messages = pages(customer, f"/chats/{customer.friend_id}/messages?limit=2")
    assert [message["text"] for message in messages] == ["green tea 2", "green tea 1", "green tea 0"]
    assert messages[0] == event
    found = pages(customer, f"/chats/@{customer.username}/messages?query=tea&limit=1&after={messages[2]['message_id']}")
    assert found == messages[:2]
    assert customer.call("GET", f"/chats/{customer.friend_id}/messages/{event['message_id']}").json() == event
    sent = customer.send(customer.friend_id, "and coffee").json()
    newest = customer.call("GET", f"/chats/{customer.friend_id}/messages?limit=1").json()[0]
    assert (newest["message_id"], newest["outgoing"]) == (sent["message_id"], True)
    customer.friend_writes("milk?")
    customer.got("milk?")
    assert customer.call("GET", f"/chats/{customer.friend_id}/messages?limit=1").json()[0]["text"] == "milk?"
    detail = customer.call("GET", f"/chats/{customer.friend_id}").json()
    assert (detail["title"], detail["members_count"], detail["last_message"]["text"]) == ("Friend", None, "milk?")
    me = customer.call("GET", "/me").json()
    assert (me["phone"], me["first_name"]) == (customer.phone, "Customer")
    user = customer.call("GET", f"/users/{customer.friend_id}").json()
    assert (user["username"], user["deleted"], user["phone"]) == (customer.username, False, None)


def test_a_customer_reads_members_and_contacts(customer: Customer) -> None:
    """M5: whoever a list names can be written to by their id."""
    customer.log_in()
    group = customer.phones.create_group("supergroup", "Town", customer.friend, (customer.phone,))["id"]
    assert group in [chat["chat_id"] for chat in pages(customer, "/chats")]
    members = pages(customer, f"/chats/{group}/members?limit=1")
    assert {member["user"]["first_name"]: member["role"] for member in members} == {"Friend": "creator", "Customer": "member"}
    added = customer.call("POST", "/contacts", json={"phone": customer.friend, "first_name": "My", "last_name": "Friend"})
    assert (added.status_code, added.json()["on_telegram"], added.json()["contact"]["name"]) == (200, True, "My Friend")
    assert [person["user_id"] for person in pages(customer, "/contacts")] == [customer.friend_id]
    nobody = customer.call("POST", "/contacts", json={"phone": "+99966990001", "first_name": "Nobody"})
    assert nobody.json() == {"on_telegram": False, "contact": None}
    resolved = customer.call("POST", "/peers/resolve", json={"peer": f"t.me/{customer.username}"}).json()
    assert (resolved["exists"], resolved["peer_resolved"], resolved["chat_type"]) == (True, customer.friend_id, "private")
    assert customer.call("POST", "/peers/resolve", json={"peer": "@nobody_of_that_name"}).json()["exists"] is False


def test_what_cannot_be_read_says_why(customer: Customer) -> None:
    """Not logged in; a chat that is none; the chat with the codes; a channel's members; a cursor of another list; a wait."""
    early = customer.call("GET", "/chats")
    assert (early.status_code, early.json()["error"], early.json()["state"]) == (401, "not_authorized", "new")
    customer.log_in()
    news = customer.phones.create_group("channel", "News", customer.friend, (customer.phone,))["id"]
    pages(customer, "/chats")
    for path, status, code in (
        ("/chats/-1009999999999", 400, "peer_not_found"),
        ("/chats/777000/messages", 400, "peer_not_found"),
        ("/chats/@nobody_of_that_name", 400, "user_not_found"),
        (f"/chats/{news}/members", 403, "admin_required"),
        ("/chats/me/members", 400, "not_a_group"),
        ("/chats/me/messages/999999", 400, "message_not_found"),
        ("/chats?cursor=messages_1_0", 422, "invalid_request"),
    ):
        answer = customer.call("GET", path)
        assert (answer.status_code, answer.json()["error"]) == (status, code), path
    customer.phones.remove_member(news, customer.phone, by=customer.friend)
    private = customer.call("GET", f"/chats/{news}/messages")
    assert (private.status_code, private.json()["error"]) == (403, "not_a_member")
    customer.phones.inject("flood_wait", phone=customer.phone, method="messages.search", seconds=30)
    for _ in range(2):
        waits = customer.call("GET", "/chats/me/messages?query=tea")
        assert (waits.status_code, waits.json()["error"]) == (429, "flood_wait")
        assert 0 < int(waits.headers["Retry-After"]) <= 30
