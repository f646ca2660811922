"""The environments of the witnesses: made from their locks when a test first wants them, and left alone while the locks stay as they are.

A machine that cannot have one (no Node, no network, no compiler where there is no wheel) skips its tests and says why.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.bootstrap import BUILD, ENVIRONMENTS, ROOT

HERE = Path(__file__).parent
_MTCUTE = BUILD / "env" / "mtcute"
_PACKAGES = ("package.json", "package-lock.json", ".npmrc")
_LIMIT_S = 240


def kurigram() -> list[str]:
    """Return the command of Kurigram's puppet."""
    _run("Kurigram", sys.executable, str(ROOT / "local" / "bootstrap.py"), "witness")
    return [str(ENVIRONMENTS["witness"] / "bin" / "python"), str(HERE / "kurigram_puppet.py")]


def mtcute() -> list[str]:
    """Return the command of mtcute's puppet."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("mtcute: node and npm are not on the PATH")
    _MTCUTE.mkdir(parents=True, exist_ok=True)
    with (_MTCUTE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(npm)
    return [node, str(HERE / "mtcute_puppet.mjs"), str(_MTCUTE)]


def _install(npm: str) -> None:
    wanted = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _PACKAGES)).hexdigest()
    stamp = _MTCUTE / ".lock-digest"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    for name in _PACKAGES:
        shutil.copy(HERE / name, _MTCUTE / name)
    _run("mtcute", npm, "ci", "--prefix", str(_MTCUTE), "--fetch-retries=1", "--loglevel=error")
    stamp.write_text(wanted)


def _run(name: str, *command: str) -> None:
    settings = {"UV_SYSTEM_CERTS": "1", **os.environ}
    try:
        done = subprocess.run(command, cwd=BUILD, env=settings, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{name}: could not be installed within {_LIMIT_S} s")
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        pytest.skip(f"{name}: could not be installed: {said[0]} … {said[-1]}")
