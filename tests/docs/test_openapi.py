"""The document: what a developer and a generator of code find in it, and that it is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from telethon.tl import types

from functions.callback_delivery.body import body_of
from functions.http.errors import STATUS
from listener.telegram.peers.peer_cache import PeerCache
from listener.telegram.updates.event_draft import DraftContext
from listener.telegram.updates.event_mapping import draft_of
from local import openapi, openapi_operations, openapi_webhooks
from local.openapi_examples import EXAMPLES
from local.openapi_webhooks import MESSAGE
from shared.errors import Code
from shared.model.event import Media, Message, MessageReceived
from shared.model.event_kinds import EventKind
from shared.model.ids import Channel, EventId, TenantId
from shared.store.peers import Peer

DOCUMENT = openapi.document()
OPERATIONS = [(path, method, one) for path, methods in DOCUMENT["paths"].items() for method, one in methods.items()]
ERRORS = [
    (path, method, int(status), answer)
    for path, method, one in OPERATIONS
    for status, answer in one["responses"].items()
    if not status.startswith(("2", "3"))
]
AT = datetime(2026, 3, 1, tzinfo=UTC)


def validator(name: str) -> jsonschema_rs.Validator:
    """Return what checks a value against one of the document's schemas, formats included."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)


@pytest.mark.parametrize(("path", "method", "status", "answer"), ERRORS)
def test_each_error_names_its_codes(path: str, method: str, status: int, answer: dict[str, Any]) -> None:
    """As an enum, those of that status alone, each with an example that the schema takes."""
    content = answer["content"]["application/json"]
    codes = content["schema"]["allOf"][1]["properties"]["error"]["enum"]
    assert {STATUS[Code(code)] for code in codes} == {status}
    assert set(content["examples"]) == set(codes)
    check = jsonschema_rs.Draft202012Validator({**content["schema"], "components": DOCUMENT["components"]}, validate_formats=True)
    for code in codes:
        check.validate(content["examples"][code]["value"])
    assert not check.is_valid({**content["examples"][codes[0]]["value"], "error": "another"})


def test_each_operation_says_who_may_call_what_it_answers_and_what_its_parameters_are() -> None:
    """In words; and none of them is a word of ours."""
    for path, method, one in OPERATIONS:
        assert "405" in one["responses"], path
        assert ("413" in one["responses"]) is ("415" in one["responses"]) is ("requestBody" in one), (path, method)
        assert ("**Callers.**" in one["description"]) is bool(one.get("security")), path
        assert all(parameter["description"] for parameter in one.get("parameters", []))
        assert all("X-Request-Id" in answer["headers"] for answer in one["responses"].values())
        by_key = [entry["TenantKey"] for entry in one.get("security", []) if "TenantKey" in entry]
        assert [len(scopes) for scopes in by_key] == ([1] if path.startswith("/tenants/{tenant}") or path == "/send" else [])
    assert not re.search(r"contract [A-Z]\d|sweeper|hot lane|\bpoison|ledger", json.dumps(DOCUMENT), re.IGNORECASE)
    assert DOCUMENT["servers"][0]["url"] == "/"


def test_bounds_are_said_in_the_words_of_json_schema() -> None:
    """Pydantic writes `ge` for a bound that stands outside of what it bounds, and no generator reads that."""
    assert not re.search(r'"(ge|gt|le|lt)": ', json.dumps(DOCUMENT))


def test_each_example_of_an_answer_is_one() -> None:
    """It fits the model that the route answers with."""
    routes = {route.name: route for router in openapi.ROUTERS for route in router.routes if isinstance(route, APIRoute)}
    images = {
        one["operationId"] for _, _, one in OPERATIONS if "application/json" not in one["responses"][min(one["responses"])]["content"]
    }
    assert set(EXAMPLES) | images == {one["operationId"] for _, _, one in OPERATIONS}
    for name, example in EXAMPLES.items():
        TypeAdapter(routes[name].response_model).validate_json(json.dumps(example))


def test_only_what_is_needed_is_required_of_a_request() -> None:
    """A field with a default is one that generators of code ask for: `{peer, text}` is a message, `{url}` an attachment."""
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["NewMessage"]["required"] == ["peer"]
    assert "required" not in schemas["NewAttachment"]
    assert all("default" not in field for field in schemas["NewMessage"]["properties"].values())
    assert schemas["NewMessage"]["properties"]["peer"]["examples"] == ["me"]
    assert {name: schemas[name].get("required") for name in ("TextEntity", "MediaIn")} == {
        "TextEntity": ["type", "offset", "length"],
        "MediaIn": None,
    }
    assert schemas["MessageIn"]["required"] == ["event", "tenant", "channel", "from"]
    optional = [
        parameter
        for path, _, one in OPERATIONS
        for parameter in one.get("parameters", [])
        if parameter["in"] == "query" and not path.startswith(("/pub/", "/admin/"))
    ]
    assert not any("null" in json.dumps(parameter["schema"]) or parameter["required"] for parameter in optional)


EVENTS = set(openapi_webhooks.schemas())
ASKED = {
    name for _, _, one in OPERATIONS for name in openapi_operations.named_in(one.get("requestBody", {}), DOCUMENT["components"]["schemas"])
}


