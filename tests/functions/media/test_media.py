"""Fetching media and making uploads over HTTP, with a worker that answers as told."""

from __future__ import annotations

from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from shared.media_bucket import media_key, upload_key
from shared.model.account import AccountState
from tests.functions.api import Api, key
from tests.functions.sends import logged_in
from tests.support.stand_in_owner import StandInOwner


async def fetch(api: Api, tenant: dict[str, Any], query: str = "") -> httpx.Response:
    return await api.call("GET", f"/tenants/{tenant['id']}/media/med_1{query}", headers=key(tenant["key"]))


@pytest.mark.parametrize(("query", "thumbnail"), [("", {}), ("?thumbnail=0", {}), ("?thumbnail=1", {"thumbnail": True})])
async def test_small_media_is_answered_as_it_is(api: Api, owner: StandInOwner, query: str, thumbnail: dict[str, Any]) -> None:
    """Under the sender's type and name, and so that no browser runs it."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"content": b64encode(b"<script>").decode(), "mime_type": "text/html", "file_name": "a/счёт.html"}
    answer = await fetch(api, tenant, query)
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"<script>", "text/html")
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "private, no-store")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert owner.asked == [("v4/media/get", {"tenant": tenant["id"], "channel": "telegram", "media_id": "med_1", **thumbnail})]


async def test_larger_media_is_where_the_answer_says(api: Api, owner: StandInOwner) -> None:
    """At an address that is signed for a quarter of an hour."""
    tenant = await logged_in(api, owner)
    file = media_key(tenant["id"], "5")
    owner.respond = lambda command, body: {"key": file, "mime_type": "video/mp4", "file_name": "film.mp4"}
    answer = await fetch(api, tenant)
    address = urlsplit(answer.headers["Location"])
    assert (answer.status_code, address.path.endswith(file)) == (302, True)
    assert parse_qs(address.query)["response-content-type"] == ["video/mp4"]
    assert parse_qs(address.query)["X-Amz-Expires"] == ["900"]


async def test_media_under_way_is_asked_for_again(api: Api, owner: StandInOwner) -> None:
    """After the seconds of `Retry-After`."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"retry_after_seconds": 5}
    answer = await fetch(api, tenant)
    assert (answer.status_code, answer.headers["Retry-After"]) == (202, "5")
    assert answer.json() == {"state": "downloading", "retry_after_seconds": 5}


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("media_not_found", 404),
        ("media_expired", 410),
        ("media_self_destructs", 409),
        ("media_has_no_thumbnail", 404),
        ("unavailable", 503),
    ],
)
async def test_a_refusal_of_the_owner_is_the_callers(api: Api, owner: StandInOwner, code: str, status: int) -> None:
    """With its code and words."""
    tenant = await logged_in(api, owner)
    owner.respond = lambda command, body: {"error": code}
    answer = await fetch(api, tenant)
    assert (answer.status_code, answer.json()["error"]) == (status, code)


async def test_who_is_not_logged_in_has_no_media(api: Api, owner: StandInOwner) -> None:
    """And no worker is asked."""
    tenant = await logged_in(api, owner, AccountState.LOGGED_OUT)
    answer = await fetch(api, tenant)
    assert (answer.status_code, answer.json()["error"]) == (401, "not_authorized")
    assert owner.asked == []


async def test_an_upload_has_an_address_of_its_own(api: Api, owner: StandInOwner) -> None:
    """For exactly so many bytes of that type, in the tenant's own place."""
    tenant = await logged_in(api, owner)
    asked = {"size": 5, "mime_type": "video/mp4"}
    answers = [await api.call("POST", f"/tenants/{tenant['id']}/uploads", json=asked, headers=key(tenant["key"])) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    first, second = (answer.json() for answer in answers)
    assert first["upload_id"] != second["upload_id"]
    assert urlsplit(first["url"]).path.endswith(upload_key(tenant["id"], first["upload_id"]))
    assert (first["method"], first["headers"]) == ("PUT", {"Content-Type": "video/mp4", "Content-Length": "5"})


@pytest.mark.parametrize(
    "asked", [{}, {"size": 0}, {"size": 2_097_152_001}, {"size": 1.5}, {"size": 1, "mime_type": "x"}, {"size": 1, "m": 1}]
)
async def test_what_is_no_upload_is_refused(api: Api, owner: StandInOwner, asked: dict[str, Any]) -> None:
    """Larger than Telegram takes, empty, or of no type."""
    tenant = await logged_in(api, owner)
    answer = await api.call("POST", f"/tenants/{tenant['id']}/uploads", json=asked)
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
