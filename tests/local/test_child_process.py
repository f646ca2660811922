"""Child processes start when they are ready, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.bootstrap import ROOT
from local.child_process import ChildProcess, StartError, bare_environment, free_port, is_listening

READY = "import time; print('ready', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
PARENT = """
import sys, time
from pathlib import Path
from local.child_process import ChildProcess, bare_environment
child = ChildProcess("child", [sys.executable, "-c", "import time; time.sleep(60)"], bare_environment(), Path(sys.argv[1]))
print(child.pid, flush=True)
time.sleep(60)
"""
GRANDPARENT = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""
DEADLINE_S = 20


def _start(code: str, log: Path, stop_timeout_s: float = 20) -> ChildProcess:
    return ChildProcess("the child", [sys.executable, "-c", code], bare_environment(), log, stop_timeout_s)


def _printed(log: Path) -> bool:
    return "ready" in log.read_text()


def test_a_child_is_waited_for_and_stopped(tmp_path: Path) -> None:
    """Its output goes to its log; stopping twice does no harm."""
    log = tmp_path / "logs" / "child.log"
    with _start(READY, log) as child:
        child.wait_until(lambda: _printed(log), DEADLINE_S)
    assert not child.running
    child.stop()


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    """After its time is up."""
    log = tmp_path / "child.log"
    child = _start(DEAF, log, stop_timeout_s=0.2)
    child.wait_until(lambda: _printed(log), DEADLINE_S)
    child.stop()
    assert not child.running


def test_a_child_that_dies_while_starting_shows_its_log(tmp_path: Path) -> None:
    """At once, not after the deadline."""
    child = _start("raise SystemExit('no such thing')", tmp_path / "child.log")
    with pytest.raises(StartError, match=r"the child ended while starting \(exit code 1\):\s+no such thing"):
        child.wait_until(lambda: False, DEADLINE_S)


def test_a_child_that_never_gets_ready_is_given_up(tmp_path: Path) -> None:
    """With the deadline in the message."""
    with _start(READY, tmp_path / "child.log") as child, pytest.raises(StartError, match="not ready after 0 s"):
        child.wait_until(lambda: False, 0.1)


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    """The emulator starts a process for each function."""
    log = tmp_path / "child.log"
    with _start(GRANDPARENT, log) as child:
        child.wait_until(lambda: log.read_text().endswith("\n"), DEADLINE_S)
        grandchild = int(log.read_text())
    _wait_until_gone(grandchild)


def test_what_a_killed_child_started_ends_too(tmp_path: Path) -> None:
    """As soon as its end is seen: the emulator's functions would go on without it."""
    log = tmp_path / "child.log"
    child = _start(GRANDPARENT, log)
    child.wait_until(lambda: log.read_text().endswith("\n"), DEADLINE_S)
    os.kill(child.pid, signal.SIGKILL)
    ends = time.monotonic() + DEADLINE_S
    while child.running:
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert child.ending == "killed by signal 9"
    _wait_until_gone(int(log.read_text()))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """kill -9 leaves nobody to clean up, so the kernel does it."""
    command = [sys.executable, "-c", PARENT, str(tmp_path / "child.log")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    _wait_until_gone(child)


def _wait_until_gone(pid: int) -> None:
    ends = time.monotonic() + DEADLINE_S
    while _exists(pid):
        assert time.monotonic() < ends, f"{pid} lives on"
        time.sleep(0.01)


def _exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_free_ports_are_free_and_nobody_is_given_the_same_one() -> None:
    """Nobody listens there; while a process starts, no other takes its port by chance, and a server that names it may have it."""
    ports = {free_port() for _ in range(20)}
    assert len(ports) == 20
    assert not any(is_listening(port) for port in ports)
    assert ports.isdisjoint(_any_port() for _ in range(5000))
    for port in ports:
        socket.create_server(("127.0.0.1", port)).close()


def _any_port() -> int:
    with socket.socket() as anybody:
        anybody.bind(("127.0.0.1", 0))
        port: int = anybody.getsockname()[1]
        return port


def test_a_childs_environment_holds_nothing_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS settings and tokens of the person's shell must not reach it."""
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    assert "AWS_PROFILE" in os.environ
    assert "AWS_PROFILE" not in bare_environment()
