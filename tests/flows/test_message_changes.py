"""Messages that exist, changed through everything: API Gateway, function, owner, Telegram (contract M2, M4)."""

from __future__ import annotations

from tests.flows.customer import Customer


def test_a_message_is_edited_reacted_to_pinned_and_deleted(customer: Customer) -> None:
    """M4: what the other side sees after each."""
    customer.log_in()
    sent = customer.send(f"@{customer.username}", "hello").json()
    of_message = {"peer": sent["peer_resolved"], "message_id": sent["message_id"]}
    edited = customer.call("POST", "/messages/edit", json={**of_message, "text": "hello again"})
    assert (edited.status_code, edited.json()["message_id"]) == (200, sent["message_id"]), edited.text
    assert customer.call("POST", "/messages/react", json={**of_message, "reactions": ["👍"]}).status_code == 200
    assert customer.call("POST", "/messages/pin", json=of_message).status_code == 200
    (seen,) = customer.phones.wait_messages(customer.friend, 1, direction="in")
    assert (seen["text"], seen["pinned"], [one["emoji"] for one in seen["reactions"]]) == ("hello again", True, ["👍"])
    deleted = customer.call("POST", "/messages/delete", json={"peer": sent["peer_resolved"], "message_ids": [sent["message_id"]]})
    assert deleted.json() == {"peer_resolved": sent["peer_resolved"], "message_ids": [sent["message_id"]]}
    gone = customer.call("POST", "/messages/edit", json={**of_message, "text": "too late"})
    assert (gone.status_code, gone.json()["error"]) == (400, "message_not_found")


def test_a_read_receipt_reaches_the_sender(customer: Customer) -> None:
    """M2: with the chat and message of an event."""
    customer.log_in()
    customer.friend_writes("read me")
    message = customer.got("read me").payload["message"]
    receipt = {"peer": message["chat_id"], "max_id": message["message_id"]}
    assert customer.call("POST", "/messages/read-receipt", json=receipt).json() == {"peer_resolved": message["chat_id"]}
    (seen,) = customer.phones.wait_messages(customer.friend, 1, direction="out")
    assert seen["read"]
