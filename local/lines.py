"""The three lines that a newcomer copies: log in, verify, send. `make up` prints them, and /phone shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from local.seed import ALICE, ANNA, DemoTenant


@dataclass(frozen=True)
class Line:
    """One command for a shell: what it does, and what to expect of it the first time and when it is repeated."""

    title: str
    command: str
    expect: str
    again: str


def copy_lines(url: str, tenant: DemoTenant, *, test_server: bool) -> list[Line]:
    """Return the three lines; with the real Telegram the person fills in their own phone, code and password."""
    start = {"phone": ANNA.phone if test_server else "+YOUR_PHONE"}
    verify = {**start, "code": f"'$(curl -s {url}/phone/code)'" if test_server else "THE_CODE"}
    password = (ANNA.password or "") if test_server else "YOUR_2FA_PASSWORD, OR LEAVE THIS OUT"
    text = {"peer": f"@{ALICE.username}" if test_server else "me", "text": "Hello from Avio"}
    who, to = ("Anna", "Alice") if test_server else ("you", "yourself (Saved Messages)")
    return [
        Line(
            f"Ask Telegram to send {who} a log-in code",
            _curl(url, tenant, "auth/start", start),
            '{"delivery":"app", …}, and the code arrives as a message from Telegram.',
            "409 already_authorized means: logged in already, go on with step 3.",
        ),
        Line(
            "Log in with that code and the 2FA password",
            _curl(url, tenant, "auth/verify", {**verify, "password": password}),
            '{"authorized":true, …}',
            "not_started or invalid_code means: the code is used up, do step 1 again.",
        ),
        Line(
            f"Send a message to {to}",
            _curl(url, tenant, "messages/send", text),
            '{"peer_resolved": …, "message_id": …}, and the message is on the phone.',
            "Every repeat sends another message.",
        ),
    ]


def _curl(url: str, tenant: DemoTenant, path: str, body: dict[str, str]) -> str:
    key = tenant.key.get_secret_value()
    return (
        f"curl -sS -w '\\n' {url}/tenants/{tenant.number}/{path}"
        f" -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    )
