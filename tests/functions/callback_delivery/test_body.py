"""The body that a callback gets."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.callback_delivery.body import body_of
from shared.model.event import Media, MessageEdited, read_event
from shared.model.ids import Channel
from shared.model.tenant import BodyFormat
from tests.support.events import TENANT, event_of


def test_a_message_has_the_contracts_fields_in_the_contracts_order() -> None:
    """What the first customers read comes first, byte for byte as it was promised."""
    assert body_of(event_of(), 7) == (
        b'{"tenant_id":"' + TENANT.encode() + b'","event":"message","message":{"chat_id":77,"message_id":1,"sender_id":77,'
        b'"sender_username":"anna","text":"message 1","date":"2025-01-25T12:00:00+00:00","sender_name":"Anna","chat_type":"private"},'
        b'"id":"' + event_of().id.encode() + b'","channel":"telegram","tenant":7,"backfilled":false}'
    )


def test_what_is_known_of_media_phone_and_reply_is_told() -> None:
    """Optional fields are there when there is something to say, and absent otherwise."""
    media = Media(type="photo", mime_type="image/jpeg", size=1234)
    message = json.loads(body_of(event_of(media=media, sender_phone="+79001234567", reply_to=5), 7))["message"]
    assert message["media"] == {"type": "photo", "mime_type": "image/jpeg", "size": 1234}
    assert (message["sender_phone"], message["reply_to"]) == ("+79001234567", 5)


def test_what_can_be_fetched_says_where() -> None:
    """By a whole address where the deployment knows its own, else by a path."""
    event = event_of(media=Media(type="video", id="med_1", width=4, height=3, duration=1.5))
    media = json.loads(body_of(event, 7, base_url="https://avio.example/"))["message"]["media"]
    path = f"/tenants/{TENANT}/media/med_1"
    assert media == {"type": "video", "id": "med_1", "url": "https://avio.example" + path, "width": 4, "height": 3, "duration": 1.5}
    assert json.loads(body_of(event, 7))["message"]["media"]["url"] == path


def test_media_of_an_earlier_and_of_a_later_version_is_read() -> None:
    """Of a later one the type is `other` where we have no word for it."""
    stored = json.loads(event_of(media=Media(type="photo")).model_dump_json(exclude_none=True))
    stored["message"]["media"] = {"type": "hologram", "depth": 3, "id": "med_1"}
    assert body_of(read_event(json.dumps(stored)), 7).count(b'"type":"other","id":"med_1"') == 1
    stored["message"]["media"] = {"type": "photo", "mime_type": "image/jpeg"}
    assert body_of(read_event(json.dumps(stored)), 7).count(b'"media":{"type":"photo","mime_type":"image/jpeg"}') == 1


def test_unknown_senders_are_null_not_absent() -> None:
    """The seed's six fields are always there."""
    message = json.loads(body_of(event_of(sender_id=None, sender_username=None, sender_name=None), 7))["message"]
    assert {name: message[name] for name in ("sender_id", "sender_username", "sender_name")} == dict.fromkeys(
        ("sender_id", "sender_username", "sender_name")
    )


TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(TEXT, st.integers(-(1 << 63), (1 << 63) - 1), st.none() | TEXT)
def test_the_bytes_survive_the_queue_unchanged(text: str, chat_id: int, name: str | None) -> None:
    """However often an event goes back to the queue, its body is made of the same bytes."""
    event = event_of(chat_id=chat_id, text=text, sender_name=name)
    again = read_event(event.model_dump_json(exclude_none=True, ensure_ascii=True))
    body = body_of(event, 7)
    assert body_of(again, 7) == body
    parsed: dict[str, Any] = json.loads(body)
    assert (parsed["message"]["text"], parsed["message"]["chat_id"]) == (text, chat_id)


def test_a_message_of_telegrams_has_the_providers_form_where_that_is_chosen() -> None:
    """Ids are text, the time is seconds, and what is not known is left out; a sender who is not known is the chat."""
    media = Media(type="photo", mime_type="image/jpeg", size=1234)
    body = json.loads(body_of(event_of(media=media, reply_to=5, sender_name=None), 7, BodyFormat.MESSAGE_IN))
    assert body == {
        "event": "messages.incoming",
        "tenant": 7,
        "provider": "telegram",
        "channel": "telegram",
        "message_id": "1",
        "from": "77",
        "text": "message 1",
        "ts": 1737806400,
        "media": [{"type": "image", "mime_type": "image/jpeg", "size": 1234}],
        "chat_id": "77",
        "chat_type": "private",
        "sender_username": "anna",
        "reply_to": "5",
    }
    unknown = json.loads(body_of(event_of(chat_id=-100123, sender_id=None), 7, BodyFormat.MESSAGE_IN))
    assert (unknown["from"], unknown["chat_id"], unknown["media"]) == ("-100123", "-100123", [])


def test_kinds_without_a_providers_form_are_as_in_the_other_format() -> None:
    """An edit, for one."""
    known = event_of().model_dump(exclude={"event", "original"})
    edited = MessageEdited(**known, edited_at=known["received_at"])
    assert body_of(edited, 7, BodyFormat.MESSAGE_IN) == body_of(edited, 7)


@given(TEXT, st.dictionaries(TEXT, st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT, max_size=5))
def test_what_a_provider_posted_survives_the_queue_unchanged(text: str, others: dict[str, Any]) -> None:
    """In both formats, and in the same bytes each time."""
    posted = {**others, "text": text}
    kept = {name: value for name, value in posted.items() if name != "text"}
    event = event_of(text=text).model_copy(update={"channel": Channel.WHATSAPP, "original": json.dumps(kept)})
    again = read_event(event.model_dump_json(exclude_none=True, ensure_ascii=True))
    for body_format in BodyFormat:
        assert body_of(again, 7, body_format) == body_of(event, 7, body_format)
    as_event = json.loads(body_of(event, 7))
    assert (as_event["message"]["text"], as_event["original"]) == (text, kept)
    assert json.loads(body_of(event, 7, BodyFormat.MESSAGE_IN)) == {**kept, "tenant": 7, **({"text": text} if text else {})}
