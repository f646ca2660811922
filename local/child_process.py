"""Child processes: started with a log file, ended by their own id, and never left behind.

A child dies with its parent even if that is killed: on Linux the kernel is asked to see to it (PR_SET_PDEATHSIG). To the kernel the
parent is the *thread* that started the child: start children from one that stays.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.bootstrap import ROOT

PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
POLL_S = 0.02


class StartError(Exception):
    """A part of the local system did not come up; the message says which, and shows the end of its log."""


class ChildProcess:
    """One running child. Use it as a context manager, or call `stop`. With `again` its log goes on where that of its predecessor ended."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        stop_timeout_s: float = 20,
        *,
        again: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_timeout_s = stop_timeout_s
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab" if again else "wb", opener=_private) as stream:
            self._begin = stream.tell()
            self._child = subprocess.Popen(
                list(command),
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
                umask=0o077,  # what it writes is for its owner alone
                start_new_session=True,  # Ctrl-C at the terminal reaches the parent alone, which then stops its children in order
            )

    def __enter__(self) -> ChildProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the child has not ended. What it started and left behind ends when its end is seen."""
        if self._child.returncode is None and _has_ended(self._child.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # while it is not collected, the group's id is nobody else's
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """With what it ended; None while it runs."""
        return None if self.running else self._child.returncode

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        code = self.exit_code or 0
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def stop(self) -> None:
        """End the child and what it started: SIGTERM, and SIGKILL if it takes too long. Safe to call twice."""
        if not self.running:
            return
        os.killpg(self._child.pid, signal.SIGTERM)  # it leads a group of its own, which holds its children and nobody else
        ends = time.monotonic() + self._stop_timeout_s
        while self.running and time.monotonic() < ends:
            time.sleep(POLL_S)
        if self.running:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait(5)

    def wait_until(self, is_ready: Callable[[], bool], deadline_s: float) -> None:
        """Wait for a condition. Raises `StartError` if the child ends before it holds, or the deadline passes."""
        ends = time.monotonic() + deadline_s
        while not is_ready():
            if not self.running:
                raise StartError(f"{self.name} ended while starting ({self.ending}):\n{self.log_tail()}")
            if time.monotonic() > ends:
                raise StartError(f"{self.name} was not ready after {deadline_s:.0f} s:\n{self.log_tail()}")
            time.sleep(POLL_S)

    def log_tail(self, lines: int = 20) -> str:
        """The end of the child's log, indented, with the log's path."""
        return "\n".join(f"    {line}" for line in [*self.said().splitlines()[-lines:], f"(log: {self.log})"])

    def said(self) -> str:
        """All that this child wrote to its log."""
        return self.log.read_bytes()[self._begin :].decode(errors="replace") if self.log.exists() else ""


@dataclass(frozen=True)
class LaunchedProcess:
    """A child that was started, and how to see that it does its work."""

    process: ChildProcess
    is_ready: Callable[[], bool]

    def wait(self, deadline_s: float) -> None:
        """Wait until it does its work. Raises `StartError`."""
        self.process.wait_until(self.is_ready, deadline_s)


def bare_environment() -> dict[str, str]:
    """Nothing of the person's shell but what a Python process needs to run at all."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free, and that for the next minute nobody gets who asks for any free one.

    A connection at it, closed from there, lies in TIME_WAIT: the kernel leaves such a port to those who name it, and servers may take it
    all the same, since they set SO_REUSEADDR (asyncio and uvicorn do).
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()
        port: int = server.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether something accepts connections on that port of 127.0.0.1."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _has_ended(pid: int) -> bool:
    """Whether a child of ours has ended, without collecting it where the system can say so."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: between fork and exec nothing may be


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
