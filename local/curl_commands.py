"""The three curl commands for a newcomer: log in, verify, send. `make up` prints them, and /phone shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from local.phone.request_guard import KEY_HEADER
from local.seed import ALICE, ANNA, DemoTenant


@dataclass(frozen=True)
class CurlCommand:
    """A command for a shell, with its expected output: the first time, and when it is repeated."""

    title: str
    command: str
    expect: str
    again: str


def copy_lines(url: str, tenant: DemoTenant, key: str, page_key: str | None) -> list[CurlCommand]:
    """Return the three commands. `page_key` opens the test phones. It is None at the real Telegram: the user fills in the blanks."""
    test_server = page_key is not None
    start = {"phone": ANNA.phone if test_server else "+YOUR_PHONE"}
    verify = {**start, "code": f"'$(curl -s -H {KEY_HEADER}:{page_key} {url}/phone/code)'" if test_server else "THE_CODE"}
    password = (ANNA.password or "") if test_server else "YOUR_2FA_PASSWORD"
    text = {"peer": f"@{ALICE.username}" if test_server else "me", "text": "Hello from Avio"}
    who, to = ("Anna", "Alice") if test_server else ("you", "yourself (Saved Messages)")
    return [
        CurlCommand(
            f"Ask Telegram to send {who} a log-in code",
            _curl(url, tenant, key, "auth/start", start),
            '{"delivery":"app", …}, and the code arrives as a message from Telegram.',
            "Once logged in it answers 409 already_authorized: go on with step 3.",
        ),
        CurlCommand(
            "Log in with that code and the 2FA password",
            _curl(url, tenant, key, "auth/verify", {**verify, "password": password}),
            '{"authorized":true, …}',
            "Once logged in it answers 409 already_authorized: go on with step 3.",
        ),
        CurlCommand(
            f"Send a message to {to}",
            _curl(url, tenant, key, "messages/send", text),
            '{"peer_resolved": …, "message_id": …}, and the message is on the phone.',
            "Every repeat sends another message.",
        ),
    ]


def logout_line(url: str, tenant: DemoTenant, key: str) -> str:
    """Return the command that logs the account out."""
    return _curl(url, tenant, key, "logout", {})


def qr_line(url: str, tenant: DemoTenant, key: str) -> str:
    """Return the command that begins a log-in by QR code."""
    return _curl(url, tenant, key, "auth/qr", {})


def _curl(url: str, tenant: DemoTenant, key: str, path: str, body: dict[str, str]) -> str:
    return (
        f"curl -sS -w '\\n' {url}/tenants/{tenant.number}/{path}"
        f" -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )
