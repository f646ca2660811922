"""Kinds of events and several callbacks through everything: API Gateway, functions, listener, Telegram, queue, delivery (C1, C7, C8)."""

from __future__ import annotations

from typing import Any

import pytest

from local import webhook_receiver
from local.webhook_receiver import Callback, WebhookReceiver, standard_webhooks_holds
from tests.flows.customer import DEADLINE_S, Customer

ALL = [
    "message",
    "message.edited",
    "message.deleted",
    "message.sent",
    "message.read",
    "chat.joined",
    "chat.left",
]


def of_kind(webhook: WebhookReceiver, kind: str) -> Callback:
    """Wait for an event of a kind."""
    found = webhook.wait(lambda callback: callback.payload["event"] == kind, DEADLINE_S)
    assert found is not None, f"no {kind}; got {[one.payload['event'] for one in webhook.got]}"
    return found


@pytest.fixture
def chosen(customer: Customer) -> Customer:
    """A customer who has chosen all kinds, and is logged in."""
    customer.call("PATCH", "", json={"events": ALL}).raise_for_status()
    customer.log_in()
    return customer


def test_each_chosen_kind_comes(chosen: Customer) -> None:
    """C7: edits, deletions, own messages, reads by the other side, and who comes into a group or leaves it."""
    phones = chosen.phones
    written = phones.send(chosen.friend, chosen.phone, "helo")
    message_id = chosen.got("helo").payload["message"]["message_id"]
    phones.edit(chosen.friend, written["id"], "hello")
    edited = of_kind(chosen.webhook, "message.edited").payload
    assert (edited["message"]["text"], edited["message"]["message_id"]) == ("hello", message_id)
    assert edited["message"]["edited_at"] >= edited["message"]["date"]
    phones.delete(chosen.friend, written["id"])
    deleted = of_kind(chosen.webhook, "message.deleted").payload["deleted"]
    assert deleted == {"chat_id": None, "message_ids": [message_id]}

    through_us = chosen.send(chosen.friend_id, "through the API").json()["message_id"]
    phones.send(chosen.phone, chosen.friend, "from my phone")
    sent = of_kind(chosen.webhook, "message.sent").payload["message"]
    assert (sent["text"], sent["chat_id"], sent["outgoing"]) == ("from my phone", chosen.friend_id, True)
    phones.read(chosen.friend, chosen.phone)
    read = of_kind(chosen.webhook, "message.read").payload["read"]
    assert (read["chat_id"], read["by_account"]) == (chosen.friend_id, False)
    assert read["up_to_message_id"] >= through_us

    group = phones.create_group("basic", "Team", chosen.friend, (chosen.phone,))
    phones.remove_member(group["id"], chosen.phone, by=chosen.friend)
    left = of_kind(chosen.webhook, "chat.left").payload["left"]
    assert (left["chat_id"], left["account"], left["by_id"]) == (group["id"], True, chosen.friend_id)
    kinds = [callback.payload["event"] for callback in chosen.webhook.got]
    assert kinds.count("message.sent") == 1, "what was sent through the API came as news"
    counters = phones.counters()
    assert (counters["unknown_methods"], counters["unknown_constructors"]) == ({}, {})


def test_what_is_not_chosen_does_not_come(customer: Customer) -> None:
    """C7: a tenant that says nothing gets messages alone, as before."""
    customer.log_in()
    written = customer.phones.send(customer.friend, customer.phone, "one")
    customer.phones.edit(customer.friend, written["id"], "two")
    customer.phones.send(customer.phone, customer.friend, "own")
    customer.friend_writes("the end")
    customer.got("the end")
    assert {callback.payload["event"] for callback in customer.webhook.got} == {"message"}


def test_a_second_callback_gets_what_it_chooses_signed_by_its_own_secret(customer: Customer) -> None:
    """C8: the first goes on as it did."""
    with webhook_receiver.running() as second:
        made: dict[str, Any] = customer.call("POST", "/callbacks", json={"callback_url": second.url, "events": ["message"]}).json()
        customer.log_in()
        customer.friend_writes("to both")
        first = customer.got("to both")
        other = second.wait(lambda callback: callback.text == "to both", DEADLINE_S)
        assert other is not None
        assert other.body == first.body
        assert standard_webhooks_holds(made["signing_secret"], other.headers, other.body)
        assert standard_webhooks_holds(customer.tenant["signing_secret"], first.headers, first.body)
        log = customer.call("GET", "/deliveries", params={"callback": made["id"]}).json()
        assert [(line["callback"], line["status"]) for line in log] == [(made["id"], "delivered")]
        tested = customer.call("POST", "/callback/test", params={"callback": made["id"]})
        assert (tested.status_code, tested.json()["ok"]) == (200, True), tested.text
        assert customer.call("DELETE", f"/callbacks/{made['id']}").status_code == 200


def test_events_can_be_fetched_instead(customer: Customer) -> None:
    """C8: a long poll answers as soon as something is there, again until it is acknowledged."""
    made = customer.call("POST", "/callbacks", json={"delivery": "pull"}).json()
    customer.log_in()
    customer.friend_writes("fetch me")
    posted = customer.got("fetch me")
    page = customer.call("GET", "/events", params={"wait_s": 20}).json()
    assert page["events"] == [posted.payload]
    assert customer.call("GET", "/events", params={"callback": made["id"]}).json() == page
    acknowledged = customer.call("POST", "/events/ack", json={"cursor": page["cursor"]})
    assert (acknowledged.status_code, acknowledged.json()) == (200, {"ok": True}), acknowledged.text
    assert customer.call("POST", "/events/ack", json={"cursor": page["cursor"]}).status_code == 200
    assert customer.call("GET", "/events").json()["events"] == []
