"""What Telegram refuses is told by a code for what can be done about it: through API Gateway and everything behind it."""

from __future__ import annotations

from typing import Any

from local import openapi
from tests.flows.customer import Customer

SEND = "messages.sendMessage"
POLL = {"question": "Tea?", "answers": ["yes", "no"]}
REFUSALS: list[tuple[str, dict[str, Any], str, int, str, int, dict[str, Any]]] = [
    ("send", {"text": "x"}, SEND, 403, "ALLOW_PAYMENT_REQUIRED_25", 402, {"error": "paid_message", "price_stars": 25}),
    ("send", {"text": "x"}, SEND, 403, "CHAT_SEND_PLAIN_FORBIDDEN", 403, {"error": "content_forbidden"}),
    ("send", {"text": "x"}, SEND, 403, "CHAT_GUEST_SEND_FORBIDDEN", 403, {"error": "not_a_member"}),
    ("send", {"text": "x"}, SEND, 403, "CHAT_ADMIN_REQUIRED", 403, {"error": "admin_required"}),
    ("send", {"text": "x"}, SEND, 406, "TOPIC_CLOSED", 403, {"error": "topic_closed"}),
    ("send", {"text": "x"}, SEND, 406, "TOPIC_DELETED", 403, {"error": "topic_closed"}),
    ("send", {"text": "x"}, SEND, 403, "PRIVACY_PREMIUM_REQUIRED", 403, {"error": "premium_required"}),
    ("send", {"text": "x"}, SEND, 400, "INPUT_USER_DEACTIVATED", 400, {"error": "recipient_deleted"}),
    ("send", {"text": "x"}, SEND, 400, "USER_IS_BOT", 400, {"error": "recipient_is_bot"}),
    ("send", {"text": "x"}, SEND, 400, "ENTITIES_TOO_LONG", 400, {"error": "invalid_markup"}),
    ("send", {"text": "x"}, SEND, 400, "SCHEDULE_TOO_MUCH", 400, {"error": "schedule_refused"}),
    ("send", {"text": "x"}, SEND, 400, "INPUT_METHOD_INVALID_1192227_14", 502, {"error": "telegram_layer_rejected"}),
    ("send", {"text": "x"}, SEND, 400, "NEVER_HEARD_OF", 400, {"error": "refused_by_telegram", "telegram_error": "NEVER_HEARD_OF"}),
    ("send", {"text": "x"}, SEND, 403, "NEVER_HEARD_OF", 403, {"error": "forbidden_by_telegram", "telegram_error": "NEVER_HEARD_OF"}),
    ("send", {"text": "x"}, SEND, 420, "SLOWMODE_WAIT_30", 429, {"error": "slow_mode", "retry_after_seconds": 30}),
    ("poll", POLL, "messages.sendMedia", 400, "QUIZ_MULTIPLE_INVALID", 400, {"error": "poll_refused"}),
    ("poll", POLL, "messages.sendMedia", 403, "CHAT_SEND_POLL_FORBIDDEN", 403, {"error": "content_forbidden"}),
    ("edit", {"message_id": 1, "text": "x"}, "messages.editMessage", 400, "MSG_TOO_OLD", 400, {"error": "edit_time_expired"}),
    ("action", {}, "messages.setTyping", 403, "USER_IS_BLOCKED", 403, {"error": "blocked_by_recipient"}),
    ("pin", {"message_id": 1}, "messages.updatePinnedMessage", 400, "PIN_RESTRICTED", 403, {"error": "pin_forbidden"}),
    (
        "react",
        {"message_id": 1, "reactions": ["5368324170671202286"]},
        "messages.sendReaction",
        400,
        "DOCUMENT_INVALID",
        400,
        {"error": "reaction_invalid", "telegram_error": "DOCUMENT_INVALID"},
    ),
]


def test_s7_each_refusal_has_a_code_and_a_status(customer: Customer) -> None:
    """S7: with what belongs to it, whatever number Telegram gives it; the document names both."""
    paths = openapi.document()["paths"]
    customer.log_in()
    for verb, body, method, number, name, status, told in REFUSALS:
        customer.phones.inject("error", phone=customer.phone, method=method, code=number, message=name)
        peer = "me" if name.startswith("SLOWMODE") else f"@{customer.username}"
        answer = customer.call("POST", f"/messages/{verb}", json={"peer": peer, **body})
        assert answer.status_code == status, (name, answer.text)
        assert {field: answer.json()[field] for field in told} == told, name
        documented = paths[f"/tenants/{{tenant}}/messages/{verb}"]["post"]["responses"][str(status)]
        assert told["error"] in documented["content"]["application/json"]["examples"], name
    customer.phones.inject("error", phone=customer.phone, method=SEND, code=-503, message="Timeout")
    assert customer.send(f"@{customer.username}", "after a time-out").status_code == 200
