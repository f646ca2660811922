"""Reading over HTTP, with a worker that answers as told (contract M5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.model.account import AccountState
from tests.functions.api import Api, key
from tests.support.stand_in_owner import StandInOwner

AT = "2026-03-01T12:00:00Z"
MESSAGE: dict[str, Any] = {"chat_id": "77", "message_id": "5", "sender_id": "77", "chat_type": "private", "text": "привет", "date": AT}
CHAT: dict[str, Any] = {
    "chat_id": "77",
    "chat_type": "private",
    "title": "Bob",
    "unread_count": 2,
    "last_message_at": AT,
    "last_message": MESSAGE,
}
PERSON: dict[str, Any] = {"user_id": "77", "name": "Bob Ray", "first_name": "Bob", "phone": "+15550100002", "contact": True}
MEMBER: dict[str, Any] = {"person": PERSON, "role": "admin", "by_id": "78", "joined_at": AT}
READS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("/chats?limit=2&cursor=chats_1", "v3/chats", {"limit": 2, "cursor": "chats_1"}, {"chats": [CHAT], "next": "chats_2"}),
    ("/chats/@bob_ray", "v3/chats/get", {"to": "@bob_ray"}, {**CHAT, "about": "Tea", "read_up_to": "4"}),
    (
        "/chats/-100123/messages?before=9&after=3&query=tea+time&limit=7",
        "v3/chats/messages",
        {"to": "-100123", "before": "9", "after": "3", "query": "tea time", "limit": 7},
        {"messages": [MESSAGE], "next": None},
    ),
    ("/chats/me/messages/5", "v3/chats/message", {"to": "me", "message_id": "5"}, {"message": MESSAGE}),
    ("/chats/+15550100002/members?query=bo", "v3/chats/members", {"to": "+15550100002", "query": "bo"}, {"members": [MEMBER]}),
    ("/contacts?limit=100", "v3/contacts", {"limit": 100}, {"people": [PERSON], "next": "contacts_77"}),
    ("/me", "v3/me", {}, {**PERSON, "about": "Tea"}),
    ("/users/77", "v3/users/get", {"to": "77"}, {**PERSON, "last_seen": {"status": "offline", "at": AT}}),
]
REFUSED = [
    ("/chats?limit=0", "query.limit"),
    ("/chats?limit=101", "query.limit"),
    ("/chats?cursor=CHATS", "query.cursor"),
    ("/chats?cursor=", "query.cursor"),
    ("/chats?offset=1", "query.offset"),
    ("/chats/a", "path.chat"),
    ("/chats/0", "path.chat"),
    ("/chats/me/messages?before=0", "query.before"),
    ("/chats/me/messages?after=x", "query.after"),
    ("/chats/me/messages?before=2147483648", "query.before"),
    ("/chats/me/messages?query=", "query.query"),
    ("/chats/me/messages?query=%20", "query.query"),
    ("/chats/me/messages/0", "path.message_id"),
    ("/chats/me/messages/x", "path.message_id"),
    ("/chats/me/members?query=" + "x" * 65, "query.query"),
    ("/users/!", "path.peer"),
]


async def reader(api: Api, owner: StandInOwner, answer: dict[str, Any]) -> dict[str, Any]:
    """Return a tenant whose account a worker holds that answers so."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.respond = lambda command, body: answer
    return tenant


@pytest.mark.parametrize(("path", "command", "asked", "answer"), READS)
async def test_each_read_goes_to_the_owner(
    api: Api, owner: StandInOwner, path: str, command: str, asked: dict[str, Any], answer: dict[str, Any]
) -> None:
    """With what was asked and no more; it counts for no rate limit."""
    tenant = await reader(api, owner, answer)
    got = await api.call("GET", f"/tenants/{tenant['id']}{path}", headers=key(tenant["key"]))
    assert got.status_code == 200, got.text
    assert owner.asked == [(command, {"tenant": tenant["id"], "channel": "telegram", **asked})]
    assert "RateLimit" not in got.headers