@pytest.mark.parametrize("name", sorted(set(DOCUMENT["components"]["schemas"]) - ASKED - EVENTS))
def test_what_is_always_in_an_answer_is_required_of_it(name: str) -> None:
    """All of it, null where there is nothing to say; of an error what every error has. A default would make generators of code guess."""
    schema = DOCUMENT["components"]["schemas"][name]
    always = {"ok", "error", "detail", "request_id"} if name == "ErrorBody" else set(schema.get("properties", {}))
    assert set(schema.get("required", [])) == always
    assert not any("default" in one for one in schema.get("properties", {}).values())


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["schemas"]))
def test_a_schema_is_one_that_generators_of_code_make_a_type_of(name: str) -> None:
    """Its name has no module in it, and it is an object or a choice, not a condition beside an object, which becomes a choice of parts."""
    schema = DOCUMENT["components"]["schemas"][name]
    assert "__" not in name
    assert not ("properties" in schema and {"anyOf", "oneOf", "allOf", "not"} & set(schema))
    for one in (schema, *schema.get("anyOf", [])):
        assert set(one.get("required", [])) <= set(one.get("properties", {}))
        assert name not in ASKED or not any("default" in field for field in one.get("properties", {}).values())


@pytest.mark.parametrize(
    ("body", "taken"),
    [
        ({"code": "1"}, True),
        ({"password": "p"}, True),
        ({"code": "1", "password": "p"}, True),
        ({"code": "1", "password": None}, True),
        ({}, False),
        ({"code": None, "password": None}, False),
        ({"code": "1", "more": 1}, False),
    ],
)
def test_a_verification_has_one_of_the_two_and_the_phone_of_a_code(body: dict[str, Any], taken: bool) -> None:
    """As the document has it. A log-in by QR code has no phone, and no code that is typed."""
    assert validator("Verification").is_valid({"phone": "+79001234567", **body}) is taken
    assert validator("Verification").is_valid(body) is (taken and "code" not in body)


@pytest.mark.parametrize("media", [None, Media(type="photo"), Media(type="file", mime_type="text/plain", name="a", size=1)])
@pytest.mark.parametrize("others", [{}, {"sender_id": 5, "sender_username": "a", "sender_name": "A", "sender_phone": "+1", "reply_to": 1}])
def test_an_event_is_what_the_document_says(media: Media | None, others: dict[str, Any]) -> None:
    """Whatever is known of it; and it has no field that the document does not have."""
    message = Message(chat_id=1, message_id=2, chat_type="group", text="", date=AT, media=media, **others)
    event = MessageReceived(id=EventId("evt_1"), tenant_id=TenantId("t"), channel=Channel.TELEGRAM, received_at=AT, message=message)
    body = json.loads(body_of(event, 1))
    validator("EventBody").validate(body)
    for name, part in (("EventBody", body), ("MessageBody", body["message"]), ("MediaBody", body["message"].get("media", {}))):
        assert set(part) <= set(DOCUMENT["components"]["schemas"][name]["properties"])


USERS = st.integers(1, (1 << 40) - 1)
BARE = st.integers(1, 997_852_516_352) | st.integers(1_002_147_483_649, 3_000_000_000_000)  # https://core.telegram.org/api/bots/ids
PEERS = st.builds(types.PeerUser, USERS) | st.builds(types.PeerChat, st.integers(1, 999_999_999_999)) | st.builds(types.PeerChannel, BARE)
NUMBERS = st.integers(1, (1 << 31) - 1)


@given(PEERS, st.none() | PEERS, NUMBERS, NUMBERS, st.integers(0, 4 << 30), st.integers(1, 10**9))
def test_every_integer_of_an_event_is_one_that_javascript_reads(
    chat: Any, sender: Any, number: int, reply_to: int, size: int, tenant: int
) -> None:
    """In the whole range of Telegram's ids and sizes; and the document says the bound of each integer."""
    document = types.Document(1, 2, b"", AT, "text/plain", size, 2, [])
    reply, media = types.MessageReplyHeader(reply_to_msg_id=reply_to), types.MessageMediaDocument(document=document)
    update = types.UpdateNewMessage(types.Message(number, chat, AT, "", from_id=sender, reply_to=reply, media=media), 1, 1)
    found = draft_of(update, 5)
    if found is None:  # Telegram's service account
        return
    event = found.event(DraftContext(TenantId("t"), 5, PeerCache(nobody), AT, backfilled=False))
    integers = dict(_integers(json.loads(body_of(event, tenant))))
    assert set(integers) >= {"chat_id", "message_id", "reply_to", "size", "tenant"}
    for name, value in integers.items():
        assert int(float(value)) == value
        assert abs(value) <= BOUNDS[name], name


async def nobody(_: int) -> Peer | None:
    """Load no peer."""
    return None


def _integers(part: dict[str, Any]) -> Iterator[tuple[str, int]]:
    for name, value in part.items():
        if isinstance(value, dict):
            yield from _integers(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            yield name, value


def _bounds() -> Iterator[tuple[str, int]]:
    for model in EVENTS - {"Event"}:
        for name, field in DOCUMENT["components"]["schemas"][model]["properties"].items():
            for form in (field, *field.get("anyOf", [])):
                if form.get("type") == "integer":
                    assert form["minimum"] == -form["maximum"]
                    yield name, form["maximum"]


BOUNDS = dict(_bounds())


def test_the_bound_of_integers_is_the_standards() -> None:
    """2^53 - 1, for each integer of an event (RFC 8259, section 6)."""
    assert set(BOUNDS) >= {"chat_id", "message_id", "sender_id", "reply_to", "size", "tenant", "thread_id", "user_id", "up_to_message_id"}
    assert set(BOUNDS) >= {"width", "height"}
    assert set(BOUNDS.values()) == {(1 << 53) - 1}


def test_the_webhooks_examples_hold() -> None:
    """Of each kind of event that there is."""
    validator("EventBody").validate(MESSAGE)
    posted = {
        kind: one["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"] for kind, one in DOCUMENT["webhooks"].items()
    }
    assert posted.pop("test") == "#/components/schemas/TestBody"
    assert posted == DOCUMENT["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    assert set(posted) >= {kind.value for kind in EventKind}
