"""An answer of each operation that goes well, by the operation's name; a test holds each to its route's own model."""

from __future__ import annotations

from typing import Any

_ID = "7b0d3c1e-5a53-4f0e-9d6c-2f1a8e4b7c90"
_EVENT = "evt_0f3c7a52e1b84d69a7c25d08f4b1e936"
_AT = "2026-11-21T10:00:40Z"
_TENANT = {
    "id": _ID,
    "number": 1,
    "name": "Shop",
    "callback_url": "https://shop.example/telegram",
    "callback_disabled": None,
    "callback_disabled_at": None,
    "callback_header_names": ["Authorization"],
    "chat_types": ["group", "private"],
    "events": ["message"],
    "include_chats": [],
    "exclude_chats": [],
    "created_at": _AT,
}
_CALLBACK_SETTINGS = {
    "id": "cb_5f3c7a52e1b8",
    "delivery": "push",
    "callback_url": "https://crm.example/telegram",
    "callback_disabled": None,
    "callback_disabled_at": None,
    "callback_header_names": [],
    "chat_types": ["group", "private"],
    "events": ["message", "message.edited"],
    "include_chats": [100000002],
    "exclude_chats": [],
}
_KEY = {"id": "a15f2c0d9e3b", "name": "the shop's server", "scopes": ["read", "send"], "created_at": _AT}
_DELIVERY = {
    "event_id": _EVENT,
    "callback": "first",
    "status": "delivered",
    "chat": "telegram:100000002",
    "received_at": _AT,
    "updated_at": "2026-11-21T10:00:41Z",
    "attempts": 1,
    "last": "status 200",
    "reason": None,
}
_CODE = {"delivery": "app", "length": 5, "next_type": "sms", "resend_after_seconds": 60}
_CALLBACK = {
    "state": "healthy",
    "since": None,
    "next_attempt_at": None,
    "disabled_cause": None,
    "disabled_reason": None,
    "failures_in_a_row": 0,
    "pending": 0,
    "parked": 0,
    "dead": 0,
    "oldest_waiting": None,
    "dropped": None,
}
EXAMPLES: dict[str, Any] = {
    "create_tenant": {**_TENANT, "key": "avio_…", "signing_secret": "whsec_…"},
    "list_tenants": [_TENANT],
    "get_tenant": _TENANT,
    "change_tenant": _TENANT,
    "delete_tenant": {"ok": True, "state": "deleting"},
    "create_key": {**_KEY, "key": "avio_…"},
    "list_keys": [_KEY],
    "delete_key": {"ok": True},
    "rotate_signing_secret": {"signing_secret": "whsec_…", "previous_valid_until": "2026-11-22T10:00:40Z"},
    "end_previous_signing_secret": {"ok": True},
    "create_callback": {**_CALLBACK_SETTINGS, "signing_secret": "whsec_…"},
    "list_callbacks": [_CALLBACK_SETTINGS],
    "get_callback": _CALLBACK_SETTINGS,
    "change_callback": _CALLBACK_SETTINGS,
    "delete_callback": {"ok": True},
    "rotate_callback_secret": {"signing_secret": "whsec_…", "previous_valid_until": "2026-11-22T10:00:40Z"},
    "end_previous_callback_secret": {"ok": True},
    "fetch_events": {"events": [], "cursor": None},
    "acknowledge_events": {"ok": True},
    "get_status": {
        "authorized": True,
        "state": "authorized",
        "reason": "logged_in",
        "next_step": "Nothing: the account sends and receives.",
        "phone": "+79001234567",
        "owner": True,
        "connected": True,
        "connected_since": _AT,
        "synced_at": _AT,
        "last_event_at": _AT,
        "stale": False,
    },
    "start_login": _CODE,
    "resend_code": {**_CODE, "delivery": "sms", "next_type": None},
    "cancel_login": {"state": "new"},
    "verify_login": {"authorized": True, "state": "authorized"},
    "logout": {"state": "logged_out"},
    "send_message": {"peer_resolved": 100000002, "message_id": 5, "date": "2026-11-21T10:00:40Z"},
    "list_deliveries": [_DELIVERY],
    "get_delivery": {**_DELIVERY, "made": [{"at": _AT, "duration_ms": 84, "status": 200, "fault": None, "answer": "ok"}]},
    "replay_delivery": {"ok": True, "queued": 1, "next": None, "callback_state": "healthy", "next_attempt_at": None},
    "replay_deliveries": {"ok": True, "queued": 500, "next": f"2026-11-21T10:00:40.000000~{_EVENT}"},
    "get_callback_status": _CALLBACK,
    "retry_callback": _CALLBACK,
    "test_callback": {"ok": True, "status": 200, "fault": None, "duration_ms": 84, "answer": "ok", "woken": False},
    "receive_callback": {"ok": "stored"},
    "list_received": [{"received_at": _AT, "payload": {"event": "test"}}],
    "about": {"name": "Avio", "version": "0.1.0", "links": {"docs": "/docs", "openapi": "/openapi.json", "health": "/health"}},
    "health": {"ok": True},
}
