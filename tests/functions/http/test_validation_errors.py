"""What is wrong with a request's fields is told in words, by the fields' plain paths."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shared.errors import DETAILS, Code
from tests.functions.api import ADMIN, Api
from tests.functions.documented_routes import BODIES, MODELLED, WRONG_VALUES, body_of, filled

WHOLE = ("/webhook", {"body"})
"""A message without text and media: that is no single field's fault. Nor is half of a surrogate pair, which may be anywhere."""
PLAIN = re.compile(r"(body|query|path)(\.[A-Za-z0-9_-]+)*")


@pytest.mark.parametrize(("method", "path"), MODELLED)
@pytest.mark.parametrize("value", WRONG_VALUES, ids=lambda value: repr(value)[:12])
async def test_the_detail_is_the_first_problem(api: Api, method: str, path: str, value: Any) -> None:
    """Of any field of any route with any odd value: a sentence of its own, with the field named as the caller wrote it."""
    tenant = await api.new_tenant()
    for field in BODIES[path]:
        content = json.dumps({**(body_of(path, tenant["number"]) or {}), field: value}).encode()
        headers = {**ADMIN, "Content-Type": "application/json"}
        told = (await api.call(method, filled(path, tenant["id"]), headers=headers, content=content)).json()
        if told.get("error") != "invalid_request":
            continue
        first = told["fields"][0]
        assert told["detail"] != DETAILS[Code.INVALID_REQUEST]
        assert told["detail"].startswith(f"{first['field']}: {first['problem']}")
        named = {one["field"] for one in told["fields"]}
        assert named == {f"body.{field}"} or first["field"].startswith(f"body.{field}.") or (path, named) == WHOLE
        assert all(PLAIN.fullmatch(one["field"]) for one in told["fields"])
        assert first["problem"].endswith((".", ")"))


@pytest.mark.parametrize(
    ("path", "body", "detail"),
    [
        ("/tenants", {}, "body.name: This field is required."),
        ("/tenants", {"name": "x", "colour": "red"}, "body.colour: There is no such field."),
        ("/tenants", {"name": 1}, "body.name: This should be a string."),
        ("/tenants", {"name": 1, "colour": 1}, "body.name: This should be a string. (1 more: see `fields`.)"),
        ("/tenants", {"name": " "}, "body.name: This should have at least 1 character(s)."),
        ("/tenants", {"name": "x", "callback_headers": {"X-Key": 1}}, "body.callback_headers.X-Key: This should be a string."),
        (
            "/tenants",
            {"name": "x", "chat_types": ["group", "crowd"]},
            "body.chat_types.1: This should be one of 'private', 'group' or 'channel'.",
        ),
        ("/tenants/1/messages/location", {"peer": "me", "latitude": 1.5}, "body.longitude: This field is required."),
        ("/tenants/1/messages/send", {"peer": [], "text": "x"}, "body.peer: This should be a whole number. Or: This should be a string."),
    ],
)
async def test_the_words(api: Api, path: str, body: Any, detail: str) -> None:
    """They say what would be right."""
    tenant = await api.new_tenant()
    path = path.replace("/tenants/1/", f"/tenants/{tenant['number']}/")
    assert (await api.call("POST", path, json=body)).json()["detail"] == detail


async def test_an_empty_peer_is_told_what_a_peer_is(api: Api) -> None:
    """As any other that is none."""
    tenant = await api.new_tenant()
    for peer in ("", " ", "?"):
        told = (await api.call("POST", f"/tenants/{tenant['id']}/messages/send", json={"peer": peer, "text": "x"})).json()
        assert (told["error"], "@username" in told["detail"], told["fields"][0]["field"]) == ("invalid_request", True, "body.peer")
