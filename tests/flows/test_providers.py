"""A provider of WhatsApp beside the whole system: the operator's curls, the events, and the callback."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from local import webhook_receiver
from local.system import System
from local.webhook_receiver import WebhookReceiver
from tests.flows.customer import DEADLINE_S
from tests.support.system import WA_WEB_TOKEN

TENANT = 70_007
ENSURE = 'curl -X POST "http://app:8000/internal/tenant/7/ensure" -H "X-Auth-Token: ${WA_WEB_TOKEN}"'
SHOW = 'curl -H "X-Admin-Token: ${ADMIN_TOKEN}" http://app:8000/admin/provider-token/7'
READY = (
    "curl -X POST \"http://app:8000/webhook?token=${PROVIDER_TOKEN}\" -H 'Content-Type: application/json' "
    '-d \'{"event":"ready","tenant":7,"channel":"whatsapp"}\''
)
MESSAGE = {
    "event": "messages.incoming",
    "tenant": TENANT,
    "channel": "whatsapp",
    "message_id": "ABCD123",
    "from": "79991234567",
    "text": "Привет!",
    "media": [{"type": "image", "url": "whatsapp://7/ABCD", "name": "photo.jpg"}],
    "ts": 1716748800,
}
needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")


@pytest.fixture
def webhook() -> Iterator[WebhookReceiver]:
    """A receiver of the tenant's own."""
    with webhook_receiver.running() as receiver:
        yield receiver


def run(command: str, system: System, **variables: str) -> dict[str, Any]:
    """Run a curl of the requirement's against this system; only the host, the port and the tenant are others."""
    command = command.replace("http://app:8000", system.url).replace("/7", f"/{TENANT}").replace('"tenant":7', f'"tenant":{TENANT}')
    known = {"PATH": "/usr/bin:/bin", "ADMIN_TOKEN": system.admin_token, "WA_WEB_TOKEN": WA_WEB_TOKEN, "NO_PROXY": "127.0.0.1"}
    done = subprocess.run(["sh", "-c", command], env=known | variables, capture_output=True, text=True, timeout=DEADLINE_S, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@needs_curl
def test_a_provider_is_set_up_by_curl_and_its_messages_arrive(system: System, webhook: WebhookReceiver) -> None:
    """Token, ready, QR code and message, with the functions' own rights; at the callback a message is what was posted."""
    ensured = run(ENSURE, system)
    token = ensured["provider_token"]
    assert ensured == {"ok": True, "tenant": TENANT, "provider_token": token}
    assert run(SHOW, system)["provider_token"] == token
    assert run(READY, system, PROVIDER_TOKEN=token) == {"ok": True, "queued": True}
    with httpx.Client(base_url=system.url, timeout=DEADLINE_S, trust_env=False) as http:
        admin = {"X-Admin-Token": system.admin_token}
        settings = {"callback_url": webhook.url, "body_format": "message_in"}
        http.patch(f"/tenants/{TENANT}", headers=admin, json=settings).raise_for_status()
        for _ in range(2):
            posted = http.post("/webhook", params={"token": token}, json=MESSAGE)
            assert (posted.status_code, posted.json()) == (200, {"ok": True, "queued": True})
        qr = {"provider": "whatsapp", "event": "qr", "tenant": TENANT, "qr_id": "1715940000000", "svg": "<svg/>"}
        shown = http.post("/webhook", headers={"X-Provider-Token": token}, json=qr)
        assert (shown.status_code, shown.json()) == (200, {"ok": True, "queued": False, "event": "qr"})
        assert http.post("/webhook", params={"token": "wrong"}, json=MESSAGE).status_code == 401
        assert http.get("/admin/keys/list", params={"tenant": TENANT}, headers=admin).json()["provider_token"] == token
        rotated = http.post(f"/admin/provider-token/{TENANT}/rotate", headers=admin).json()["provider_token"]
        for valid in (token, rotated):
            last = {**MESSAGE, "message_id": valid[-8:], "text": "the last"}
            assert http.post("/webhook", params={"token": valid}, json=last).status_code == 200
        found = webhook.wait(lambda callback: callback.payload["message_id"] == rotated[-8:], DEADLINE_S)
    assert found is not None
    assert [callback.payload["text"] for callback in webhook.got] == ["Привет!", "the last", "the last"]
    assert webhook.got[0].payload == MESSAGE
