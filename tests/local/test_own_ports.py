"""Every port on which a part of the system listens is in the list of ports to which no callback goes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from local import own_ports, telegram_server_process
from local.system import System
from local.telegram_server_process import START_DEADLINE_S
from tests.support import listening_ports

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def listed(state: Path) -> set[int]:
    """Return the ports in the list."""
    return {int(line.split()[0]) for line in own_ports.file_in(state).read_text().splitlines()}


def test_every_port_of_the_whole_system_is_listed(system: System) -> None:
    """Those of the functions' processes, and the front's, among them."""
    ports = set().union(*(listening_ports.of(part.pid) for part in system.parts))
    front = urlsplit(system.url).port
    assert front
    assert len(ports) >= 5  # the emulator's, three of the test server's, the listener's
    assert ports | {front} <= listed(system.plan.state)


def test_a_test_server_that_was_killed_comes_back_on_listed_ports(tmp_path: Path) -> None:
    """On the same ones, which are listed before it listens."""
    (tmp_path / "logs").mkdir()
    first = telegram_server_process.launch(tmp_path)
    try:
        first.wait(START_DEADLINE_S)
        before = listening_ports.of(first.process.pid)
        os.kill(first.process.pid, signal.SIGKILL)
    finally:
        first.process.stop()
    again = telegram_server_process.launch(tmp_path, again=True)
    try:
        again.wait(START_DEADLINE_S)
        assert listening_ports.of(again.process.pid) == before == listed(tmp_path)
    finally:
        again.process.stop()
