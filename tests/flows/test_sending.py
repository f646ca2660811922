"""Sending in every form through API Gateway (contract M1, M4), and the field cases of it."""

from __future__ import annotations

from typing import Any

from tests.flows.customer import Customer


def sends(customer: Customer, verb: str = "send", **body: Any) -> dict[str, Any]:
    """Send, and return the answer of a send that succeeded."""
    answer = customer.call("POST", f"/messages/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refusal(customer: Customer, verb: str = "send", **body: Any) -> tuple[int, str, str]:
    answer = customer.call("POST", f"/messages/{verb}", json=body)
    return answer.status_code, answer.json()["error"], answer.json()["detail"]


def test_m1_a_message_finds_its_peer_in_every_form(customer: Customer) -> None:
    """M1, field cases S1, S2, S3, S4, S5: names, links, phones and ids; what cannot be sent is told, and nothing of it arrives."""
    customer.log_in()
    name, phone = customer.username, customer.friend
    spaced = f"tel:{phone[:4]} ({phone[4:7]}) {phone[7:]}"
    peers = [name, f"@{name.upper()}", f"t.me/{name}", f"https://t.me/{name}/123", f"tg://resolve?domain={name}", phone, spaced]
    for peer in peers:
        assert sends(customer, peer=peer, text=f"to {peer}")["peer_resolved"] == customer.friend_id
    assert refusal(customer, peer="t.me/+AbCdEf01234", text="x")[:2] == (400, "invite_link")
    status, code, detail = refusal(customer, peer="9996610001", text="x")
    assert (status, code) == (400, "peer_not_found")
    assert "begin with +" in detail
    absent = "+99966999999"
    assert refusal(customer, peer=absent, text="x", allow_import_contact=False)[:2] == (400, "PHONE_NOT_IN_CONTACTS")
    assert refusal(customer, peer=absent, text="x")[:2] == (400, "PHONE_NOT_IN_CONTACTS_OR_NOT_ON_TELEGRAM")
    assert refusal(customer, peer="me", text="🙂" * 2049)[:2] == (400, "message_too_long")
    assert refusal(customer, peer=name, text="x", reply_to=4_000_000)[:2] == (400, "reply_not_found")
    status, code, detail = refusal(customer, peer=name, text="fine\n**a", parse_mode="markdown")
    assert (status, code) == (400, "invalid_markup")
    assert "line 2, column 1" in detail
    marked = sends(customer, peer=name, text="<b>bold</b> &amp; plain", parse_mode="html", silent=True)
    arrived = customer.phones.wait_messages(customer.friend, len(peers) + 1, direction="in")
    assert [message["text"] for message in arrived] == [*(f"to {peer}" for peer in peers), "bold & plain"]
    assert [(e["type"], e["offset"], e["length"]) for e in arrived[-1]["entities"]] == [("Bold", 0, 4)]
    assert marked["message_id"]


def test_m4_places_contacts_polls_and_forwards(customer: Customer) -> None:
    """M4: one form of answer; several ids where several messages were made."""
    customer.log_in()
    peer = f"@{customer.username}"
    text = sends(customer, peer=peer, text="original")
    sends(customer, "location", peer=peer, latitude=48.2, longitude=16.37)
    sends(customer, "contact", peer=peer, phone="+43 1 234 5678", first_name="Cy")
    poll = sends(customer, "poll", peer=peer, question="Tea?", answers=["yes", "no"])
    assert set(poll) == {"peer_resolved", "message_id", "date"}
    assert refusal(customer, "poll", peer=peer, question="?", answers=["a", "b"], kind="quiz")[:2] == (400, "contradictory_fields")
    both = [text["message_id"], poll["message_id"]]
    forwarded = sends(customer, "forward", from_peer=peer, message_ids=both, peer="me")
    assert len(forwarded["message_ids"]) == 2
    assert forwarded["message_id"] == forwarded["message_ids"][0]
    assert refusal(customer, "forward", from_peer=peer, message_ids=[4_000_000], peer="me")[:2] == (400, "message_not_found")
    assert len(customer.phones.wait_messages(customer.friend, 4, direction="in")) == 4
    counters = customer.phones.counters()
    assert (counters["unknown_methods"], counters["unknown_constructors"]) == ({}, {})


def test_r6_sends_to_a_group_that_became_a_supergroup_reach_the_new_one(customer: Customer) -> None:
    """R6: by the old id, and the answer has the new one."""
    customer.log_in()
    club = customer.phones.create_group("basic", "Club", customer.friend, (customer.phone,))["id"]
    customer.phones.send(customer.friend, str(club), "in the club")
    customer.got("in the club")
    moved = customer.phones.migrate_group(club, customer.friend)["id"]
    assert sends(customer, peer=club, text="still there?")["peer_resolved"] == moved
