"""Which Telegram the listener talks to: the test server of this machine, started here, or the real one."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local import own_ports
from local.processes import Process, bare_environment, free_port, is_listening

START_DEADLINE_S = 120
API_ID, API_HASH = "1", "test"  # any will do there


@dataclass(frozen=True)
class TelegramServer:
    """A running test server: where it is, and where people and chats are made and faults are set (`control_url`)."""

    process: Process
    address: str
    key_path: Path
    control_url: str

    @property
    def listener_environment(self) -> dict[str, str]:
        """What the listener needs to talk to it instead of the real Telegram."""
        return {
            "TELEGRAM_API_ID": API_ID,
            "TELEGRAM_API_HASH": API_HASH,
            "TELEGRAM_TEST_SERVER": self.address,
            "TELEGRAM_TEST_SERVER_KEY": str(self.key_path),
        }


def start(state: Path) -> TelegramServer:
    """Start the test server with its people and chats kept in `state`. Raises `StartError`."""
    log, ports = state / "logs" / "telegram.log", (_port(state), free_port())
    for port in ports:
        own_ports.add(state, port)
    command = [sys.executable, "-m", "local.telegram", "--state", str(state / "telegram")]
    command += ["--port", str(ports[0]), "--control-port", str(ports[1])]
    process = Process("the Telegram test server", command, bare_environment(), log)
    try:
        process.wait_until(lambda: bool(_printed(log)), START_DEADLINE_S)
        return _describe(process, _printed(log), state / "telegram-key.pem")
    except BaseException:
        process.stop()
        raise


def _port(state: Path) -> int:
    """The port of last time where that is free: sessions hold the address at which their account logged in."""
    note = state / "telegram-port"
    if not note.exists() or is_listening(int(note.read_text())):
        state.mkdir(parents=True, exist_ok=True)
        note.write_text(str(free_port()))
    return int(note.read_text())


def _describe(process: Process, printed: dict[str, Any], key_path: Path) -> TelegramServer:
    key_path.write_text(printed["public_key"])
    return TelegramServer(process, f"{printed['host']}:{printed['port']}", key_path, printed["control_url"])


def _printed(log: Path) -> dict[str, Any]:
    """The line of JSON with which the server says that it is ready, and where; empty until then."""
    whole_lines = log.read_text(errors="replace").rpartition("\n")[0].splitlines()
    return next((json.loads(line) for line in whole_lines if line.startswith("{")), {})
