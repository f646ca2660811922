"""Taking a session over, over HTTP, with a worker that answers as told (M6)."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest

from tests.functions.api import Api
from tests.support.stand_in_owner import StandInOwner

STRINGS: dict[str, str] = json.loads((Path(__file__).parents[2] / "shared" / "session_strings.json").read_text())
STOPPED = {"other_client_stopped": True}


async def imported(api: Api, body: dict[str, Any]) -> Any:
    """Return the answer to an import for a new tenant."""
    tenant = await api.new_tenant()
    return await api.call("POST", f"/tenants/{tenant['id']}/auth/import", json=body)


@pytest.mark.parametrize("name", ["telethon", "pyrogram", "gramjs", "mtcute"])
async def test_the_owner_is_given_what_the_string_holds(api: Api, owner: StandInOwner, name: str) -> None:
    """Data centre, key, and the user where the string names one; never the string."""
    owner.respond = lambda command, body: {"state": "authorized"}
    answer = await imported(api, {"session": STRINGS[name], "phone": "+7 900 123-45-67", **STOPPED})
    assert (answer.status_code, answer.json()) == (200, {"authorized": True, "state": "authorized"})
    ((command, body),) = owner.asked
    assert (command, body["dc_id"], body["phone"], b64decode(body["auth_key"])) == ("v2/auth/import", 4, "+79001234567", bytes(range(256)))
    assert ("user_id" in body) == (name in {"pyrogram", "mtcute"})
    assert STRINGS[name] not in json.dumps(body)


@pytest.mark.parametrize("body", [{}, {"other_client_stopped": False}])
async def test_the_other_client_must_have_stopped(api: Api, owner: StandInOwner, body: dict[str, Any]) -> None:
    """Said so; otherwise the answer explains what becomes of a session with two users."""
    answer = await imported(api, {"session": STRINGS["telethon"], **body})
    assert owner.asked == []
    if body:
        assert (answer.status_code, answer.json()["error"]) == (400, "other_client_running")
        assert "AUTH_KEY_DUPLICATED" in answer.json()["detail"]
    else:
        assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        {"session": "not a session"},
        {"session": STRINGS["telethon"][:200]},
        {"session": STRINGS["telethon"], "format": "mtcute"},
        {"session": STRINGS["pyrogram_bot"]},
        {"session": "1" * 2048},
    ],
)
async def test_a_string_that_is_none_is_refused_and_not_repeated(api: Api, owner: StandInOwner, body: dict[str, Any]) -> None:
    """Before anybody is asked."""
    answer = await imported(api, {**body, **STOPPED})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (400, "invalid_session", [])
    assert body["session"][:20] not in answer.text


@pytest.mark.parametrize("body", [{"session": "1" * 2049}, {"session": 5}, {"session": STRINGS["telethon"], "format": "tdlib"}])
async def test_a_body_of_another_form_is_refused_and_not_repeated(api: Api, owner: StandInOwner, body: dict[str, Any]) -> None:
    """As everywhere."""
    answer = await imported(api, {**body, **STOPPED})
    assert (answer.status_code, answer.json()["error"], owner.asked) == (422, "invalid_request", [])
    assert str(body["session"])[:20] not in answer.text or body["session"] == 5


@pytest.mark.parametrize(("error", "status"), [("session_revoked", 400), ("session_in_use", 409), ("already_authorized", 409)])
async def test_what_the_owner_refuses_reaches_the_caller(api: Api, owner: StandInOwner, error: str, status: int) -> None:
    """With its status."""
    owner.respond = lambda command, body: {"error": error, "detail": "d"}
    answer = await imported(api, {"session": STRINGS["gramjs"], **STOPPED})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
