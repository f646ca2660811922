"""Child processes with a log file. They end with their parent.

On Linux the kernel ends a child when its parent dies, even if the parent is killed (PR_SET_PDEATHSIG). For the kernel, the parent is the
*thread* that started the child: start children from a thread that lives as long as they do.
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
    """A part of the local system did not start. The message names it, and shows the end of its log."""


class ChildProcess:
    """A running child. Use it as a context manager, or call `stop`. With `again` it appends to the log of its predecessor."""

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
                umask=0o077,  # only this user may read its files
                start_new_session=True,  # Ctrl-C reaches only the parent, which then stops its children in order
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
        """Whether the child has not ended. If it has, the processes that it left behind are killed."""
        if self._child.returncode is None and _has_ended(self._child.pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):  # until the child is reaped, no other process group has its id
                os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        return self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        return None if self.running else self._child.returncode

    @property
    def ending(self) -> str:
        """The way in which it ended, in words."""
        code = self.exit_code or 0
        return f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def stop(self) -> None:
        """End the child and its children: SIGTERM, then SIGKILL if that takes too long. Safe to call twice."""
        if not self.running:
            return
        os.killpg(self._child.pid, signal.SIGTERM)  # it leads a process group of itself and its children
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
        """Return the end of the child's log, indented, with the log's path."""
        return "\n".join(f"    {line}" for line in [*self.said().splitlines()[-lines:], f"(log: {self.log})"])

    def said(self) -> str:
        """Return all that this child wrote to its log."""
        return self.log.read_bytes()[self._begin :].decode(errors="replace") if self.log.exists() else ""


@dataclass(frozen=True)
class LaunchedProcess:
    """A started child, and the check whether it is ready."""

    process: ChildProcess
    is_ready: Callable[[], bool]

    def wait(self, deadline_s: float) -> None:
        """Wait until the child is ready. Raises `StartError`."""
        self.process.wait_until(self.is_ready, deadline_s)


def bare_environment() -> dict[str, str]:
    """Return an environment with only the variables that a Python process needs."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"PYTHONUNBUFFERED": "1"}


def free_port() -> int:
    """Return a free TCP port of 127.0.0.1. For a minute, the kernel gives it to nobody who asks for any free port.

    To that end a connection at the port is left in TIME_WAIT. Servers that name the port can still take it, because they set SO_REUSEADDR
    (asyncio and uvicorn do).
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()
        port: int = server.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Tell whether a server accepts connections on a port of 127.0.0.1."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _has_ended(pid: int) -> bool:
    """Tell whether a child has ended, without reaping it, on systems that can tell."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        return False
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded here: not safe between fork and exec


def _die_with_parent() -> None:
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
