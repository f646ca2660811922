"""Changing messages and chats over HTTP, with a worker that answers as told (contract M2, M4)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.account import AccountState
from tests.functions.api import Api, key
from tests.support.stand_in_owner import StandInOwner

MESSAGE = {"peer_resolved": "77", "message_id": "5", "date": "2026-03-01T12:00:00Z"}
CHANGED = {"peer_resolved": 77, "message_id": 5, "date": "2026-03-01T12:00:00Z"}
CHAT = {"peer_resolved": "77"}
VERBS: list[tuple[str, dict[str, Any], str, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("edit", {"message_id": 5, "text": "новый"}, "v2/edit", {"message_id": "5", "text": "новый"}, MESSAGE, CHANGED),
    (
        "edit",
        {"message_id": 5, "text": " a <b>b</b> ", "parse_mode": "html"},
        "v3/edit",
        {"message_id": "5", "text": "a b", "entities": [{"type": "bold", "offset": 2, "length": 1}]},
        MESSAGE,
        CHANGED,
    ),
    (
        "edit",
        {"message_id": 5, "attachment": {"url": "https://a.example/x", "caption": "`c`", "parse_mode": "markdown"}},
        "v4/edit",
        {
            "message_id": "5",
            "text": "c",
            "entities": [{"type": "code", "offset": 0, "length": 1}],
            "attachment": {"url": "https://a.example/x"},
        },
        MESSAGE,
        CHANGED,
    ),
    (
        "delete",
        {"message_ids": [5, 6], "for_all": False},
        "v2/delete",
        {"message_ids": ["5", "6"], "for_all": False},
        {"peer_resolved": "77", "message_ids": ["5"]},
        {"peer_resolved": 77, "message_ids": [5]},
    ),
    ("react", {"message_id": 5, "reactions": ["👍"]}, "v2/react", {"message_id": "5", "reactions": ["👍"]}, MESSAGE, CHANGED),
    ("pin", {"message_id": 5, "silent": False}, "v2/pin", {"message_id": "5", "silent": False}, MESSAGE, CHANGED),
    ("unpin", {"message_id": 5}, "v2/pin", {"message_id": "5", "pinned": False}, MESSAGE, CHANGED),
    ("read-receipt", {"max_id": 9}, "v2/read", {"max_id": "9"}, CHAT, {"peer_resolved": 77}),
    ("mark-unread", {"unread": False}, "v2/mark_unread", {"unread": False}, CHAT, {"peer_resolved": 77}),
    ("action", {"action": "uploading_photo", "thread_id": 3}, "v2/chat_action", {"action": "uploading_photo", "thread_id": "3"}, CHAT,
     {"peer_resolved": 77}),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "asked", "command", "expected", "answer", "shown"), VERBS)
async def test_each_verb_goes_to_the_owner(
    api: Api,
    owner: StandInOwner,
    verb: str,
    asked: dict[str, Any],
    command: str,
    expected: dict[str, Any],
    answer: dict[str, Any],
    shown: dict[str, Any],
) -> None:
    """Under a path that earlier workers do not have; the owner's answer is the caller's, in Telegram's own numbers."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    owner.respond = lambda command, body: answer
    got = await api.call("POST", f"/tenants/{tenant['id']}/messages/{verb}", json={"peer": -100123, **asked}, headers=key(tenant["key"]))
    assert (got.status_code, got.json()) == (200, shown)
    assert owner.asked == [(command, {"tenant": tenant["id"], "channel": "telegram", "to": "-100123", **expected})]


@pytest.mark.parametrize(("verb", "asked"), [(verb, asked) for verb, asked, *_ in VERBS])
async def test_who_is_not_logged_in_changes_nothing(api: Api, owner: StandInOwner, verb: str, asked: dict[str, Any]) -> None:
    """401 with the state; no worker is asked."""
    tenant = await api.new_tenant()
    got = await api.call("POST", f"/tenants/{tenant['id']}/messages/{verb}", json={"peer": "me", **asked})
    assert (got.status_code, got.json()["error"], got.json()["state"], owner.asked) == (401, "not_authorized", "new", [])


@pytest.mark.parametrize(
    ("verb", "asked", "code"),
    [
        ("edit", {"message_id": 5, "text": " \u200b"}, "invalid_request"),
        ("edit", {"message_id": 0, "text": "x"}, "invalid_request"),
        ("edit", {"message_id": 5, "text": "<b>x", "parse_mode": "html"}, "invalid_markup"),
        ("edit", {"message_id": 5, "text": "🙂" * 2049}, "message_too_long"),
        ("edit", {"message_id": 5}, "contradictory_fields"),
        ("edit", {"message_id": 5, "attachment": {}}, "contradictory_fields"),
        ("edit", {"message_id": 5, "text": "a", "attachment": {"upload_id": "upl_1", "caption": "b"}}, "contradictory_fields"),
        ("edit", {"message_id": 5, "text": "x" * 1025, "attachment": {"upload_id": "upl_1"}}, "message_too_long"),
        ("edit", {"message_id": 5, "attachment": {"upload_id": "upl_1", "caption": "x" * 1025}}, "message_too_long"),
        ("delete", {"message_ids": []}, "invalid_request"),
        ("delete", {"message_ids": [1, 1]}, "invalid_request"),
        ("delete", {"message_ids": list(range(1, 102))}, "invalid_request"),
        ("delete", {"message_ids": ["1"]}, "invalid_request"),
        ("react", {"message_id": 5}, "invalid_request"),
        ("react", {"message_id": 5, "reactions": [" "]}, "invalid_request"),
        ("react", {"message_id": 5, "reactions": ["👍"] * 12}, "invalid_request"),
        ("read-receipt", {"max_id": 1 << 31}, "invalid_request"),
        ("read-receipt", {}, "invalid_request"),
        ("action", {"action": "dancing"}, "invalid_request"),
    ],
)
async def test_what_makes_no_sense_is_refused_here(api: Api, owner: StandInOwner, verb: str, asked: dict[str, Any], code: str) -> None:
    """Before any worker is asked."""
    tenant = await api.new_tenant()
    api.put_account(tenant["id"], AccountState.AUTHORIZED, owner.worker)
    got = await api.call("POST", f"/tenants/{tenant['id']}/messages/{verb}", json={"peer": "me", **asked})
    assert (got.json()["error"], owner.asked) == (code, [])