async def test_a_chat_is_told_in_telegrams_own_numbers(api: Api, owner: StandInOwner) -> None:
    """Its last message as events carry it; muted only until then."""
    muted = {**CHAT, "muted_until": (api.clock.now() + timedelta(hours=1)).isoformat()}
    tenant = await reader(api, owner, {"chats": [muted, CHAT], "next": None})
    first, second = (await api.call("GET", f"/tenants/{tenant['id']}/chats", headers=key(tenant["key"]))).json()
    assert (first["chat_id"], first["unread_count"], first["muted"], second["muted"]) == (77, 2, True, False)
    assert "muted_until" not in first
    message = {"chat_id": 77, "message_id": 5, "sender_id": 77, "sender_username": None, "sender_name": None}
    assert first["last_message"] == {**message, "text": "привет", "date": "2026-03-01T12:00:00+00:00", "chat_type": "private"}


async def test_the_next_page_is_the_same_request_from_its_cursor_on(api: Api, owner: StandInOwner) -> None:
    """Whatever was asked; the last page names none."""
    tenant = await reader(api, owner, {"messages": [MESSAGE], "next": "messages_5_0"})
    asked = f"/tenants/{tenant['id']}/chats/-100123/messages?query=a%26b&limit=1&cursor=messages_9_0"
    link = (await api.call("GET", asked, headers=key(tenant["key"]))).headers["Link"]
    address, _, relation = link.removeprefix("<").partition(">")
    assert relation == '; rel="next"'
    assert parse_qs(urlsplit(address).query) == {"query": ["a&b"], "limit": ["1"], "cursor": ["messages_5_0"]}
    owner.respond = lambda command, body: {"messages": [], "next": None}
    last = await api.call("GET", address, headers=key(tenant["key"]))
    assert (last.json(), "Link" in last.headers) == ([], False)
    assert owner.asked[-1][1]["cursor"] == "messages_5_0"
    assert owner.asked[-1][1]["query"] == "a&b"


@pytest.mark.parametrize(("path", "field"), REFUSED)
async def test_what_makes_no_sense_is_refused_with_its_place(api: Api, owner: StandInOwner, path: str, field: str) -> None:
    """Before any worker is asked."""
    tenant = await reader(api, owner, {})
    got = await api.call("GET", f"/tenants/{tenant['id']}{path}", headers=key(tenant["key"]))
    assert (got.status_code, got.json()["error"], got.json()["fields"][0]["field"]) == (422, "invalid_request", field)
    assert owner.asked == []


@pytest.mark.parametrize(("path", "command", "asked", "answer"), READS)
async def test_who_is_not_logged_in_reads_nothing(
    api: Api, owner: StandInOwner, path: str, command: str, asked: dict[str, Any], answer: dict[str, Any]
) -> None:
    """401 with the state; no worker is asked."""
    tenant = await api.new_tenant()
    got = await api.call("GET", f"/tenants/{tenant['id']}{path}", headers=key(tenant["key"]))
    assert (got.status_code, got.json()["error"], got.json()["state"], owner.asked) == (401, "not_authorized", "new", [])


async def test_a_read_whose_answer_is_lost_may_be_asked_for_again(api: Api, owner: StandInOwner) -> None:
    """It is `unavailable`, and no open outcome: it changes nothing."""
    tenant = await reader(api, owner, {})
    owner.respond = lambda command, body: None
    got = await api.call("GET", f"/tenants/{tenant['id']}/me", headers=key(tenant["key"]))
    assert (got.status_code, got.json()["error"], got.headers["Retry-After"]) == (503, "unavailable", "5")


async def test_scopes_are_those_of_reading_and_of_acting(api: Api, owner: StandInOwner) -> None:
    """A key that only reads adds no contact; one that only sends reads nothing."""
    tenant = await reader(api, owner, {"person": None})
    path = f"/tenants/{tenant['id']}"
    keys = {scope: (await api.call("POST", f"{path}/keys", json={"scopes": [scope]})).json()["key"] for scope in ("read", "send")}
    contact = {"phone": "+15550100002", "first_name": "Bob"}
    statuses = {
        scope: (
            (await api.call("POST", f"{path}/peers/resolve", json={"peer": "me"}, headers=key(value))).status_code,
            (await api.call("POST", f"{path}/contacts", json=contact, headers=key(value))).status_code,
        )
        for scope, value in keys.items()
    }
    assert statuses == {"read": (200, 403), "send": (403, 200)}


