"""A new deployment's secret is empty: the listener starts all the same and says what it lacks."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from listener.health_check import why_not
from local.child_process import ChildProcess, bare_environment, free_port, is_listening
from tests.support.listener_harness import until

SETTINGS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "TABLE_NAME": "avio",
    "DELIVERIES_TABLE_NAME": "deliveries",
    "EVENTS_QUEUE_URL": "https://sqs.example/events.fifo",
    "KMS_KEY_ID": "x",
    "MEDIA_BUCKET": "media",
    "LISTENER_HOST": "127.0.0.1",
}


@pytest.mark.parametrize("api_id", ["", "not filled in"])
async def test_a_listener_without_telegrams_application_says_so_and_stays(tmp_path: Path, api_id: str) -> None:
    """In one log line and its health; to the container's check it lives; it goes when it is told to."""
    port = free_port()
    settings = {**SETTINGS, "LISTENER_PORT": str(port), "TELEGRAM_API_ID": api_id, "TELEGRAM_API_HASH": "hash"}
    with ChildProcess("the listener", [sys.executable, "-m", "listener"], bare_environment() | settings, tmp_path / "log") as process:
        await until(lambda: is_listening(port) or not process.running)
        trusting = ssl.create_default_context()
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        with pytest.raises(urllib.error.HTTPError) as answer:
            await asyncio.to_thread(urllib.request.urlopen, f"https://127.0.0.1:{port}/health", context=trusting, timeout=20)
        assert json.load(answer.value) == {"ok": False, "worker": None, "accounts": 0, "missing": ["TELEGRAM_API_ID"]}
        assert await asyncio.to_thread(why_not, port) is None
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["message"] for line in lines] == ["settings missing, holding nothing"]
