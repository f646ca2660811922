"""What a tenant says of its callback: the headers that it wants along, and the chats that it wants to hear of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.crypto import Purpose
from tests.functions.api import Api, key

GOOD_HEADERS: list[dict[str, str]] = [
    {"Authorization": "Bearer secret"},
    {"X-Api-Key": "!~ #"},
    {"x-env": "a", "X-Shop_1.b": "c"},
    {f"X-{number}": "v" for number in range(20)},
    {"X-Long": "v" * 1024},
    {"Cookie": "a=b; c=d"},
]
BAD_HEADERS: list[Any] = [
    *(
        {name: "x"}
        for name in ("Host", "HOST", "Content-Type", "content-length", "Transfer-Encoding", "Connection", "TE", "Upgrade", "Expect")
    ),
    *({name: "x"} for name in ("webhook-id", "Webhook-Signature", "X-Signature", "user-agent", "Accept-Encoding", "Proxy-Authorization")),
    *(
        {name: "x"}
        for name in ("X-Forwarded-For", "Forwarded", "Metadata-Flavor", "X-aws-ec2-metadata-token", "Sec-Fetch-Site", "Keep-Alive")
    ),
    *({name: "x"} for name in ("", " ", "a b", "a:b", "a\r\nb", "ключ", "a" * 65, "(a)", "\x00")),
    *({"X-A": value} for value in ("", " ", "a\r\nX-B: c", "a\nb", "\x00", " a", "a ", "я", "v" * 1025, "\x7f", "a\tb", None, 1, ["a"])),
    *({name: "x"} for name in ("X_Signature", "Webhook_Id", "Content_Length", "Transfer_Encoding", "Transfer.Encoding", "x_forwarded_for")),
    *({name: "x"} for name in ("X-Amz-Target", "x_amz_date", "X-Amzn-Trace-Id")),
    {"Authorization": "AWS4-HMAC-SHA256 Credential=a/b"},
    {"X-A": "1", "x-a": "2"},
    {"X-A": "1", "X_A": "2"},
    {f"X-{number}": "v" for number in range(21)},
    {f"X-{number}": "v" * 1000 for number in range(5)},
    [],
    "X-A: b",
]


@pytest.mark.parametrize("headers", GOOD_HEADERS, ids=lambda headers: str(headers)[:30])
async def test_headers_are_sealed_and_only_their_names_are_shown(api: Api, headers: dict[str, str]) -> None:
    """They carry credentials: no answer and no clear field of the row has a value."""
    tenant = await api.new_tenant()
    answer = await api.call("PATCH", f"/tenants/{tenant['id']}", headers=key(tenant["key"]), json={"callback_headers": headers})
    assert (answer.status_code, answer.json()["callback_header_names"]) == (200, list(headers))
    stored = api.tenant(tenant["id"])
    assert stored
    assert stored.callback_headers
    sealed = stored.callback_headers
    assert json.loads(api.envelope.unwrap(stored.id, Purpose.HEADERS, sealed.key).open(sealed.sealed)) == headers
    assert "Bearer secret" not in answer.text + str(stored)


@pytest.mark.parametrize("headers", BAD_HEADERS, ids=lambda headers: ascii(headers)[:30])
async def test_headers_that_are_ours_or_are_none_are_refused(api: Api, headers: Any) -> None:
    """422 at creation and at change alike, with the field named and no value in the answer."""
    tenant = await api.new_tenant()
    for method, path in (("POST", "/tenants"), ("PATCH", f"/tenants/{tenant['id']}")):
        answer = await api.call(method, path, json={"name": "Shop", "callback_headers": headers})
        assert answer.status_code == 422
        assert all(one["field"].startswith("body.callback_headers") for one in answer.json()["fields"])
        assert "vvvv" not in answer.text


@pytest.mark.parametrize("nothing", [None, {}])
async def test_headers_can_be_taken_away(api: Api, nothing: Any) -> None:
    """Null or none; a change that does not name them leaves them."""
    tenant = await api.new_tenant(callback_headers={"X-A": "b"})
    kept = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"name": "Store"})
    gone = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"callback_headers": nothing})
    assert (kept.json()["callback_header_names"], gone.json()["callback_header_names"]) == (["X-A"], [])
    stored = api.tenant(tenant["id"])
    assert stored
    assert stored.callback_headers is None


async def test_private_chats_and_groups_are_heard_of_unless_told_otherwise(api: Api) -> None:
    """Channels only where they are named; null goes back to that."""
    tenant = await api.new_tenant()
    assert tenant["chat_types"] == ["group", "private"]
    stored = api.tenant(tenant["id"])
    assert stored
    assert [stored.wants(kind) for kind in ("private", "group", "channel")] == [True, True, False]
    changed = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"chat_types": ["channel", "private"]})
    stored = api.tenant(tenant["id"])
    assert stored
    assert changed.json()["chat_types"] == ["channel", "private"]
    assert [stored.wants(kind) for kind in ("private", "group", "channel")] == [True, False, True]
    back = await api.call("PATCH", f"/tenants/{tenant['id']}", json={"chat_types": None})
    assert back.json()["chat_types"] == ["group", "private"]


@pytest.mark.parametrize("kinds", [[], ["supergroup"], "private", [None], {"private": True}, [["private"]]])
async def test_chat_types_that_there_are_not_are_refused(api: Api, kinds: Any) -> None:
    """None at all is refused too: a tenant that wants nothing has no callback."""
    for method, path in (("POST", "/tenants"), ("PATCH", f"/tenants/{(await api.new_tenant())['id']}")):
        assert (await api.call(method, path, json={"name": "Shop", "chat_types": kinds})).status_code == 422


@pytest.mark.parametrize(("path", "field", "values"), [("", "chat_types", ["group", "group"]), ("/keys", "scopes", ["read", "read"])])
async def test_what_has_no_order_is_named_once(api: Api, path: str, field: str, values: list[str]) -> None:
    """As the document says it: a second time is a mistake of whoever wrote it."""
    tenant = await api.new_tenant()
    answer = await api.call("POST" if path else "PATCH", f"/tenants/{tenant['id']}{path}", json={field: values})
    assert (answer.status_code, answer.json()["detail"]) == (422, f"body.{field}: Each should be given once.")