async def test_a_contact_is_added_once_for_one_idempotency_key(api: Api, owner: StandInOwner) -> None:
    """And counts for the rate limit."""
    tenant = await reader(api, owner, {"person": PERSON})
    path, body = f"/tenants/{tenant['id']}/contacts", {"phone": "+1 (555) 010-0002", "first_name": " Bob "}
    answers = [await api.call("POST", path, json=body, headers=key(tenant["key"]) | {"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["on_telegram"], answers[0].json()["contact"]["user_id"]) == (True, 77)
    assert answers[1].headers["Idempotency-Replayed"] == "true"
    assert "RateLimit" in answers[0].headers
    fields = {"tenant": tenant["id"], "channel": "telegram", "phone": "+15550100002", "first_name": "Bob"}
    assert owner.asked == [("v3/contacts/add", fields)]
    owner.respond = lambda command, body: {"person": None}
    nobody = await api.call("POST", path, json=body, headers=key(tenant["key"]))
    assert nobody.json() == {"on_telegram": False, "contact": None}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"phone": "89001234567", "first_name": "Ann"}, "invalid_phone"),
        ({"phone": "+15550100002"}, "invalid_request"),
        ({"phone": "+15550100002", "first_name": " "}, "invalid_request"),
        ({"phone": "+15550100002", "first_name": "x" * 65}, "invalid_request"),
    ],
)
async def test_a_contact_that_cannot_be_is_refused_here(api: Api, owner: StandInOwner, body: dict[str, Any], code: str) -> None:
    """Before any worker is asked."""
    tenant = await reader(api, owner, {})
    got = await api.call("POST", f"/tenants/{tenant['id']}/contacts", json=body, headers=key(tenant["key"]))
    assert (got.json()["error"], owner.asked) == (code, [])


async def test_whom_a_name_leads_to_is_told_without_sending(api: Api, owner: StandInOwner) -> None:
    """Somebody, or nobody: both are answers. A link of an invitation is refused."""
    found = {"chat_id": "-100123", "chat_type": "channel", "name": "News", "username": "the_news"}
    tenant = await reader(api, owner, found)
    path = f"/tenants/{tenant['id']}/peers/resolve"
    got = await api.call("POST", path, json={"peer": "https://t.me/the_news/5"}, headers=key(tenant["key"]))
    told = {"exists": True, "peer_resolved": -100123, "chat_type": "channel", "title": "News", "username": "the_news", "phone": None}
    assert got.json() == told
    assert owner.asked == [("v3/peers/resolve", {"tenant": tenant["id"], "channel": "telegram", "to": "@the_news"})]
    owner.respond = lambda command, body: {}
    nobody = await api.call("POST", path, json={"peer": "@nobody_here"}, headers=key(tenant["key"]))
    assert nobody.json() == {**dict.fromkeys(told), "exists": False}
    invite = await api.call("POST", path, json={"peer": "t.me/+hash"}, headers=key(tenant["key"]))
    assert invite.json()["error"] == "invite_link"


@pytest.mark.parametrize("path", ["/chats", "/chats/77", "/chats/77/messages", "/chats/77/messages/5"])
async def test_media_of_a_message_names_where_it_is(api: Api, owner: StandInOwner, path: str) -> None:
    """As in events."""
    shown = {**MESSAGE, "media": {"type": "photo", "id": "med_1"}}
    chat = {**CHAT, "last_message": shown}
    answers: dict[str, dict[str, Any]] = {"/chats": {"chats": [chat]}, "/chats/77": chat, "/chats/77/messages": {"messages": [shown]}}
    tenant = await reader(api, owner, answers.get(path, {"message": shown}))
    answer = await api.call("GET", f"/tenants/{tenant['number']}{path}", headers=key(tenant["key"]))
    media = {"type": "photo", "id": "med_1", "url": f"/tenants/{tenant['id']}/media/med_1"}
    found = answer.json()[0] if isinstance(answer.json(), list) else answer.json()
    assert found.get("last_message", found)["media"] == media
