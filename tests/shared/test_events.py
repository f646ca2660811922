"""The kinds of events: each is read as what it was written, and nobody else's form passes for it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from functions.callback_delivery.body import body_of
from shared.model.account import AccountState
from shared.model.event import (
    AccountStatusChanged,
    ChatJoined,
    ChatLeft,
    ChatMigrated,
    Deletion,
    Event,
    LoginCode,
    Membership,
    MessageEdited,
    MessageReacted,
    MessageReceived,
    MessagesDeleted,
    MessageSent,
    MessagesRead,
    Migration,
    ProviderReady,
    QrShown,
    Reaction,
    Reading,
    StatusChange,
    read_event,
)
from shared.model.ids import Channel, EventId, TenantId
from shared.queues import body_of as queued_body_of
from shared.queues import parse
from tests.support.events import event_of

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WHATSAPP = "79991234567@c.us"


def kinds(channel: Channel, chat: str, message: str) -> list[Event]:
    """Return an event of each kind."""
    known: dict[str, Any] = {"id": EventId("evt_1"), "tenant_id": TenantId("t"), "channel": channel, "received_at": AT}
    said = event_of().message.model_copy(update={"chat_id": chat, "message_id": message, "sender_id": chat, "reply_to": message})
    members = Membership(chat_id=chat, chat_type="group", message_id=message, date=AT, user_ids=(chat,), account=False)
    return [
        MessageReceived(**known, message=said),
        MessageEdited(**known, message=said, edited_at=AT),
        MessageSent(**known, message=said),
        MessagesDeleted(**known, deleted=Deletion(chat_id=chat, message_ids=(message,))),
        MessagesRead(**known, read=Reading(chat_id=chat, up_to_message_id=message, by_account=True)),
        MessageReacted(**known, reaction=Reaction(chat_id=chat, message_id=message, sender_id=chat, emoji=("👍",))),
        ChatJoined(**known, joined=members),
        ChatLeft(**known, left=members),
        ChatMigrated(**known, migrated=Migration(chat_id=chat, to_chat_id=chat, date=AT)),
        AccountStatusChanged(**known, status=StatusChange(state=AccountState.RESTRICTED, reason="peer_flood")),
        QrShown(**known, qr=LoginCode(id="1715940000000", svg="<svg/>")),
        ProviderReady(**known),
    ]


def test_every_kind_is_tried_here() -> None:
    """A kind that is added is added here too."""
    assert {type(event) for event in kinds(Channel.TELEGRAM, "1", "2")} == set(get_args(Event))


@pytest.mark.parametrize("channel", Channel)
def test_an_event_is_read_as_what_it_was_written(channel: Channel) -> None:
    """From the queue and from a record, of each kind and channel."""
    for event in kinds(channel, WHATSAPP, "true_79991234567@c.us_3EB0"):
        assert parse(queued_body_of(event)) == event
        assert read_event(event.model_dump_json(exclude_none=True)) == event


def test_telegrams_ids_of_before_are_read() -> None:
    """They were numbers."""
    before = json.loads(queued_body_of(event_of(chat_id=-1001234567890, message_id=7)))
    before["message"] |= {"chat_id": -1001234567890, "message_id": 7, "sender_id": 77}
    assert parse(json.dumps(before)) == event_of(chat_id=-1001234567890, message_id=7)


def test_what_is_ordered_is_a_chat() -> None:
    """What happens in no chat has an order of its own, on each channel."""
    groups = {type(event): event.group for event in kinds(Channel.WHATSAPP, WHATSAPP, "3EB0")}
    assert groups[MessageReceived] == groups[MessagesDeleted] == groups[MessagesRead] == f"t:whatsapp:{WHATSAPP}"
    assert groups[AccountStatusChanged] == groups[QrShown] == "t:whatsapp:-"


def test_a_kind_of_a_later_version_is_refused_and_not_quoted() -> None:
    """Its entry waits for a version that knows it; an error goes to the log."""
    later = json.loads(queued_body_of(event_of(text="secret words"))) | {"event": "message.pinned"}
    with pytest.raises(ValidationError) as refused:
        parse(json.dumps(later))
    assert "secret words" not in str(refused.value)


def test_a_body_names_telegrams_ids_as_numbers() -> None:
    """And every other channel's as the text that they are."""
    for event in kinds(Channel.TELEGRAM, "-1001234567890", "7"):
        told = json.loads(body_of(event, 3))
        assert (told["event"], told["id"], told["tenant_id"], told["tenant"]) == (event.event, "evt_1", "t", 3)
        assert '"7"' not in json.dumps(told)
        assert '"-1001234567890"' not in json.dumps(told)
    for event in kinds(Channel.WHATSAPP, WHATSAPP, "3EB0"):
        told = json.loads(body_of(event, 3))
        assert told["channel"] == "whatsapp"
        if "message" in told:
            assert (told["message"]["chat_id"], told["message"]["message_id"]) == (WHATSAPP, "3EB0")


def test_two_kinds_about_one_message_differ_in_their_kind_alone() -> None:
    """So that a receiver who knows messages can read an edit; it also says when the edit was made."""
    received, edited, *_ = (json.loads(body_of(event, 3)) for event in kinds(Channel.TELEGRAM, "1", "2"))
    assert received["message"] | {"edited_at": "2026-03-01T12:00:00+00:00"} == edited["message"]
