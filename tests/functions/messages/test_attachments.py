"""Sending files over HTTP, with a worker that answers as told."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from tests.functions.api import Api
from tests.functions.sends import SENT, logged_in, send
from tests.support.stand_in_owner import StandInOwner

SENT_FILES = {**SENT, "message_ids": [5, 6]}
FILE = b64encode(b"%PDF").decode()


@pytest.fixture
async def tenant(api: Api, owner: StandInOwner) -> dict[str, Any]:
    """A tenant whose account the worker holds."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: SENT_FILES
    return tenant


async def test_files_go_to_the_owner_with_text_and_options(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """Captions as entities; a random id for each message; the answer has all messages."""
    files = [{"url": "https://a.example/x"}, {"content": FILE, "caption": " <b>b</b>\n", "parse_mode": "html", "name": "x.pdf"}]
    answer = await send(api, tenant, text="<i>hi</i>", parse_mode="html", attachments=files, silent=True, reply_to=3)
    assert (answer.status_code, answer.json()) == (200, {**SENT_FILES, "date": "2026-03-01T12:00:00Z"})
    ((command, body),) = owner.asked
    assert command == "v4/send/attachments"
    assert len(set(body.pop("random_ids"))) == 2
    bold = {"type": "bold", "offset": 0, "length": 1}
    assert body.pop("attachments") == [
        {"url": "https://a.example/x"},
        {"content": FILE, "caption": "b", "entities": [bold], "name": "x.pdf"},
    ]
    assert body == {
        "tenant": tenant["id"],
        "channel": "telegram",
        "to": "me",
        "text": "hi",
        "entities": [{"type": "italic", "offset": 0, "length": 2}],
        "silent": True,
        "reply_to": "3",
    }


@pytest.mark.parametrize(("text", "caption", "messages"), [("x", "", 1), ("x", "c", 2), ("x" * 1025, "", 2)])
async def test_a_text_that_is_no_caption_has_a_random_id(
    api: Api, owner: StandInOwner, tenant: dict[str, Any], text: str, caption: str, messages: int
) -> None:
    """Of its own, before the files'."""
    answer = await send(api, tenant, text=text, attachments=[{"url": "https://a.example/x", "caption": caption}])
    assert answer.status_code == 200
    assert len(owner.asked[0][1]["random_ids"]) == messages


async def test_files_need_no_text(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """But one of the two there must be."""
    asked = {"peer": "me", "attachments": [{"upload_id": "upl_1"}]}
    assert (await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json=asked)).status_code == 200
    assert "text" not in owner.asked[0][1]
    nothing = await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": "me"})
    assert (nothing.status_code, nothing.json()["error"]) == (400, "contradictory_fields")
    assert nothing.json()["fields"][0]["field"] == "body.text"


@pytest.mark.parametrize(
    ("attachment", "status", "code", "field"),
    [
        ({}, 400, "contradictory_fields", "body.attachments.1"),
        ({"url": "https://a.example", "upload_id": "upl_1"}, 400, "contradictory_fields", "body.attachments.1"),
        ({"url": "https://a.example", "content": ""}, 400, "contradictory_fields", "body.attachments.1"),
        ({"url": "https://a.example", "caption": "x" * 1025}, 400, "message_too_long", "body.attachments.1.caption"),
        ({"url": "https://a.example", "caption": "<b>", "parse_mode": "html"}, 400, "invalid_markup", "body.attachments.1.caption"),
        (
            {"url": "https://a.example", "caption": "a", "entities": [{"type": "bold", "offset": 1, "length": 1}]},
            400,
            "contradictory_fields",
            "body.attachments.1.entities.0",
        ),
        ({"content": "no base64"}, 422, "invalid_request", "body.attachments.1.content"),
        ({"url": ""}, 422, "invalid_request", "body.attachments.1.url"),
        ({"url": "https://a.example", "type": "sticker"}, 422, "invalid_request", "body.attachments.1.type"),
        ({"url": "https://a.example", "more": 1}, 422, "invalid_request", "body.attachments.1.more"),
    ],
)
async def test_what_is_no_attachment_is_refused_with_its_field(
    api: Api, owner: StandInOwner, tenant: dict[str, Any], attachment: dict[str, Any], status: int, code: str, field: str
) -> None:
    """Nothing is asked of the owner."""
    answer = await send(api, tenant, attachments=[{"url": "https://a.example"}, attachment])
    said = answer.json()
    assert (answer.status_code, said["error"]) == (status, code), said
    assert said["fields"][0]["field"] == field
    assert owner.asked == []


async def test_a_repeat_with_a_key_sends_nothing(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """It gets the first answer; other files under the key are refused."""
    files = [{"url": "https://a.example/x"}]
    first = await send(api, tenant, "one", attachments=files)
    again = await send(api, tenant, "one", attachments=files)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (first.json(), "true")
    other = await send(api, tenant, "one", attachments=[{"url": "https://a.example/y"}])
    assert other.json()["error"] == "idempotency_key_reused"
    assert len(owner.asked) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("attachments_under_way", 503), ("attachment_unreachable", 400), ("upload_not_found", 400), ("outcome_unknown", 504)],
)
async def test_what_may_yet_succeed_is_tried_again_under_its_key(
    api: Api, owner: StandInOwner, tenant: dict[str, Any], code: str, status: int
) -> None:
    """With the same random ids. The file comes later, or the address answers again."""
    owner.respond = lambda command, body: {"error": code}
    assert (await send(api, tenant, "one", attachments=[{"upload_id": "upl_1"}])).status_code == status
    owner.respond = lambda command, body: SENT_FILES
    assert (await send(api, tenant, "one", attachments=[{"upload_id": "upl_1"}])).status_code == 200
    assert code != "attachments_under_way" or owner.asked[0][1]["random_ids"] == owner.asked[1][1]["random_ids"]
    assert ("began_at" in owner.asked[1][1]) is (code == "outcome_unknown")


async def test_a_refusal_for_good_is_kept_under_its_key(api: Api, owner: StandInOwner, tenant: dict[str, Any]) -> None:
    """The file is what it is."""
    owner.respond = lambda command, body: {"error": "attachment_refused"}
    for _ in range(2):
        answer = await send(api, tenant, "one", attachments=[{"upload_id": "upl_1"}])
        assert (answer.status_code, answer.json()["error"]) == (400, "attachment_refused")
    assert len(owner.asked) == 1
