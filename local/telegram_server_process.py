"""Runs the Telegram test server as a process, and returns the listener's settings for it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from local import own_ports, state_secrets
from local.child_process import ChildProcess, LaunchedProcess, bare_environment, free_port, is_listening
from testing.telegram_server.control.door import PASSWORD, USER

START_DEADLINE_S = 120
API_ID, API_HASH = "1", "test"  # any will do there


@dataclass(frozen=True)
class RunningTelegramServer:
    """A running test server. `control_url` (with a password) is its control interface, for people, chats and faults."""

    process: ChildProcess
    address: str
    key_path: Path
    control_url: str = field(repr=False)

    @property
    def listener_environment(self) -> dict[str, str]:
        """The settings with which the listener uses it in the place of the real Telegram."""
        return {
            "TELEGRAM_API_ID": API_ID,
            "TELEGRAM_API_HASH": API_HASH,
            "TELEGRAM_TEST_SERVER": self.address,
            "TELEGRAM_TEST_SERVER_KEY": str(self.key_path),
        }


def start(state: Path) -> RunningTelegramServer:
    """Start the test server. Its people and chats are saved in `state`. Raises `StartError`."""
    launched = launch(state)
    try:
        launched.wait(START_DEADLINE_S)
        return describe(launched.process, state)
    except BaseException:
        launched.process.stop()
        raise


def launch(state: Path, *, again: bool = False) -> LaunchedProcess:
    """Start the test server's process at the ports of last time."""
    log, password = state / "logs" / "telegram.log", state_secrets.of(state).control
    ports = {use: _port(state / f"telegram-{use}") for use in ("port", "media-port", "control-port")}
    for own in ports.values():
        own_ports.add(state, own)
    command = [sys.executable, "-m", "testing.telegram_server", "--state", str(state / "telegram")]
    command += [f"--{use}={own}" for use, own in ports.items()]
    process = ChildProcess("the Telegram test server", command, {**bare_environment(), PASSWORD: password}, log, again=again)
    return LaunchedProcess(process, lambda: bool(_printed(process)))


def _port(note: Path) -> int:
    """The port of last time where that is free: sessions and the phone page hold the address of last time."""
    if not note.exists() or is_listening(int(note.read_text())):
        note.write_text(str(free_port()))
    return int(note.read_text())


def describe(process: ChildProcess, state: Path) -> RunningTelegramServer:
    """Say where a test server is that is ready, and lay its public key into `state`."""
    printed, key_path = _printed(process), state / "telegram-key.pem"
    key_path.write_text(printed["public_key"])
    control = httpx.URL(printed["control_url"]).copy_with(username=USER, password=state_secrets.of(state).control)
    return RunningTelegramServer(process, f"{printed['host']}:{printed['port']}", key_path, str(control))


def _printed(process: ChildProcess) -> dict[str, Any]:
    """The line of JSON with which the server says that it is ready, and where; empty until then."""
    whole_lines = process.said().rpartition("\n")[0].splitlines()
    return next((json.loads(line) for line in whole_lines if line.startswith("{")), {})
