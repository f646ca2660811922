"""The main job through everything: API Gateway, functions, tables, KMS, listener, Telegram, queue, delivery."""

from __future__ import annotations

from typing import Any

from local.webhook_receiver import standard_webhooks_holds, x_signature_holds
from shared.store import keys
from tests.flows.customer import Customer, until
from tests.support.stored_content import OutOfSight, StoredContent


def test_log_in_send_and_receive(customer: Customer) -> None:
    """A phone is logged in, writes, and what is written to it arrives as a POST whose two signatures hold."""
    customer.log_in()
    status = customer.call("GET", "/status").json()
    assert (status["authorized"], status["state"], status["phone"]) == (True, "authorized", customer.phone)
    for peer in ("me", f"@{customer.username}", customer.friend_id, str(customer.friend_id)):
        sent = customer.send(peer, f"to {peer}")
        assert sent.status_code == 200, sent.text
        assert set(sent.json()) == {"peer_resolved", "message_id", "date"}
    arrived = customer.phones.wait_messages(customer.friend, 3, direction="in")
    assert [message["text"] for message in arrived] == [f"to @{customer.username}", f"to {customer.friend_id}", f"to {customer.friend_id}"]
    customer.friend_writes("an answer")
    callback = customer.got("an answer")
    secret = customer.tenant["signing_secret"]
    assert standard_webhooks_holds(secret, callback.headers, callback.body)
    assert x_signature_holds(secret, callback.headers, callback.body)
    assert callback.headers["webhook-id"] == callback.payload["id"]
    assert callback.payload["tenant_id"] == customer.tenant["id"]
    assert callback.payload["message"]["sender_username"] == customer.username
    reply = customer.send(callback.payload["message"]["chat_id"], "a reply")
    assert reply.status_code == 200


def test_messages_of_one_chat_are_delivered_in_order(customer: Customer) -> None:
    """Each once."""
    customer.log_in()
    for number in range(12):
        customer.friend_writes(str(number))
    customer.got("11")
    assert customer.texts() == [str(number) for number in range(12)]


def test_a_log_out_ends_it_everywhere(customer: Customer) -> None:
    """At Telegram, in the status, and for sends."""
    customer.log_in()
    assert customer.call("POST", "/logout").json()["state"] == "logged_out"
    assert customer.phones.authorizations(customer.phone) == []
    refused = customer.send("me", "no more")
    assert (refused.status_code, refused.json()["error"], refused.json()["state"]) == (401, "not_authorized", "logged_out")


def test_a_deleted_tenant_is_shut_at_once_and_then_gone(customer: Customer) -> None:
    """Its key opens nothing from the answer on; its account is logged out at Telegram."""
    customer.log_in()
    assert customer.call("DELETE", "").status_code == 202
    assert customer.call("GET", "/status").status_code == 401
    until(lambda: customer.phones.authorizations(customer.phone) == [])
    counters = customer.phones.counters()
    assert counters["auth_key_duplicated"] == 0
    assert counters["unknown_methods"] == {}


def test_of_a_deleted_tenant_only_the_note_of_its_end_stays(customer: Customer) -> None:
    """The deployed erasure function has the rights that it needs: tables, buckets and queues hold neither the tenant's id nor its text."""
    tenant_id, emulator = customer.tenant["id"], customer.system.emulator
    stored, words = StoredContent(emulator), f"words for {tenant_id}"
    customer.log_in()
    customer.friend_writes(words)
    customer.got(words)
    sqs: Any = emulator.client("sqs")
    (dead,) = [url for url in sqs.list_queues()["QueueUrls"] if "Dead" in url]
    group = f"{tenant_id}:telegram:1"
    sqs.send_message(QueueUrl=dead, MessageBody=words, MessageGroupId=group, MessageDeduplicationId=tenant_id)
    until(lambda: _kinds(stored, tenant_id, words) == {"table", "queue"})
    assert customer.call("DELETE", "").status_code == 202
    until(lambda: customer.phones.authorizations(customer.phone) == [])
    functions: Any = emulator.client("lambda")
    (erasure,) = [one["FunctionName"] for one in functions.list_functions()["Functions"] if one["Handler"].startswith("functions.erasure.")]

    def only_the_note() -> bool:
        assert "FunctionError" not in functions.invoke(FunctionName=erasure)
        try:
            found = stored.find(tenant_id, words)
        except OutOfSight:
            return False
        return [where.partition(": ")[2].split()[0] for where in found] == [keys.ENDED]

    until(only_the_note)


def _kinds(stored: StoredContent, *texts: str) -> set[str]:
    """Return the kinds of places where a text is; none while messages come and go."""
    try:
        return {where.partition(" ")[0] for where in stored.find(*texts)}
    except OutOfSight:
        return set()
