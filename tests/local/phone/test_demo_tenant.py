"""What `make up` plants, and the lines that it prints."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from functions.callback_delivery import signing
from local import secret_scan, seed, webhook_receiver
from local.seed import ALICE
from shared.clock import SystemClock
from shared.model.ids import EventId
from testing.telegram_server.control_client import ControlClient
from tests.local.phone.conftest import SECRET, DemoHarness


def _paste(command: str) -> dict[str, Any]:
    """Run a line as a shell would."""
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_the_three_lines_work_as_printed(demo: DemoHarness) -> None:
    """And said again, they answer what is the matter."""
    start, verify, send = (line.command for line in demo.connected.lines(demo.connected.key))
    assert _paste(verify)["error"] == "not_started"
    assert _paste(start)["delivery"] == "app"
    assert _paste(verify)["authorized"] is True
    sent = _paste(send)
    assert demo.system.telegram
    with ControlClient(demo.system.telegram.control_url) as control:
        assert sent["peer_resolved"] == control.person(ALICE.phone)["id"]
    assert [_paste(start)["error"], _paste(verify)["error"]] == ["already_authorized", "already_authorized"]


def test_planting_again_changes_nothing(demo: DemoHarness) -> None:
    """The same tenant, the same key, known to the person alone."""
    again = seed.plant(demo.system, demo.connected.url)
    assert again.tenant == demo.connected.tenant
    kept = demo.system.plan.state / "demo.json"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_receiver_that_moved_is_followed_and_a_callback_of_ones_own_is_left(demo: DemoHarness) -> None:
    """The port may change from one start to the next."""
    seed.plant(demo.system, "http://127.0.0.1:40001")
    assert demo.api.get(demo.base).json()["callback_url"] == "http://127.0.0.1:40001" + seed.RECEIVER
    demo.api.patch(demo.base, json={"callback_url": "http://127.0.0.1:40001/mine"})
    seed.plant(demo.system, demo.connected.url)
    assert demo.api.get(demo.base).json()["callback_url"] == "http://127.0.0.1:40001/mine"
    demo.api.patch(demo.base, json={"callback_url": demo.connected.url + seed.RECEIVER})


def test_a_key_that_the_state_does_not_know_is_not_kept(demo: DemoHarness, tmp_path: Path) -> None:
    """Somebody removed the state and left the note."""
    kept = demo.system.plan.state / "demo.json"
    before = kept.read_bytes()
    kept.write_bytes(before.replace(b'"avio_', b'"avio_0'))
    try:
        assert seed.plant(demo.system, demo.connected.url).tenant.id != demo.connected.tenant.id
    finally:
        kept.write_bytes(before)


def test_the_receivers_checks_agree_with_the_signer() -> None:
    """Written twice, by the documents alone."""
    body = '{"text":"héllo"}'.encode()
    headers = {name.lower(): value for name, value in signing.headers(EventId("evt_1"), SystemClock().now(), 1, body, SECRET).items()}
    for holds in (webhook_receiver.standard_webhooks_holds, webhook_receiver.x_signature_holds):
        assert holds(SECRET, headers, body)
        assert not holds(SECRET, headers, body + b" ")
        assert not holds("whsec_AAAA", headers, body)
        assert not holds(SECRET, {}, body)


def test_a_secret_in_a_log_is_found_however_it_is_spelt(tmp_path: Path) -> None:
    """As itself, in JSON, in a URL; a code not inside a longer number; and the report never says the secret."""
    (tmp_path / "a.log").write_text('x\n{"text":"say \\"hi\\""}\n?text=say%20%22hi%22\ncode 12345.\n9123456 id=a12345\n')
    found = secret_scan.find(tmp_path, {"the text": 'say "hi"', "the code": "12345", "none": ""})
    assert found == ["the text: a.log, line 2", "the text: a.log, line 3", "the code: a.log, line 4"]
